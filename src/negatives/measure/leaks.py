"""Known positives put back as if nobody had labelled them: would the picker pick them?

Each is put back alone: the others stay known. Its hardness and p_relevant are in the ledger, made
as if its label was not known; where it is its query's lowest positive, the hardness of the query is
measured from the next one. Judges are not asked again, so a positive that a rule would set aside
counts as one that could be picked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
import polars as pl

from negatives.chance import pair_uniforms
from negatives.schema import ELIGIBLE, KEPT, PAIR, POSITIVE
from negatives.stage import Picker
from negatives.stats.bounds import Clusters
from negatives.store.run import Run

ROUNDS = 20
"""Known positives of one query that are put back at most, where each needs its own picking."""

_COLUMNS = ("verdict", "hardness")


def picker_of(run: Run) -> Picker:
    """The picker that made a run's negatives, with what it found by looking at the ledger."""
    pick = run.recipe.pick
    found = run.manifest.facts.tuning
    return msgspec.structs.replace(
        pick, **{name: found[name] for name in pick.__struct_fields__ if name in found}
    )


def leaks(picker: Picker, part: pl.DataFrame, seed: int) -> pl.DataFrame:
    """query_id, doc_id and `leaks` (bool) of the proposed known positives of a part of the ledger.

    Of all of them, where the picker orders its candidates; else of `ROUNDS` of each query, drawn by
    hash.
    """
    rows = part
    if picker.reads is not None:
        rows = part.select(*dict.fromkeys([*PAIR, *_COLUMNS, *picker.reads]))
    kept, ranking = pl.col("verdict").is_in(KEPT), picker.ranking
    found = [rows.clear().select(*PAIR, leaks=pl.lit(True))]
    for back in _rounds(picker, part, seed):
        shift = back.group_by("query_id").agg(pl.col("_shift").max())
        asked = pl.col("query_id").is_in(shift["query_id"].implode())
        rest = _moved(rows.lazy().filter(kept, asked), shift).collect()
        alone = _moved(back.lazy().with_columns(**_UNLABELLED).select(rows.columns), shift)
        if ranking is not None:
            # What is put back leaks where it has its place before the last of those that are
            # picked without it: nothing else need be put in order.
            nearest = _together(picker.pick(rest, seed), alone)
            before = (~pl.col("_back")).cast(pl.UInt32).cum_sum().over("query_id")
            picked = ranking.ranked(nearest, seed).filter(before < picker.per_query)
        else:
            picked = picker.pick(_together(rest, alone), seed)
        leaking = picked.lazy().filter("_back").select(*PAIR, leaks=pl.lit(True))
        found.append(
            back.lazy()
            .select(PAIR)
            .join(leaking, on=PAIR, how="left", maintain_order="left")
            .with_columns(pl.col("leaks").fill_null(False))
            .collect()
        )
    return pl.concat(found)


def counted(found: pl.DataFrame) -> Clusters:
    """The leaks of a part, by query."""
    by_query = found.group_by("query_id").agg(pl.col("leaks").sum(), count=pl.len())
    return Clusters.of(
        by_query["leaks"].to_numpy().astype(np.int64), by_query["count"].to_numpy().astype(np.int64)
    )


def _rounds(picker: Picker, part: pl.DataFrame, seed: int) -> Iterator[pl.DataFrame]:
    """Positives to put back together, with `_shift`: how the hardness of their query changes."""
    # The second value in the order of a query's positives; none where there is no second.
    second = pl.col("hardness").sort(nulls_last=True).get(1, null_on_oob=True)
    positives = (
        part.lazy()
        .filter(pl.col("verdict") == POSITIVE)
        .sort("query_id", "doc_id")
        .with_columns(
            _shift=pl.when(pl.int_range(pl.len()) == pl.col("hardness").arg_min())
            .then(second)
            .over("query_id")
            .fill_null(0.0)
        )
    )
    back = positives.filter(pl.col("sources").list.len() > 0)
    if picker.ranking is not None:
        # Only its own values give a row its place, so many are put back at once: those that leave
        # the query's hardness as it is, and apart from them the one that does not.
        number = (pl.col("_shift") > 0).cast(pl.UInt32)
    else:
        drawn = pair_uniforms(back.select(PAIR).collect(), seed, "audit/leaks")
        back = back.with_columns(pl.Series("_drawn", drawn))
        number = (pl.col("_drawn").rank("ordinal").over("query_id") - 1).cast(pl.UInt32)
    back = back.with_columns(_round=number).filter(pl.col("_round") < ROUNDS)
    yield from (
        back.sort("_round", "query_id", "doc_id")
        .collect()
        .partition_by("_round", maintain_order=True, include_key=False)
    )


_UNLABELLED: Final = {
    "verdict": pl.lit(ELIGIBLE),
    "rule": pl.lit(""),
    "reason": pl.lit(""),
    "relevance": pl.lit(None, pl.Int32),
}
"""What the ledger would say of a known positive that nobody had labelled."""


def _moved(rows: pl.LazyFrame, shift: pl.DataFrame) -> pl.LazyFrame:
    """The hardness of each query measured from another positive."""
    return (
        rows.join(shift.lazy(), on="query_id", how="left", maintain_order="left")
        .with_columns(hardness=pl.col("hardness") - pl.col("_shift").cast(pl.Float32))
        .drop("_shift")
    )


def _together(rest: pl.DataFrame, back: pl.LazyFrame) -> pl.DataFrame:
    """What was not put back, and what was (`_back`)."""
    others = rest.lazy().with_columns(_back=pl.lit(False))
    return pl.concat([others, back.with_columns(_back=pl.lit(True))]).sort(PAIR).collect()
