"""Pairs of responses that were rated by several attributes at once, as in HelpSteer2.

Wang et al. 2024, HelpSteer2: every response of a prompt has a number for each of helpfulness,
correctness, coherence, complexity and verbosity. Which of two is preferred depends on what one
wants: a weighted sum, in which an attribute that is unwanted has a negative weight, or all
attributes at once, where the chosen one is nowhere worse (`every`). The weighted sum is that of
SteerLM 2.0, without its reward model: ratings are taken as they were given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from negatives.errors import DataError, InputError

HELPSTEER2: Final[Mapping[str, float]] = {
    "helpfulness": 0.65,
    "correctness": 0.8,
    "coherence": 0.45,
    "complexity": 0.55,
    "verbosity": -0.4,
}
"""Weights with which HelpSteer2's ratings were made one number (from memory of the paper)."""


def preferred(
    rows: pl.DataFrame,
    weights: Mapping[str, float] = HELPSTEER2,
    *,
    least: float = 0.5,
    every: bool = False,
    prompt: str = "prompt",
    response: str = "response",
) -> pl.DataFrame:
    """Pairs of responses of one prompt, of which one is preferred by at least `least`.

    rows: a row a response, with a column of numbers for each attribute of `weights`. The frame has
    prompt, chosen, rejected and margin (of the weighted sums, above 0), as responses are read:
    `preferred(rows).write_ndjson("pairs.jsonl")`. With `every`, only pairs of which the chosen one
    is at least as good in each attribute, by the sign of its weight. Pairs of equal texts are left
    out. Raises `DataError` for missing columns, ratings that are no numbers, and where no pair is
    left.

    >>> import polars as pl
    >>> from negatives.read.responses.attributes import preferred
    >>> rows = pl.DataFrame({"prompt": ["Q", "Q"], "response": ["long", "short"],
    ...                      "correctness": [3, 3], "verbosity": [4, 1]})
    >>> preferred(rows, {"correctness": 1.0, "verbosity": -0.5}).rows()
    [('Q', 'short', 'long', 1.5)]
    """
    if not weights or not any(weights.values()) or not least > 0:
        raise InputError(
            f"weights {dict(weights)} and a least margin of {least:g} prefer nothing",
            fix="give a weight other than 0, and a margin above 0",
        )
    _refuse_rows(rows, [prompt, response], [*weights])
    score = pl.sum_horizontal(*(pl.col(name) * weight for name, weight in weights.items()))
    signed = {name: pl.col(name) * weight for name, weight in weights.items() if weight}
    told = rows.select(
        pl.col(prompt).alias("prompt"),
        pl.col(response).alias("text"),
        score.cast(pl.Float64).alias("score"),
        *(of.cast(pl.Float64).alias(f"of {name}") for name, of in signed.items()),
    ).with_row_index("row")
    pairs = told.join(told, on="prompt", suffix=" rejected").filter(
        pl.col("score") - pl.col("score rejected") >= least,
        pl.col("text") != pl.col("text rejected"),
        *(pl.col(f"of {name}") >= pl.col(f"of {name} rejected") for name in signed if every),
    )
    if pairs.is_empty():
        raise DataError(
            f"no response of {len(rows):,} is preferred to another of its prompt by {least:g}"
            + (" and at least as good in every attribute" if every else ""),
            fix="lower `least`" + (", or set every=False" if every else "")
            + ", or give prompts several responses",
        )  # fmt: skip
    return pairs.sort("row", "row rejected").select(
        "prompt",
        chosen="text",
        rejected="text rejected",
        margin=pl.col("score") - pl.col("score rejected"),
    )


def _refuse_rows(rows: pl.DataFrame, texts: list[str], attributes: list[str]) -> None:
    lacking: list[Any] = [name for name in (*texts, *attributes) if name not in rows.columns]
    if lacking:
        raise DataError(
            f"the rows lack {', '.join(map(repr, lacking))}",
            where=f"columns {', '.join(map(repr, rows.columns))}",
            fix="name the columns of prompt and response, and weigh attributes that are there",
        )
    for name in attributes:
        values = rows[name]
        bad = (
            values.is_null() | ~values.cast(pl.Float64).is_finite()
            if values.dtype.is_numeric()
            else pl.Series([True] * len(values))
        )
        if bad.any():
            first = bad.arg_true()[0]
            raise DataError(
                f"{int(bad.sum()):,} rows have no number for {name!r}, the first is row {first}: "
                f"{values[first]!r}",
                fix="leave these rows out, or the attribute out of the weights",
            )
