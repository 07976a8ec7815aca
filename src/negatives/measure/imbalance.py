"""AUROC and AUPRC of scores of pairs: what each counts as a mistake where few pairs are relevant.

With t the score of a relevant pair, FPR(t) the share of the others that score above it, and p0 the
share of the others among all (McDermott et al., NeurIPS 2024):

    AUROC = 1 - mean of FPR(t)
    AUPRC = 1 - p0 * mean of FPR(t) / P(score >= t)

So a pair that stands wrongly above a relevant one costs the same anywhere in AUROC, and in AUPRC
the more the higher both are. A random order has AUROC 1/2 and AUPRC the prevalence, the share that
is relevant: an AUPRC says nothing without it, and two of them can be compared only on the same
pairs. Of groups of other prevalence AUPRC counts mistakes in those of high prevalence first. Where
the others are a sample, AUPRC depends on its rate, and AUROC does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Doubles
from negatives.errors import InputError
from negatives.measure.estimate import rounded


@dataclass(frozen=True, slots=True)
class Separation:
    """How well scores tell relevant pairs from others: never one figure without the prevalence."""

    pairs: int
    relevant: int
    auroc: float
    auprc: float

    @property
    def prevalence(self) -> float:
        """Share of the pairs that is relevant: the AUPRC of a random order."""
        return self.relevant / self.pairs

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "pairs": self.pairs,
            "relevant": self.relevant,
            "prevalence": rounded(self.prevalence),
            "auroc": rounded(self.auroc),
            "auprc": rounded(self.auprc),
        }


def separation(relevant: Bools, scores: NDArray[Any], *, rate: float = 1.0) -> Separation | None:
    """AUROC (ties count half) and AUPRC (average precision, equal scores taken in together).

    `rate`: which share of the others there is was drawn, so that AUPRC is that of all of them; only
    where they were drawn uniformly. None where no pair is relevant, or every one is.

    >>> import numpy as np
    >>> separation(np.array([0, 1, 1, 0, 0, 0]) > 0, np.arange(6, 0, -1))
    Separation(pairs=6, relevant=2, auroc=0.75, auprc=0.5833333333333333)
    """
    if not 0 < rate <= 1:
        raise InputError(f"a rate of {rate:g}", fix="give the share that was drawn, above 0 to 1")
    count, others = int(relevant.sum()), int((~relevant).sum())
    if not count or not others:
        return None
    ours, theirs = _by_threshold(relevant, scores)
    above = np.cumsum(theirs)
    auroc = 1 - float((ours * (above - theirs / 2)).sum() / (count * others))
    found = np.cumsum(ours)
    precision = found / (found + above / rate)
    return Separation(len(scores), count, auroc, float((ours * precision).sum() / count))


def by_group(
    relevant: Bools, scores: NDArray[Any], groups: Iterable[object]
) -> dict[str, Separation]:
    """The same within each group of pairs, those with a relevant pair and another."""
    names = np.array([str(each) for each in groups])
    if len(names) != len(scores):
        raise InputError(
            f"{len(names):,} groups for {len(scores):,} pairs", fix="give every pair its group"
        )
    made = {}
    for name in np.unique(names).tolist():
        found = separation(relevant[names == name], scores[names == name])
        if found is not None:
            made[name] = found
    return made


def swap_gains(relevant: Bools, scores: NDArray[Any]) -> tuple[Doubles, Doubles]:
    """What setting each neighbouring mistake right would add to AUROC, and to AUPRC.

    A mistake is a pair that stands just above a relevant one, of scores without ties; both arrays
    are from the highest to the lowest. AUROC gains the same everywhere, AUPRC most at the top.

    >>> import numpy as np
    >>> roc, prc = swap_gains(np.array([0, 1, 0, 1, 0, 0]) > 0, np.arange(6, 0, -1))
    >>> roc.round(6).tolist(), prc.round(6).tolist()
    ([0.125, 0.125], [0.25, 0.083333])
    """
    if len(np.unique(scores)) < len(scores):
        raise InputError("two pairs have one score", fix="give scores without ties")
    y = relevant[np.argsort(-np.asarray(scores, np.float64), kind="stable")]
    place = np.flatnonzero(~y[:-1] & y[1:])
    count, others = int(y.sum()), int((~y).sum())
    before = np.cumsum(y)[place]  # relevant pairs above the mistake
    # The relevant pair moves from rank place + 2 to place + 1: one more of as many is found there.
    gain = (before + 1) / (place + 1) - (before + 1) / (place + 2)
    return np.full(len(place), 1 / max(count * others, 1)), gain / max(count, 1)


def _by_threshold(relevant: Bools, scores: NDArray[Any]) -> tuple[Doubles, Doubles]:
    """float64[t] each, from the highest score: relevant pairs, and others."""
    values, place = np.unique(-np.asarray(scores, np.float64), return_inverse=True)
    ours, theirs = (
        np.asarray(np.bincount(place, mine.astype(np.float64), len(values)), np.float64)
        for mine in (relevant, ~relevant)
    )
    return ours, theirs
