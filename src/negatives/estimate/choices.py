"""What a judge's answer about a pair is worth, before it is given: which pairs a budget goes to.

All of them look at the pairs of a query that are picked, and at the next in line; each has one
number for a pair, and the highest are asked about. They are choices of `negatives judge --choice`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

from negatives.chance import pair_uniforms
from negatives.errors import InputError, nearest

Choice = Callable[[pl.DataFrame, int], pl.Series]
"""float64[n], higher first, of pairs with query_id, doc_id, p (null: not known), hardness, picked,
near (1 where picked, else the less the later in line), price, worst and best; and of a seed.

`worst`: the least worth of what the query has picked, worth being hardness - price x p; `best`: the
highest of the others.
"""
DEFAULT: Final = "unsure"

_EVEN: Final = 0.25
"""p (1 - p) where p is not known: as unsure as can be."""
_ERROR: Final = 3.0
"""Factor by which the odds of p may be wrong in either direction."""


def named(choice: str) -> Choice:
    """The choice of that name; raises `InputError` with the nearest."""
    if choice not in CHOICES:
        raise InputError(f"there is no choice {choice!r}", fix=nearest(choice, CHOICES))
    return CHOICES[choice]


def unsure(pairs: pl.DataFrame, seed: int) -> pl.Series:
    """By p (1 - p), the variance of what is not known; the next in line for less."""
    return pairs.select(_unsure("p") * pl.col("near")).to_series()


def gain(pairs: pl.DataFrame, seed: int) -> pl.Series:
    """By the gain in hardness times the chance that the answer changes a pick.

    A picked pair that turns out relevant, with probability p, makes way for the best other one,
    which wins the price of a false negative, less the hardness given up. Another that turns out not
    relevant takes the place of the worst pick, if it is harder than that is worth.
    """
    return pairs.select(_gain(pl.col("p").fill_null(0.5))).to_series()


def robust(pairs: pl.DataFrame, seed: int) -> pl.Series:
    """By the least gain over all that p may be, its odds wrong by a factor of three.

    After Zhang, Jain and Jamieson (2020), learning to actively learn, whose choice is trained to do
    best on the worst of the problems that look the same, for budgets of a few dozen answers.
    A reconstruction: the problems are those in which p is wrong, and nothing is trained.
    """
    p = pl.col("p").fill_null(0.5).clip(1e-6, 1 - 1e-6)
    odds = p / (1 - p)
    off = [odds * factor / (1 + odds * factor) for factor in (1 / _ERROR, 1.0, _ERROR)]
    return pairs.select(pl.min_horizontal([_gain(each) for each in off])).to_series()


def informative_and_right(pairs: pl.DataFrame, seed: int) -> pl.Series:
    """Drawn in proportion to how informative an answer is, and how probably right.

    After Baykal et al. (2023), robust active distillation: a game against a teacher that is often
    wrong, so that nothing hangs on single answers. A reconstruction: informative is p (1 - p),
    right is the rest to 1, for a judge errs where the evidence is unsure, too; and the game's
    answer is a draw.
    """
    weight = pairs.select(_unsure("p") * (1 - _unsure("p")) * pl.col("near")).to_series()
    drawn = pl.Series(pair_uniforms(pairs, seed, "judge/distil"))
    # Weighted sampling without replacement (Efraimidis and Spirakis, 2006).
    return drawn.log() / weight.clip(1e-12)


def shared_out(pairs: pl.DataFrame, seed: int) -> pl.Series:
    """Shared out among the queries, so that one more answer would win as much in each of them.

    After Cai et al. (2022), adaptive sampling for equitable training sets, which shares a budget
    out among groups by their learning curves. A reconstruction: groups are queries, and a query's
    error falls with the square root of its answers, from the sum of what its pairs are worth.
    """
    value = pairs.select("query_id", value=_unsure("p") * pl.col("near"))
    ranked = value.with_columns(
        place=pl.col("value").rank("ordinal", descending=True).over("query_id"),
        all=pl.col("value").sum().over("query_id"),
    )
    return ranked.select(pl.col("all") * pl.col("place").cast(pl.Float64).pow(-1.5)).to_series()


CHOICES: Final[Mapping[str, Choice]] = {
    "unsure": unsure,
    "gain": gain,
    "active-judging": robust,
    "robust-active-distillation": informative_and_right,
    "judging-budget-allocation": shared_out,
}


def _unsure(p: str) -> pl.Expr:
    return (pl.col(p) * (1 - pl.col(p))).fill_null(_EVEN)


def _gain(p: pl.Expr) -> pl.Expr:
    hardness, price = pl.col("hardness"), pl.col("price")
    dropped = p * (pl.col("best") - (hardness - price)).clip(0)
    taken = (1 - p) * (hardness - pl.col("worst")).clip(0)
    return pl.when("picked").then(dropped).otherwise(taken).fill_null(0.0)
