"""Where a counted rate may be, from both sides, for pairs of one query that are alike."""

from __future__ import annotations

from negatives.stats.bounds import Clusters, upper_bound


def both_ends(clusters: Clusters, confidence: float) -> tuple[float, float]:
    """The lowest and the highest rate that the counts do not rule out, each with the confidence.

    Exact bounds (Clopper and Pearson) of the sample's effective size.
    """
    events, trials = clusters.effective(confidence)
    return (
        1 - upper_bound(trials - events, trials, confidence),
        upper_bound(events, trials, confidence),
    )
