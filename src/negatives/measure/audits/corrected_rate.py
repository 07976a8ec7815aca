"""How often something is so, from how often an imperfect judge says that it is.

Rogan and Gladen 1978, "Estimating prevalence from the results of a screening test": a judge that
says yes to the share `sensitivity` of what is so, and no to the share `specificity` of what is not,
says yes to p = r * sensitivity + (1 - r) * (1 - specificity) of all. Solved for r:
r = (p + specificity - 1) / (sensitivity + specificity - 1), cut to what is possible.
"""

from __future__ import annotations

from negatives.measure.audits.rates import both_ends
from negatives.stats.bounds import Clusters


def corrected_rate(said: float, sensitivity: float, specificity: float) -> float | None:
    """The share that is so where the judge says yes to the share `said`; all in 0 to 1.

    None where the judge says yes no oftener of what is so than of what is not: then its answers
    say nothing of how much there is.

    >>> round(corrected_rate(0.30, sensitivity=0.8, specificity=0.9) or 0, 6)
    0.285714
    >>> corrected_rate(0.05, sensitivity=0.8, specificity=0.9)
    0.0
    """
    informed = sensitivity + specificity - 1
    if informed <= 0:
        return None
    return min(max((said + specificity - 1) / informed, 0.0), 1.0)


def corrected_interval(
    said: Clusters, yes_of_relevant: Clusters, yes_of_others: Clusters, confidence: float
) -> tuple[float, float]:
    """Where the corrected share may be, each of the three counts being of a sample.

    Each rate has exact ends of a sixth of the doubt, so that all hold at once; the share grows with
    what is said and with the specificity, and falls with the sensitivity, so that it is lowest and
    highest at their ends. 0 to 1 where the judge may say nothing.
    """
    sure = 1 - (1 - confidence) / 6
    p, hit, false_yes = (both_ends(each, sure) for each in (said, yes_of_relevant, yes_of_others))
    specificity = 1 - false_yes[1], 1 - false_yes[0]
    if hit[0] + specificity[0] <= 1:
        return 0.0, 1.0
    low = corrected_rate(p[0], hit[1], specificity[0])
    high = corrected_rate(p[1], hit[0], specificity[1])
    return low or 0.0, 1.0 if high is None else high
