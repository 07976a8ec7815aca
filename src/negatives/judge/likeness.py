"""Which source says how alike two documents or two queries are, and of which pairs of rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from negatives.arrays import by_volume
from negatives.errors import RecipeError, nearest
from negatives.opening import JudgeContext, Likens

_PAIRS = 1 << 20


def likening(context: JudgeContext, of: str, kind: str) -> Likens:
    """The source called `of`; or the reference, or the last, that can say how alike texts are."""
    able = {
        name: each
        for name, each in context.sources.items()
        if isinstance(each, Likens) and (name == of or name not in context.saw_labels)
    }
    name = of or (context.reference if context.reference in able else next(reversed(able), ""))
    if name in able:
        return able[name]
    if of in context.sources:
        raise RecipeError(
            f"{kind}: source {of!r} cannot say how alike two texts are", fix="name a dense source"
        )
    raise RecipeError(
        f"{kind}: no source of the run is called {of!r}" if of else f"{kind} needs a dense source",
        fix=nearest(of, able) if of and able else 'add a [[find]] stage of kind "dense"',
    )


def paired(rows: pl.DataFrame, others: pl.DataFrame, on: str) -> Iterator[pl.DataFrame]:
    """Every row with each of the `others` that share its key `on`, in blocks of bounded size.

    All pairs of one row come in one block. The order is that of `rows`, then that of `others`.
    """
    counts = others.group_by(on).agg(_pairs=pl.len())
    counted = rows.join(counts, on=on, how="left", maintain_order="left")
    sizes = counted["_pairs"].fill_null(0).to_numpy().astype(np.int64)
    for start, stop in by_volume(sizes, _PAIRS):
        block = rows.slice(start, stop - start)
        yield block.join(others, on=on, how="inner", maintain_order="left_right")
