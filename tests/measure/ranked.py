"""Whole rankings, as one frame."""

from __future__ import annotations

import polars as pl

from negatives.measure.barred import Bar, nobody
from negatives.measure.ranking import RANKED, Model, Ranker, open_ranker, rankings
from negatives.opening import Context


def rank(model: Model, context: Context, *, depth: int = 1000, bar: Bar = nobody) -> pl.DataFrame:
    """The whole ranking of a collection's queries by `model`."""
    return whole(open_ranker(model, context, depth=depth, bar=bar), context, depth=depth, bar=bar)


def whole(
    ranker: Ranker, context: Context, *, depth: int = 1000, bar: Bar = nobody
) -> pl.DataFrame:
    """What `rankings` gives, as one frame."""
    parts = [part for _, part in rankings(ranker, context, depth=depth, bar=bar)]
    return pl.concat([pl.DataFrame(schema=RANKED), *parts])
