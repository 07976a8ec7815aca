"""How alike each candidate is to its query's other known positives, as if its label was not known.

A labelled pair is compared with the *other* positives of its query: one fewer than an unlabelled
pair has. A model that saw both would learn the count instead of the likeness, so there are two
views: in `known` an unlabelled pair is compared with all of them, in `held` with all but one drawn
at random. Learning is from `held`, where both kinds see equally many; telling is from `known`.
Where a query has more positives than are compared with, this holds of those that are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from negatives.arrays import Bools, Floats, Keys, Places, Rows, starts_of
from negatives.chance import id_hashes, mix, stream_key

Likeness = Callable[[Rows, Rows], Floats]

MOST = 32
"""Positives of a query that candidates are compared with; of more, as many drawn by their hash."""
VIEWS = ("held", "known")
_PAIRS = 1 << 20  # compared at one time
_TOP = 3


def names(labels: list[str]) -> list[str]:
    """Columns of one view, without its prefix."""
    return ["others", *(f"{label}_{part}" for label in labels for part in ("max", "mean", "top"))]


@dataclass(frozen=True, slots=True)
class Draws:
    """Random numbers for pairs given by row numbers, which follow from the seed and the ids alone.

    Row numbers would change with every document that is added.
    """

    query_ids: pl.Series
    doc_ids: pl.Series
    seed: int

    def hashes(self, query: Rows, doc: Rows, stream: str) -> Keys:
        """uint64[n], one for each pair of rows."""
        of_query, of_doc = (
            id_hashes(ids.gather(different))[place]
            for ids, (different, place) in (
                (self.query_ids, np.unique(query, return_inverse=True)),
                (self.doc_ids, np.unique(doc, return_inverse=True)),
            )
        )
        return mix(mix(mix(of_query) ^ of_doc) ^ stream_key(self.seed, stream))


def compare(rows: pl.DataFrame, likenesses: Mapping[str, Likeness], draws: Draws) -> pl.DataFrame:
    """For every row and view: how many other positives, and the likeness to them.

    `rows` has query, doc and relevance; whole queries. Columns VIEW_others, and for each likeness
    VIEW_NAME_max, _mean and _top (mean of the three highest), float32; null where none is other.
    """
    labels = list(likenesses)
    known = rows.filter(pl.col("relevance") > 0)
    positives = (
        known.select("query", other="doc", hash=_hashed(known, draws, "estimate/compared"))
        .sort("query", "hash")
        .with_columns(number=pl.int_range(pl.len()).over("query"))
        .filter(pl.col("number") < MOST)
        .select("query", "other", "number", count=pl.len().over("query"))
    )
    numbered = rows.select(
        "query",
        "doc",
        labelled=(pl.col("relevance") > 0).fill_null(False),
        hash=_hashed(rows, draws, "estimate/held"),
    ).with_row_index("place")
    columns = [f"{view}_{name}" for view in VIEWS for name in names(labels)]
    found = {name: np.full(len(rows), np.nan, np.float32) for name in columns}
    for block in _blocks(numbered, positives):
        pairs = block.join(positives, on="query", how="inner", maintain_order="left")
        pairs = pairs.filter(pl.col("doc") != pl.col("other"))
        left, right = pairs["doc"].to_numpy(), pairs["other"].to_numpy()
        likeness = {label: like(left, right) for label, like in likenesses.items()}
        place = pairs["place"].to_numpy()
        for view, seen in zip(VIEWS, _seen(pairs), strict=True):
            of, starts, counts = np.unique(place[seen], return_index=True, return_counts=True)
            found[f"{view}_others"][of] = counts
            for label, values in likeness.items():
                for part, each in _summed(values[seen], starts, counts).items():
                    found[f"{view}_{label}_{part}"][of] = each
    made = pl.DataFrame(found, schema=dict.fromkeys(columns, pl.Float32)).fill_nan(None)
    return made.with_columns(pl.col(f"{view}_others").fill_null(0) for view in VIEWS)


def _hashed(rows: pl.DataFrame, draws: Draws, stream: str) -> pl.Series:
    return pl.Series(draws.hashes(rows["query"].to_numpy(), rows["doc"].to_numpy(), stream))


def _seen(pairs: pl.DataFrame) -> tuple[Bools, Bools]:
    """bool[pairs] of each view: whether the candidate is compared with that positive."""
    drawn = pairs["hash"].to_numpy() % pairs["count"].to_numpy().astype(np.uint64)
    # A labelled document is among its own query's positives, so skipping itself already left it
    # one comparison short; drop no second one.
    inside = pairs.select(pl.len().over("place") < pl.col("count")).to_series().to_numpy()
    held = inside | (pairs["number"].to_numpy() != drawn.astype(np.int64))
    return held, held | ~pairs["labelled"].to_numpy()


def _summed(values: Floats, starts: Places, counts: Places) -> dict[str, Floats]:
    """Of each run of `values`: the highest, the mean, and the mean of the three highest."""
    if not len(starts):
        return {}
    mean = (np.add.reduceat(values.astype(np.float64), starts) / counts).astype(np.float32)
    top = mean.copy()
    many = np.flatnonzero(counts > _TOP)
    if len(many):
        longer = np.repeat(counts > _TOP, counts)
        owner = np.repeat(np.arange(len(many)), counts[many])
        ordered = values[longer][np.lexsort((-values[longer], owner))]
        first = starts_of(counts[many])[:-1]
        top[many] = ordered[first[:, None] + np.arange(_TOP)].mean(axis=1)
    return {"max": np.maximum.reduceat(values, starts), "mean": mean, "top": top}


def _blocks(rows: pl.DataFrame, positives: pl.DataFrame) -> list[pl.DataFrame]:
    """Whole queries, as many as make no more pairs than are compared at one time."""
    counts = positives.group_by("query").agg(count=pl.len())
    size = rows.join(counts, on="query", how="left", maintain_order="left")["count"].fill_null(0)
    before = np.cumsum(size.to_numpy()) - size.to_numpy()
    first = rows.select(pl.col("place").min().over("query"))["place"].to_numpy()
    block = before[first] // _PAIRS if len(rows) else first
    return rows.with_columns(block=pl.Series(block, dtype=pl.Int64)).partition_by(
        "block", maintain_order=True, include_key=False
    )
