"""What a ledger holds of the label rate: the log-odds of each label, and p_relevant made of them.

So that verdicts, which come later, make another p_relevant without the evidence being fitted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.estimate.label_rate import HIGH, LOW, MIDDLE, LabelRate
from negatives.estimation import BASIS, ENDS, Revised
from negatives.schema import JUDGED_NEGATIVE, Bools, Doubles

LABEL_LOGIT: Final = "label_logit"
"""Column: the log-odds that a pair is labelled, its own label not considered."""
P_RELEVANT: Final = "p_relevant"
QUANTILES: Final[Mapping[str, float]] = dict(zip(ENDS, (HIGH, MIDDLE, LOW), strict=True))
"""Columns: p_relevant if the label rate is at this quantile of what is credible of it. The more of
the relevant pairs are labelled, the fewer of the others are relevant."""
LABEL_RATE: Final = "label rate"
"""Note of the manifest: what labels say of the label rate, as `LabelRate` keeps it."""


def guessed(label_rate: LabelRate) -> str:
    """What a run warns of where labels say hardly anything of the label rate."""
    low, high = label_rate.quantile(LOW), label_rate.quantile(HIGH)
    return (
        "nearly every query has one known positive, and labels cannot tell how many more it has: "
        f"{low:.0%} to {high:.0%} of the relevant pairs may be labelled. "
        "Forty verdicts of somebody make a promise possible: negatives review RUN"
    )


def probabilities(label_rate: LabelRate | None, logits: Doubles, judged: Bools) -> pl.DataFrame:
    """The columns of pairs by their log-odds of being labelled (NaN: not known).

    `judged`: pairs that somebody found not relevant. Their p_relevant is null, and so is everything
    where `label_rate` is None.
    """
    exact = logits.astype(np.float32).astype(np.float64)  # what the ledger holds
    made: dict[str, Any] = {LABEL_LOGIT: exact}
    for name, quantile in {**QUANTILES, P_RELEVANT: None}.items():
        p = np.full(len(exact), np.nan)
        if label_rate is not None:
            p = np.where(judged, np.nan, label_rate.relevant(exact, quantile))
        made[name] = p
    return pl.DataFrame(made).cast(pl.Float32).fill_nan(None)


def revised(notes: Mapping[str, Any], judged: pl.DataFrame) -> Revised | None:
    """p_relevant of a run by its labels and by verdicts; see `Estimator.revised`."""
    found = _believed(notes, judged)
    if found is None:
        return None
    before, label_rate, count = found
    note = about(label_rate) | {"verdicts": count or None}
    settles = (guessed(before),) if label_rate.basis == "verdicts" else ()
    return Revised(partial(_made_again, label_rate), note, settles)


def information(
    notes: Mapping[str, Any], judged: pl.DataFrame, rows: pl.DataFrame
) -> Doubles | None:
    """What a verdict on each of `rows` is expected to tell; see `Estimator.information`."""
    found = _believed(notes, judged)
    if found is None or rows.is_empty():
        return None
    logits = rows[LABEL_LOGIT].cast(pl.Float64).to_numpy()
    return np.where(np.isnan(logits), 0.0, found[1].information(np.nan_to_num(logits)))


def _believed(
    notes: Mapping[str, Any], judged: pl.DataFrame
) -> tuple[LabelRate, LabelRate, int] | None:
    """The label rate by the labels alone, and with the verdicts, and how many of them count.

    None where labels say nothing: verdicts alone are not learned from.
    """
    if LABEL_RATE not in notes:
        return None
    before = LabelRate.from_dict(notes[LABEL_RATE])
    judged = judged.filter(pl.col(LABEL_LOGIT).is_not_null())
    if judged.is_empty():
        return before, before, 0
    after = before.given_verdicts(
        judged[LABEL_LOGIT].cast(pl.Float64).to_numpy(), judged["relevant"].to_numpy()
    )
    return before, after, len(judged)


def _made_again(label_rate: LabelRate, part: pl.DataFrame) -> pl.DataFrame:
    logits = part[LABEL_LOGIT].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return probabilities(label_rate, logits, (part["verdict"] == JUDGED_NEGATIVE).to_numpy())


def about(label_rate: LabelRate) -> dict[str, Any]:
    """What the manifest's note on p_relevant says of the label rate."""
    return {
        "label rate": round(label_rate.rate, 4),
        "label rate at least": round(label_rate.quantile(LOW), 4),
        "label rate at most": round(label_rate.quantile(HIGH), 4),
        BASIS: label_rate.basis,
    }
