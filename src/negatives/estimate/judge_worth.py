"""What a judge's scores are worth, by the run's own labels.

Of pairs that were not chosen by how unsure they are: labelled ones, which are relevant, and others
of the same queries, most of which are not. Among the others are relevant ones without a label, so
that a perfect judge tells labelled pairs from others less than perfectly; what is said of yes and
no takes them out, by the run's first p_relevant.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Bools, Doubles, Floats
from negatives.stats.auc import auc
from negatives.store.facts import Worth

FEWEST: Final = 20
"""Labelled pairs and others without which nothing is said."""
_ERRORS: Final = 2.0
"""Standard errors by which a judge that is worth something is above chance."""


def worth(scored: pl.DataFrame, relevant_from: float | None) -> Worth | None:
    """What the scores tell; None where too few of the pairs are labelled, or are not.

    `scored`: labelled, proposed, p_relevant and score. `relevant_from`: the score from which the
    judge takes a pair for relevant; None: it does not say.
    """
    usable = scored.filter("proposed")
    labelled = usable["labelled"].to_numpy()
    score = usable["score"].to_numpy()
    ours, theirs = int(labelled.sum()), int((~labelled).sum())
    if min(ours, theirs) < FEWEST:
        return None
    tells = auc(score[labelled], score[~labelled])
    # By chance (Mann and Whitney, 1947).
    error = float(np.sqrt((ours + theirs + 1) / (12 * ours * theirs)))
    found = Worth(
        labelled=ours,
        others=theirs,
        auc=round(tells, 2),
        error=round(error, 3),
        above_chance=tells > 0.5 + _ERRORS * error,
    )
    if relevant_from is None:
        return found
    p = usable["p_relevant"].cast(pl.Float64).fill_null(0.0).to_numpy()
    return _with_answers(found, score, labelled, p, relevant_from)


def _with_answers(
    found: Worth, score: Floats, labelled: Bools, p: Doubles, relevant_from: float
) -> Worth:
    """With how often it says yes, and how often rightly.

    Of the others it says yes to `m s + (1 - m) f`, with m the mean p_relevant, s the sensitivity
    and f the share of wrong ones; from which f.
    """
    said = score > relevant_from
    sensitivity, others, mean = said[labelled].mean(), said[~labelled].mean(), p[~labelled].mean()
    wrong = (others - mean * sensitivity) / max(1 - mean, 1e-9)
    specificity = 1 - float(np.clip(wrong, 0, 1))
    return Worth(
        labelled=found.labelled,
        others=found.others,
        auc=found.auc,
        error=found.error,
        above_chance=found.above_chance,
        sensitivity=round(float(sensitivity), 3),
        specificity=round(specificity, 3),
        says_yes=round(float(others), 3),
        expected_yes=round(float(mean), 3),
    )
