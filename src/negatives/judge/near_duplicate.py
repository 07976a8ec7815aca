"""Near-duplicates of a positive, by MinHash and then exactly.

Only pairs of a candidate and a positive of the same query matter, so signatures are compared
directly: no buckets, nothing missed for want of a collision, no cost for boilerplate that fills
them. The signature decides which pairs are worth an exact comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import polars as pl
from msgspec import Meta
from numpy.typing import NDArray

from negatives.arrays import Floats, Ragged, Rows, by_volume
from negatives.events import Progress
from negatives.opening import JudgeContext
from negatives.schema import DUPLICATE, Collection, Needs
from negatives.stage import Judge
from negatives.store.atomic import writing
from negatives.store.mapped import open_array
from negatives.text.keys import shingles

_PERMUTATIONS = 64
_MARGIN = 4.0  # standard deviations of the estimate below the threshold that are still compared
_PAIRS = 1 << 16
_CACHED = 1 << 15  # shingles that are hashed at one time: they stay in a cache
_SEED = 0x5EED

Shingles = Ragged[np.uint32]


class NearDuplicate(Judge, kind="near-duplicate"):
    """Candidates whose word shingles are nearly those of a positive (Broder, 1997).

    Similarity is the Jaccard index of the sets of runs of `words` words; at 0.8, about one word in
    twenty may differ. Where the identity of documents is their id, the similarity is evidence, and
    nothing is called a copy.

    >>> from negatives import NearDuplicate, tiny
    >>> tiny.judged(NearDuplicate(threshold=0.6))["wings"]
    {'again': 'near-duplicate: Jaccard 0.69 with positive lift'}
    """

    rules: ClassVar[Mapping[str, str]] = {"near-duplicate": "near-duplicates of a positive"}

    threshold: Annotated[
        float, Meta(gt=0, le=1, description="Jaccard similarity from which a document is a copy")
    ] = 0.8
    words: Annotated[int, Meta(ge=1, le=100, description="words in a shingle")] = 2

    @property
    def needs(self) -> Needs:
        """Words of the documents."""
        return Needs(docs=("text",), instead="leave near-duplicate out: it compares words")

    @property
    def fix(self) -> str:
        """Raise the threshold."""
        return f"raise near-duplicate threshold above {self.threshold:g}"

    @property
    def copies(self) -> pl.Expr:
        """From the threshold on."""
        return pl.col("near_duplicate") >= self.threshold

    def open(self, context: JudgeContext) -> NearDuplicateRuling:
        """Shingle and sign every document once, into the scratch folder."""
        names = [f"{part}-{self.words}.npy" for part in ("shingles", "offsets", "signatures")]
        paths = [context.scratch / name for name in names]
        if not all(path.exists() for path in paths):
            count = len(context.collection.corpus)
            context.emit(Progress("sign documents", 0, count, "documents"))
            made = shingles(context.collection.corpus["text"], self.words)
            _save(paths[0], made.values)
            _save(paths[1], made.starts)
            _save(paths[2], signatures(made))
            context.emit(Progress("sign documents", count, count, "documents"))
        values, starts, signed = map(open_array, paths)
        return NearDuplicateRuling(self, context.collection, Ragged(starts, values), signed)


@dataclass(frozen=True, slots=True)
class NearDuplicateRuling:
    """Shingles and signatures of one corpus, memory-mapped."""

    stage: NearDuplicate
    collection: Collection
    shingles: Shingles
    signatures: Rows

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`near_duplicate`: similarity to the closest other positive, if it may matter; a verdict.

        Of a positive too, compared with the others, for what estimators learn from; it has no
        verdict here.
        """
        numbered = rows.select("query", "doc", "relevance").with_row_index("place")
        positives = numbered.filter(pl.col("relevance") > 0).select("query", positive="doc")
        similar: list[pl.DataFrame] = [
            pl.DataFrame(
                schema={"place": pl.UInt32, "positive": pl.UInt32, "near_duplicate": pl.Float32}
            )
        ]
        queries = numbered["query"].unique().sort()
        for part in _spans(queries, numbered, positives):
            pairs = numbered.filter(pl.col("query").is_in(part.implode())).join(
                positives, on="query", maintain_order="left"
            )
            similar.append(self._similar(pairs.filter(pl.col("doc") != pl.col("positive"))))
        closest = (
            pl.concat(similar)
            .sort("place", "near_duplicate", "positive", descending=[False, True, False])
            .unique("place", keep="first", maintain_order=True)
        )
        found = numbered.join(closest, on="place", how="left", maintain_order="left")
        name = self.collection.corpus["doc_id"].gather(found["positive"])
        is_copy = (pl.col("near_duplicate") >= self.stage.threshold) & pl.col("relevance").is_null()
        is_copy &= self.collection.identity == "text"
        return found.with_columns(name.alias("of")).select(
            "near_duplicate",
            verdict=pl.when(is_copy).then(pl.lit(DUPLICATE)),
            reason=pl.when(is_copy).then(
                pl.format(
                    "near-duplicate: Jaccard {} with positive {}",
                    pl.col("near_duplicate").round(2),
                    "of",
                )
            ),
        )

    def _similar(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Exact Jaccard of the pairs (place, doc, positive) whose estimate is near enough."""
        slack = _MARGIN * np.sqrt(0.25 / _PERMUTATIONS)
        doc, positive = pairs["doc"].to_numpy(), pairs["positive"].to_numpy()
        near = np.empty(len(pairs), bool)
        for start in range(0, len(pairs), _PAIRS):
            part = slice(start, start + _PAIRS)
            equal = self.signatures[doc[part]] == self.signatures[positive[part]]
            near[part] = equal.mean(axis=1) >= self.stage.threshold - slack
        kept = pairs.filter(pl.Series(near))
        exact = jaccard(self.shingles, kept["doc"].to_numpy(), kept["positive"].to_numpy())
        return kept.select("place", "positive", near_duplicate=pl.Series(exact, dtype=pl.Float32))


def signatures(shingles: Shingles, count: int = _PERMUTATIONS) -> Rows:
    """uint32[docs, count]: the smallest of each document's shingles under `count` hash functions.

    A document without shingles gets a signature that equals no other's by construction of `jaccard`
    (its similarity to anything is 0).
    """
    draw = np.random.default_rng(_SEED)
    multiply = draw.integers(1, 2**63, count, np.uint64) | np.uint64(1)
    add = draw.integers(0, 2**63, count, np.uint64)
    signed = np.full((len(shingles), count), 0xFFFFFFFF, np.uint32)
    filled = np.flatnonzero(shingles.lengths)
    starts, ends = shingles.starts[filled], shingles.starts[filled + 1]
    for first, last in by_volume(ends - starts, _CACHED):
        block = shingles.values[starts[first] : ends[last - 1]].astype(np.uint64)
        hashed = np.empty_like(block)
        offsets = starts[first:last] - starts[first]
        for place in range(count):
            np.multiply(block, multiply[place], out=hashed)
            np.add(hashed, add[place], out=hashed)
            # The upper halves count: the smallest has the smallest one.
            smallest = np.minimum.reduceat(hashed, offsets) >> np.uint64(32)
            signed[filled[first:last], place] = smallest
    return signed


def jaccard(shingles: Shingles, left: Rows, right: Rows) -> Floats:
    """float32[n]: |A and B| / |A or B| of the shingles of left[i] and right[i]; 0 when empty."""
    result = np.zeros(len(left), np.float32)
    sizes = shingles.lengths
    both = sizes[left] + sizes[right]
    for start, stop in by_volume(both, _CACHED):
        keys = []
        for side in (left[start:stop], right[start:stop]):
            theirs = shingles.take(side)
            keys.append(theirs.owners.astype(np.uint64) << np.uint64(32) | theirs.values)
        merged = np.sort(np.concatenate(keys))
        twice = merged[1:][merged[1:] == merged[:-1]] >> np.uint64(32)
        shared = np.bincount(twice.astype(np.int64), minlength=stop - start)
        union = both[start:stop] - shared
        result[start:stop] = np.divide(shared, union, where=union > 0, out=np.zeros(stop - start))
    return result


def _spans(queries: pl.Series, rows: pl.DataFrame, positives: pl.DataFrame) -> list[pl.Series]:
    """Queries in groups whose candidate-positive pairs fit in a bounded table."""
    count = (
        queries.to_frame("query")
        .join(rows.group_by("query").agg(rows=pl.len()), on="query", how="left")
        .join(positives.group_by("query").agg(positives=pl.len()), on="query", how="left")
        .sort("query")
        .select((pl.col("rows") * pl.col("positives").fill_null(0)).cast(pl.Int64))
        .to_series()
        .to_numpy()
    )
    return [queries[start:stop] for start, stop in by_volume(count, 1 << 20)]


def _save(path: Path, array: NDArray[np.generic]) -> None:
    with writing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)
