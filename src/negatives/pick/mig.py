"""A mixed set: each negative is the one that tells most beside those already chosen."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Places
from negatives.pick.in_order import of_each_query
from negatives.pick.top import require_column
from negatives.stage import Picker, Share
from negatives.stats.greedy import lazy_greedy
from negatives.stats.information import Gain, Information, spread

_LEVELS: Final = 12
"""Levels of hardness above and below 0 that are told apart."""


class InformationGain(Picker, kind="information-gain"):
    """Greedily takes what adds most to a set of many kinds: hard, probably false, and unlike.

    MIG (Chen et al. 2025) chooses texts by tags and a quality. Here a candidate's tags are the
    sources that proposed it and its level of hardness, and its quality the chance that it is not
    relevant, times a sigmoid of its hardness. Levels next to one another share what they have
    (`neighbours`), sources do not. A reconstruction: the paper's tags are given by a language
    model, and its tag graph is made of their embeddings.

    >>> from negatives import InformationGain, tiny
    >>> tiny.picked(InformationGain(per_query=3))["wings"]
    ['plane', 'museum', 'stall']
    """

    by: Annotated[str, Meta(description="ledger column whose levels are tags: hardness")] = (
        "hardness"
    )
    width: Annotated[float, Meta(gt=0, description="of a level, in the column's own unit")] = 0.5
    neighbours: Annotated[
        Share, Meta(description="likeness of levels next to one another; 0: nothing is shared")
    ] = 0.5
    power: Annotated[
        float,
        Meta(gt=0, le=1, description="below 1 more of the same is worth less; the paper: 0.8"),
    ] = 0.5
    offset: Annotated[
        float, Meta(gt=0, le=1, description="the smaller, the more a tag never seen is worth")
    ] = 0.01
    gain: Annotated[
        Gain, Meta(description="of what is there, exact, or its slope, as in the paper")
    ] = "exact"

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Largest gain first; ties by doc_id. What has no tag comes last."""
        require_column(rows, self.by)
        rows = rows.sort("query_id", "doc_id")
        items = self._items(rows)

        def chosen(theirs: Places) -> Places:
            there = Information(
                items.__getitem__,
                items.shape[1],
                power=self.power,
                offset=self.offset,
                gain=self.gain,
            )
            return lazy_greedy(there, theirs, self.per_query)

        return rows[of_each_query(rows, chosen)]

    def _items(self, rows: pl.DataFrame) -> Doubles:
        """float64[rows, tags]: quality on its tags, spread over tags like them."""
        value = rows[self.by].cast(pl.Float64).fill_null(np.nan).to_numpy()
        level = np.clip(np.floor(value / self.width), -_LEVELS, _LEVELS)
        levels = np.arange(-_LEVELS, _LEVELS + 1)
        of_level = level[:, None] == levels
        ranks = [name for name in rows.columns if name.endswith("_rank")]
        of_source = rows.select(pl.col(name).is_not_null() for name in ranks).to_numpy()
        tags = np.hstack([of_level, of_source.reshape(len(rows), len(ranks))]).astype(np.float64)
        near = np.abs(np.subtract.outer(levels, levels)) == 1
        likeness = np.eye(tags.shape[1])
        likeness[: len(levels), : len(levels)][near] = self.neighbours
        passed = spread(likeness, threshold=min(self.neighbours, 1.0) or 1.0)
        share = tags / np.maximum(tags.sum(1, keepdims=True), 1)
        return np.asarray((share * self._quality(rows, value)[:, None]) @ passed)

    def _quality(self, rows: pl.DataFrame, value: Doubles) -> Doubles:
        """float64[rows] in 0 to 1."""
        hard = 1 / (1 + np.exp(-np.clip(np.nan_to_num(value), -50, 50)))
        if "p_relevant" not in rows.columns:
            return hard
        return np.asarray(hard * (1 - rows["p_relevant"].cast(pl.Float64).fill_null(0).to_numpy()))
