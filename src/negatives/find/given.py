"""The two sides of a collection by vectors that somebody else computed, read where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from negatives.arrays import Floats, Rows
from negatives.errors import DataError, RecipeError
from negatives.events import Progress, Warned
from negatives.models.checks import FIRST, check_finite, single, zeros
from negatives.models.embedding import BLOCK, Embedded, Similarity, is_empty, key_of
from negatives.models.precomputed import VectorReader, read_vectors
from negatives.models.representable import representable
from negatives.opening import Context
from negatives.stats.lengths import Wide, normalised, of_length_one
from negatives.store.atomic import write_text
from negatives.store.mapped import remembered
from negatives.store.vectors import open_vectors, write_vectors


def from_files(
    context: Context, query_vectors: Path, doc_vectors: Path, similarity: Similarity
) -> Embedded:
    """Both sides from files of vectors, in single precision whatever precision the files have.

    Compared by cosine, documents' vectors of length 1 that lie in the collection's order are
    searched in their file; all else is copied to scratch. Raises `InputError` for files that
    `read_vectors` refuses or that do not belong together, for NaN and infinity, for nothing but
    zeros, and for inner products that float32 cannot hold. Some vectors of zeros are told
    (`Warned`): they are like nothing.
    """
    collection, scratch = context.collection, context.scratch
    queries, corpus, mined = collection.queries, collection.corpus, collection.mined_queries
    left = read_vectors(
        query_vectors, queries["query_id"], queries["row"], "queries", scratch=scratch
    )
    right = read_vectors(doc_vectors, corpus["doc_id"], corpus["row"], "corpus", scratch=scratch)
    where = f"{query_vectors}, {doc_vectors}"
    if left.dim != right.dim:
        raise RecipeError(
            f"query vectors are {left.dim} wide, document vectors {right.dim}",
            where=where,
            fix="give vectors of one encoder",
        )
    key = key_of(left.fingerprint, right.fingerprint, similarity)
    asked, searched = scratch / f"queries-{key}.npy", scratch / f"docs-{key}.npy"
    if not asked.exists():
        side = _Side(context, left, "queries", query_vectors, queries, mined, similarity)
        write_vectors(asked, len(mined), left.dim, side.blocks())
    made = open_vectors(asked)
    every = np.arange(len(corpus), dtype=np.uint32)
    side = _Side(context, right, "corpus", doc_vectors, corpus, every, similarity)
    as_they_lie = searched.with_suffix(".as-they-lie")
    if not (as_they_lie.exists() or searched.exists()) and side.ready():
        write_text(as_they_lie, "")  # those who open the side after this need not look again
    if as_they_lie.exists():
        return Embedded(key, made, remembered(right.array))
    if not searched.exists():
        blocks = side.blocks()
        if similarity == "dot":
            ids = queries["query_id"].gather(mined)
            blocks = representable(blocks, made, ids, corpus["doc_id"], where)
        write_vectors(searched, len(corpus), right.dim, blocks)
    return Embedded(key, made, open_vectors(searched))


@dataclass(frozen=True, slots=True)
class _Side:
    """The vectors of one side, the texts they are of, and the rows of those that are wanted.

    `what`: "queries" or "corpus".
    """

    context: Context
    reader: VectorReader
    what: str
    path: Path
    texts: pl.DataFrame
    wanted: Rows
    similarity: Similarity

    def ready(self) -> bool:
        """Whether the file can be searched as it is: then all is checked, and nothing to be done.

        Where it cannot, that is told by the first vector to be divided by its length.
        """
        return (
            self.similarity == "cosine"
            and self.reader.plain
            and all(of_length_one(vectors).all() for vectors, _ in self._checked())
        )

    def blocks(self) -> Iterator[Floats]:
        """The wanted vectors, checked and made ready to be compared."""
        for vectors, ids in self._checked():
            if self.similarity == "dot":
                yield single(vectors, ids, self.what, str(self.path))
            else:
                # As it is in files that are searched where they lie: no format changes a bit.
                made, as_is = normalised(vectors), of_length_one(vectors)
                made[as_is] = vectors[as_is]
                yield made

    def _checked(self) -> Iterator[tuple[Wide, pl.Series]]:
        """The wanted vectors and their ids, a block at a time, all of them numbers."""
        zero: list[pl.Series] = []
        for start in range(0, len(self.texts), BLOCK):
            stop = min(start + BLOCK, len(self.texts))
            vectors = self.reader.block(start, stop)
            first, last = np.searchsorted(self.wanted, (start, stop))
            rows = self.wanted[first:last]
            if len(rows) < stop - start:
                vectors = vectors[rows - start]
            ids = self.texts.to_series(0).gather(rows)
            check_finite(vectors, ids, self.what, str(self.path))
            empty = zeros(vectors)
            if empty.any() and "text" in self.texts.columns:
                empty &= ~is_empty(self.texts["text"].gather(rows))
            zero.append(ids.filter(pl.Series(empty)))
            yield vectors, ids
            self.context.emit(
                Progress(f"read vectors of {self.what}", stop, len(self.texts), "texts")
            )
        if zero:
            self._tell_of(pl.concat(zero))

    def _tell_of(self, zero: pl.Series) -> None:
        """Say which vectors are all zero; refuse a file of nothing else."""
        if len(zero) == len(self.wanted) > 0:
            raise DataError(
                f"every vector of the {self.what} is all zero",
                where=str(self.path),
                fix="save what the encoder gave, and not the array it was to be written into",
            )
        if len(zero):
            listed = ", ".join(zero[:FIRST]) + (", ..." if len(zero) > FIRST else "")
            self.context.emit(
                Warned(
                    f"{self.path}: {len(zero):,} of {len(self.wanted):,} vectors of the "
                    f"{self.what} are all zero, and their similarity to everything is 0: {listed}"
                )
            )
