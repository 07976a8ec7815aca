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
from negatives.stats.lengths import normalised
from negatives.store.vectors import open_vectors, write_vectors


def from_files(
    context: Context, query_vectors: Path, doc_vectors: Path, similarity: Similarity
) -> Embedded:
    """Both sides from files of vectors, in single precision whatever precision the files have.

    Raises `InputError` for files that `read_vectors` refuses or that do not belong together, for
    NaN and infinity, for nothing but zeros, and for inner products that float32 cannot hold. Some
    vectors of zeros are told (`Warned`): they are like nothing.
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
    if not searched.exists():
        every = np.arange(len(corpus), dtype=np.uint32)
        side = _Side(context, right, "corpus", doc_vectors, corpus, every, similarity)
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

    def blocks(self) -> Iterator[Floats]:
        """The wanted vectors, checked and made ready to be compared."""
        zero: list[pl.Series] = []
        for start in range(0, len(self.texts), BLOCK):
            stop = min(start + BLOCK, len(self.texts))
            vectors = self.reader.block(start, stop)
            first, last = np.searchsorted(self.wanted, (start, stop))
            rows = self.wanted[first:last]
            if len(rows) < stop - start:
                vectors = vectors[rows - start]
            ids, where = self.texts.to_series(0).gather(rows), str(self.path)
            check_finite(vectors, ids, self.what, where)
            empty = zeros(vectors)
            if "text" in self.texts.columns:
                empty &= ~is_empty(self.texts["text"].gather(rows))
            zero.append(ids.filter(pl.Series(empty)))
            yield (
                normalised(vectors)
                if self.similarity == "cosine"
                else single(vectors, ids, self.what, where)
            )
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
