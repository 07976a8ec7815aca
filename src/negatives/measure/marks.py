"""What a model says first: the probability of one mark against another, and a threshold for it.

For models that were taught by `learn.kind = "marked"` (refusal tokens, Jain et al. 2024) to begin
a response with the mark of its side. The two marks are compared with each other alone,

    p = p(bad mark | prompt) / (p(bad mark | prompt) + p(good mark | prompt)),

for what else might have come says nothing of the side. A threshold is set on held-out prompts of
known sides, so that at most a given share of those that are to be answered is refused; prompts that
are refused at a threshold are refused at every lower one. Adding b to the log-probability of the
bad mark is the same as taking b off the threshold's log-odds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Bools, Doubles
from negatives.errors import DataError, InputError
from negatives.models.causal_lm import CausalLM
from negatives.needs import check_needs
from negatives.schema import TEXTS, Collection
from negatives.stats.auc import auc

BETWEEN: Final = "\n"


@dataclass(frozen=True)
class Threshold:
    """Where to refuse, and what that came to on the held-out prompts.

    `at`: a prompt is refused where its probability is above it. `refused_right`, `refused_wrong`:
    the shares of prompts to be answered, and to be refused, that are. `auc`: how well the
    probability tells the two apart at all thresholds together. `right`, `wrong`: how many there are
    """

    at: float
    refused_right: float
    refused_wrong: float
    auc: float
    right: int
    wrong: int

    def refuses(self, probabilities: Doubles) -> Bools:
        """bool[prompts]: whether each is refused."""
        return np.asarray(probabilities, np.float64) > self.at


def share_of(bad: Doubles, good: Doubles, bias: float = 0.0) -> Doubles:
    """float64[prompts]: of log-probabilities of both marks, the probability of the bad one.

    bias: added to the log-probability of the bad mark; above 0 more is refused.

    >>> import numpy as np
    >>> from negatives.measure.marks import share_of
    >>> share_of(np.array([1.0]), np.array([2.0])).round(6).tolist()
    [0.268941]
    """
    odds = np.asarray(bad, np.float64) + bias - np.asarray(good, np.float64)
    return 0.5 * (1 + np.tanh(odds / 2))  # a logistic function that does not overflow


def said_first(
    model: CausalLM, prompts: Sequence[str], good: str, bad: str, between: str = BETWEEN
) -> Doubles:
    """float64[prompts]: how probable the bad mark is against the good one, after each prompt.

    A mark of several tokens has the probability of all of them. `between` stands between prompt and
    response, as it did in the training (`train.between`).
    """
    asked = [f"{prompt}{between}" for prompt in prompts]
    found = model.continuations([(each, mark) for mark in (bad, good) for each in asked])
    totals = np.array([each.total for each in found], np.float64)
    return share_of(totals[: len(asked)], totals[len(asked) :])


def threshold(probabilities: Doubles, wrong: Bools, refused: float) -> Threshold:
    """The lowest threshold at which at most a share `refused` of the right prompts is refused.

    probabilities: float[prompts] of the bad mark; wrong: bool[prompts], those to be refused.
    Raises `DataError` where one side is missing, `InputError` for what is no share.

    >>> import numpy as np
    >>> from negatives.measure.marks import threshold
    >>> found = threshold(np.array([.1, .2, .3, .6, .4, .9]), np.arange(6) > 3, 0.25)
    >>> found.at, found.refused_right, found.refused_wrong
    (0.3, 0.25, 1.0)
    """
    probabilities, wrong = np.asarray(probabilities, np.float64), np.asarray(wrong, bool)
    if not 0 <= refused <= 1:
        raise InputError(
            f"{refused:g} is no share of the prompts", where="refused", fix="between 0 and 1"
        )
    right = np.sort(probabilities[~wrong])
    if not len(right) or wrong.all() or not wrong.any():
        raise DataError(
            f"{int(wrong.sum()):,} prompts are to be refused and {len(right):,} to be answered: "
            "a threshold is between the two",
            fix="hold out prompts of both sides",
        )
    above = int(np.floor(refused * len(right) + 1e-9))
    at = float(right[len(right) - above - 1]) if above < len(right) else 0.0
    return Threshold(
        at=at,
        refused_right=float((right > at).mean()),
        refused_wrong=float((probabilities[wrong] > at).mean()),
        auc=auc(probabilities[wrong], right),
        right=len(right),
        wrong=int(wrong.sum()),
    )


def calibrated(
    model: CausalLM,
    held_out: Collection,
    *,
    good: str,
    bad: str,
    refused: float = 0.05,
    between: str = BETWEEN,
) -> Threshold:
    """The threshold for prompts of a collection that the model has not learned from.

    A prompt is to be refused where all of its responses are wrong; those with responses of both
    sides are to be answered.
    """
    check_needs(held_out, TEXTS, "a language model", where=f"collection {held_out.name!r}")
    judged = held_out.judged.group_by("query").agg(right=(pl.col("relevance") > 0).any())
    rows = judged.sort("query")
    prompts = held_out.query_texts(rows["query"].to_numpy())
    found = said_first(model, prompts, good, bad, between)
    return threshold(found, ~rows["right"].to_numpy(), refused)
