"""Which pairs are worth a costly judge's time, where it can look at some of them only.

A few are for calibration, drawn without looking at them; the rest are those where a score can
change what is picked: pairs that are picked now, and the next in line, by how unsure they are.
"""

from __future__ import annotations

from typing import Final, TypeVar

import polars as pl

from negatives.chance import pair_uniforms
from negatives.estimate.choices import DEFAULT, named
from negatives.schema import ELIGIBLE, JUDGED_NEGATIVE, POSITIVE

CALIBRATION: Final = 0.25
"""The share of a budget that calibration gets."""
FEWEST: Final = 200
"""Pairs it gets at least, where that is no more than half of the budget."""

PRICE: Final = 1.0
"""Hardness that a false negative less is worth where the picker has no price: a deviation."""
PAIR: Final = ("query_id", "doc_id")
Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


def judgeable(pairs: Frame, *, everything: bool) -> Frame:
    """What a costly judge can be asked about: positives, and pairs that nobody objects to.

    Where it may look at everything, judged negatives too: their scores change nothing, but a
    student may learn from them.
    """
    asked = [POSITIVE, ELIGIBLE, JUDGED_NEGATIVE] if everything else [POSITIVE, ELIGIBLE]
    return pairs.filter(pl.col("verdict").is_in(asked))


def choose(
    pairs: pl.DataFrame,
    budget: int | None,
    per_query: int,
    seed: int,
    choice: str = DEFAULT,
    price: float = 0.0,
) -> pl.DataFrame:
    """query_id, doc_id and `why` of at most `budget` pairs (None: of all), in the order of ids.

    `place`: in the order in which they are worth it, those for calibration first.

    `pairs`: query_id, doc_id, verdict, proposed (whether a source found it), p_relevant, hardness
    and picked, of pairs with text. Without any p_relevant there is nothing to calibrate, and all
    pairs are equally unsure. `choice`: by what they are worth, see `choices`; `price`: the hardness
    that is given up for one false negative less.
    """
    pairs = judgeable(pairs, everything=budget is None).sort(PAIR)
    if budget is None or budget >= len(pairs):
        return pairs.select(*PAIR, why=pl.lit("all"), place=pl.int_range(pl.len()))
    drawn = pairs.clear().select(*PAIR, why=pl.lit("calibration"))
    if pairs["p_relevant"].is_not_null().any():
        share = min(max(int(budget * CALIBRATION), FEWEST), budget // 2)
        drawn = _calibration(pairs, share, seed).select(*PAIR, why=pl.lit("calibration"))
    near = _near(pairs, per_query, price or PRICE)
    valued = (
        near.with_columns(value=named(choice)(near, seed))
        .join(drawn, on=PAIR, how="anti")
        .sort("value", *PAIR, descending=[True, False, False])
        .head(budget - len(drawn))
    )
    both = pl.concat([drawn, valued.select(*PAIR, why=pl.lit("value"))])
    return both.with_columns(place=pl.int_range(pl.len())).sort(PAIR)


def _calibration(pairs: pl.DataFrame, count: int, seed: int) -> pl.DataFrame:
    """Half labelled positives, half unlabelled pairs of the same queries, both drawn by hash."""

    def first(rows: pl.DataFrame, count: int, stream: str) -> pl.DataFrame:
        drawn = rows.with_columns(chance=pl.Series(pair_uniforms(rows, seed, stream)))
        return drawn.sort("chance").head(count)

    labelled = pairs.filter(pl.col("verdict") == POSITIVE, "proposed")
    labelled = first(labelled, (count + 1) // 2, "judge/labelled")
    unlabelled = pairs.filter(pl.col("verdict") == ELIGIBLE).join(
        labelled, on="query_id", how="semi"
    )
    return pl.concat([labelled, first(unlabelled, count - len(labelled), "judge/unlabelled")])


def _near(pairs: pl.DataFrame, per_query: int, price: float) -> pl.DataFrame:
    """The pairs whose score can change a pick, with what says what that is worth: see `choices`.

    Picked ones are `near` by 1; of the others the next `per_query` by hardness, the later the less.
    """
    eligible = pairs.filter(pl.col("verdict") == ELIGIBLE).sort(
        "query_id", "picked", "hardness", "doc_id",
        descending=[False, True, True, False], nulls_last=True,
    )  # fmt: skip
    place = pl.int_range(1, pl.len() + 1).over("query_id", "picked")
    p, hardness = pl.col("p_relevant").cast(pl.Float64), pl.col("hardness").cast(pl.Float64)
    worth = hardness - price * p.fill_null(0.0)
    return eligible.with_columns(
        p=p,
        hardness=hardness,
        price=pl.lit(price),
        place=place,
        near=pl.when("picked").then(1.0).otherwise(per_query / (per_query + place)),
        worst=worth.filter("picked").min().over("query_id"),
        best=worth.filter(~pl.col("picked")).max().over("query_id"),
    ).filter(pl.col("picked") | (pl.col("place") <= per_query))
