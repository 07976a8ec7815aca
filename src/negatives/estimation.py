"""What an estimator gives: p_relevant, what its level rests on, and what verdicts change of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

Basis = Literal["labels", "recipe", "guess", "verdicts"]
"""What the level of p_relevant rests on: the labels of the run, the recipe's word, hardly anything
(queries of one label each), or verdicts on pairs without a label."""
ENDS = ("p_relevant_low", "p_relevant_mid", "p_relevant_high")
"""Columns of p_relevant at the ends and in the middle of what is credible of the label rate; an
estimator that knows no label rate gives none of them."""
BASIS = "label rate from"
"""Where the manifest's note `p_relevant` says it."""


class Estimation(Protocol):
    """An estimator opened on a collection."""

    def prepare(self, rows: pl.DataFrame) -> pl.DataFrame:
        """What it needs of judged `rows`: a frame of the same height and order, new columns only.

        `rows` is what the judges have left: query, doc, relevance, verdict, ranks, scores and
        evidence; whole queries only, positives included.
        """

    def fit(self, parts: Iterable[pl.DataFrame], rows: int) -> Fitted:
        """What judged and prepared rows of the whole run, `rows` in all, teach; called once."""


class Fitted(Protocol):
    """What an estimator has learned: a small value that can be sent to other processes."""

    def estimate(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`p_relevant` (float32) of judged and prepared rows, null where it has no opinion.

        Of a positive: what would be said of it if its label was not known. A frame of the same
        height and order; further columns are evidence of its own, and stand in the ledger.
        """


@dataclass(frozen=True)
class Revised:
    """What verdicts on pairs change in a finished run's ledger."""

    columns: Callable[[pl.DataFrame], pl.DataFrame]
    """The estimator's columns of a part of the ledger, made again: a frame of the same height.

    It can be sent to other processes: a `functools.partial` of a function of a module, say.
    """
    note: Mapping[str, Any]
    """What the manifest's note `p_relevant` says from now on."""
    settles: tuple[str, ...] = ()
    """Warnings that no longer hold."""


def estimated(p: NDArray[np.float64]) -> pl.DataFrame:
    """What `Fitted.estimate` gives where there is no more to say: p_relevant, NaN as null."""
    return pl.DataFrame({"p_relevant": p.astype(np.float32)}).fill_nan(None)
