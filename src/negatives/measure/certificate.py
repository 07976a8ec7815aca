"""How many of a run's negatives are false: three estimates, never mixed up.

By the model's p_relevant; by what becomes of known positives that are put back among the
candidates; by a random sample that somebody judged. Each says what it assumes, and one that cannot
be given says why. One pass over the ledger, a part at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from negatives.arrays import Doubles
from negatives.chance import stream_key, uniforms
from negatives.errors import InputError
from negatives.measure.conformal import conformal_threshold
from negatives.measure.estimate import Estimate, rounded, share
from negatives.measure.review import Review
from negatives.measure.tally import Tally
from negatives.stats.bounds import Clusters, prediction_bound, upper_bound
from negatives.store.run import Run

CONFIDENCE: Final = 0.9
ALPHA: Final = 0.1
"""The share of relevant pairs that the threshold told lets through."""
MODEL: Final = "model"
KNOWN: Final = "known positives"
REVIEW: Final = "review"
_DRAWS: Final = 1_000
_CELLS: Final = 1 << 18
"""Weights that are held at once."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The estimates by name: `model`, `known positives`, `review`."""

    negatives: int
    confidence: float
    estimates: dict[str, Estimate]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "negatives": self.negatives,
            "confidence": self.confidence,
            "estimates": {name: each.as_dict() for name, each in self.estimates.items()},
        }


def certificate(
    run: Run, review: Review | None = None, *, confidence: float = CONFIDENCE
) -> Certificate:
    """The three estimates for a finished run; `InputError` for a confidence outside (0.5, 1)."""
    if not 0.5 < confidence < 1:
        raise InputError(
            f"a confidence of {confidence}", fix="give a share above 0.5 and below 1, such as 0.9"
        )
    return certified(run, Tally.of(run), review, confidence)


def certified(
    run: Run, seen: Tally, review: Review | None = None, confidence: float = CONFIDENCE
) -> Certificate:
    """The same, of a ledger that has been counted."""
    return Certificate(
        seen.negatives,
        confidence,
        {
            MODEL: _model(seen, run.recipe.seed, confidence),
            KNOWN: _known(seen, run, confidence),
            REVIEW: _reviewed(review, confidence),
        },
    )


_MODEL = (
    "p_relevant is right on average; the interval covers which queries there happen to be{}, not a "
    "model that is wrong"
)
_OVER = " and what is credible of the label rate"


def _model(seen: Tally, seed: int, confidence: float) -> Estimate:
    """Mean p_relevant of the negatives; the interval is a bootstrap of queries.

    Where the ledger says what p_relevant is over the label rates that are credible, the interval
    reaches from the one end to the other.
    """
    assumption = _MODEL.format(_OVER if seen.over else "")
    about: dict[str, Any] = {"confidence": confidence, "assumption": assumption}
    details: dict[str, Any] = {
        "negatives": seen.negatives,
        "without p_relevant": seen.unestimated,
    }
    if not seen.negatives:
        return Estimate(**about, why="there are no negatives", details=details)
    if seen.unestimated:
        return Estimate(
            **about,
            why=_NO_P
            if seen.unestimated == seen.negatives
            else f"p_relevant is null of {seen.unestimated:,} of {seen.negatives:,} negatives",
            details=details,
        )
    value = float(seen.p_sum.sum() / seen.p_count.sum())
    over = {name: total / float(seen.p_count.sum()) for name, total in seen.over.items()}
    details |= {"over the label rate": {name: rounded(share) for name, share in over.items()}}
    there = seen.p_count > 0
    if there.sum() < 2:
        return Estimate(
            **about,
            value=value,
            why="no interval: all negatives are of one query",
            details=details,
        )
    sums, counts = seen.p_sum[there], seen.p_count[there]
    shares = _redrawn(sums, counts, stream_key(seed, "audit/bootstrap"))
    low, high = np.quantile(shares, [(1 - confidence) / 2, (1 + confidence) / 2])
    ends = [value, *over.values()]
    # How far the queries spread is about the same at every label rate, relative to the share.
    low, high = (float(end) * edge / value if value else 0.0
                 for end, edge in ((low, min(ends)), (high, max(ends))))  # fmt: skip
    return Estimate(**about, value=value, low=low, high=min(high, 1.0), details=details)


def _redrawn(sums: Doubles, counts: Doubles, key: np.uint64) -> Doubles:
    """float64[draws]: the share by a bootstrap with smooth weights (Rubin, 1981), drawn by hash."""
    shares = np.empty(_DRAWS)
    at_once = max(1, _CELLS // len(sums))
    for first in range(0, _DRAWS, at_once):
        draws = min(at_once, _DRAWS - first)
        cells = np.arange(first * len(sums), (first + draws) * len(sums), dtype=np.uint64)
        weights = -np.log(uniforms(cells, key)).reshape(draws, len(sums))
        shares[first : first + draws] = (weights @ sums) / (weights @ counts)
    return shares


_NO_P = "p_relevant is null: the recipe has no [estimate], or too little to estimate it from"


def _known(seen: Tally, run: Run, confidence: float) -> Estimate:
    """Leak rate of the known positives x expected unlabelled relevant pairs / negatives."""
    assumption = (
        "relevant pairs that nobody labelled are like the known positives of their query, and "
        "p_relevant counts them rightly"
    )
    if seen.set_aside:
        assumption += (
            "; rules that set candidates aside are not asked about the positives put back, so it "
            "errs upwards"
        )
    about: dict[str, Any] = {"confidence": confidence, "assumption": assumption}
    leaking = seen.leaking
    details: dict[str, Any] = {
        "known positives": seen.known,
        "put back": leaking.trials,
        "picked": leaking.events,
        "queries": leaking.clusters,
    }
    if not leaking.trials:
        why = "no source proposed a known positive, so there is none to put back"
        return Estimate(**about, why=why, details=details)
    details["leak rate"] = leaking.rate
    if leaking.clusters < 2:
        why = "all known positives that a source proposed are of one query"
        return Estimate(**about, why=why, details=details)
    about_p = run.manifest.notes.p_relevant
    share = None if about_p is None else about_p.label_rate
    high = leak_bound(leaking, share, seen.known, confidence)
    details |= {
        "leak rate at most": high,
        "design effect": leaking.design_effect,
        "label rate": share,
        "threshold": _threshold(seen, confidence),
    }
    if len(seen.p_known(0)) + len(seen.p_known(1)) == 0:
        why = f"{_NO_P}; so it is not known how many unlabelled relevant pairs there are to pick"
        return Estimate(**about, why=why, details=details)
    if not seen.negatives:
        return Estimate(**about, why="there are no negatives", details=details)
    details["unlabelled relevant candidates"] = seen.unlabelled
    false = seen.unlabelled / seen.negatives
    return Estimate(
        **about,
        value=min(1.0, leaking.rate * false),
        high=min(1.0, high * false),
        details=details,
    )


def leak_bound(leaking: Clusters, label_rate: float | None, known: int, confidence: float) -> float:
    """The highest leak rate of the relevant pairs that have no label, by that of the known ones.

    The larger of the bound on the rate and, where the label rate c is known, that on the
    (1 - c) / c x `known` unlabelled pairs there are; both for the effective sample size.
    """
    events, trials = leaking.effective(confidence)
    high = upper_bound(events, trials, confidence)
    if label_rate:
        unseen = (1 - label_rate) / label_rate * known * trials / leaking.trials
        high = max(high, prediction_bound(events, trials, max(round(unseen), 1), confidence))
    return high


def _threshold(seen: Tally, confidence: float) -> dict[str, Any] | None:
    """tau chosen on half of the queries, and the share of the other half's positives below it."""
    ours, others = seen.p_known(0), seen.p_known(1)
    tau = conformal_threshold(ours, ALPHA, confidence)
    if tau is None:
        return None
    below = int((others < tau).sum())
    return {
        "alpha": ALPHA,
        "p_relevant": rounded(tau),
        "chosen on": len(ours),
        "checked on": len(others),
        "share below": share(below, len(others)),
    }


_REVIEWED = "the judged pairs are a random sample of the negatives, and the judgements are right"


def _reviewed(review: Review | None, confidence: float) -> Estimate:
    about: dict[str, Any] = {"confidence": confidence, "assumption": _REVIEWED}
    if review is None:
        why = "no judged sample was given: `negatives audit RUN --sample 100 -o FILE` draws one"
        return Estimate(**about, why=why)
    details = review.as_dict()
    if not review.judged:
        why = "none of the judged pairs is among the negatives"
        if review.undecided:
            why = "none of the pairs has been judged"
        return Estimate(**about, why=why, details=details)
    return Estimate(
        **about,
        value=review.relevant / review.judged,
        high=upper_bound(review.relevant, review.judged, confidence),
        details=details,
    )
