"""Label models: what weak judges' votes are worth, learned from how they agree, without labels.

votes: float64[n, m], 1 relevant, 0 not, NaN abstains. Judges are taken to be independent given the
truth. `counts` (int64[n]) says how often each row of votes stands for, so that equal rows can be
put together. Dawid and Skene (1979); Fu et al. (2020), FlyingSquid; Saad-Falcon et al. (2025),
Weaver, whose rules for dropping judges are `balanced` and `independent`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from negatives.arrays import Doubles, Places
from negatives.stats.logistic import sigmoid

_ALIKE = 1e-6  # moments nearer to zero than this say nothing about accuracy
_SURE = 0.999


@dataclass(frozen=True, slots=True)
class Reliability:
    """float64[m] each: how often a judge says relevant of the relevant, and not of the others."""

    tpr: Doubles
    tnr: Doubles


def posterior(votes: Doubles, found: Reliability, prior: float) -> Doubles:
    """float64[n]: P(relevant | votes); an abstention counts for nothing."""
    relevant, other = _log_likelihoods(votes, found)
    return sigmoid(np.log(prior) - np.log1p(-prior) + relevant - other)


def log_likelihood(votes: Doubles, counts: Places, found: Reliability, prior: float) -> float:
    """Log-probability of all votes."""
    relevant, other = _log_likelihoods(votes, found)
    each = np.logaddexp(np.log(prior) + relevant, np.log1p(-prior) + other)
    return float((counts * each).sum())


def dawid_skene(
    votes: Doubles, counts: Places, prior: float, *, iterations: int = 100, smoothing: float = 0.01
) -> Reliability:
    """Reliabilities by expectation-maximisation from the majority's opinion; `prior` is fixed.

    Both answers of a judge that is worse than random on the whole are the same votes read the
    other way round; that solution is turned back, so that on average judges are better than chance.
    """
    relevance = majority(votes, prior)
    for _ in range(iterations):
        found = _reliability(votes, counts, relevance, smoothing)
        relevance = posterior(votes, found, prior)
    if (found.tpr + found.tnr).mean() < 1:
        return Reliability(1 - found.tnr, 1 - found.tpr)
    return found


def triplet(votes: Doubles, counts: Places) -> Reliability:
    """Accuracies from the agreement of every three judges; for classes of about equal size.

    With votes of -1 and 1 and c = 2 accuracy - 1, E[v_a v_b] = c_a c_b over rows where both vote,
    so c_a = sqrt(M_ab M_ac / M_bc); the median over the pairs (b, c), taken to be positive. A judge
    without two others to compare with gets 1/2.
    """
    moments = _moments(votes, counts)
    judges = range(votes.shape[1])
    correlation = np.zeros(votes.shape[1])
    for a in judges:
        seen = []
        for b, c in combinations([other for other in judges if other != a], 2):
            if abs(moments[b, c]) > _ALIKE:
                seen.append(np.sqrt(abs(moments[a, b] * moments[a, c] / moments[b, c])))
        correlation[a] = np.median(seen) if seen else 0.0
    accuracy = (1 + np.clip(correlation, 0, _SURE)) / 2
    return Reliability(accuracy, accuracy)


def majority(votes: Doubles, prior: float) -> Doubles:
    """float64[n]: share of a row's votes that say relevant, the prior counted as one more vote."""
    voted = ~np.isnan(votes)
    result: Doubles = (np.where(voted, votes, 0).sum(axis=1) + prior) / (voted.sum(axis=1) + 1)
    return result


def balanced(votes: Doubles, counts: Places, prior: float) -> list[int]:
    """Judges whose share of votes for relevant is not out of keeping with the prior.

    Between 0.1 and 0.9; where relevant pairs are rare (prior under 0.2) only below a half, where
    they are common (over 0.8) only above. One that always says the same, or nothing, is dropped.
    """
    low, high = (0.0, 0.5) if prior < 0.2 else (0.5, 1.0) if prior > 0.8 else (0.1, 0.9)
    weight = np.where(np.isnan(votes), 0, counts[:, None])
    total = weight.sum(axis=0)
    share = (weight * np.nan_to_num(votes)).sum(axis=0) / np.maximum(total, 1)
    return [int(n) for n in np.flatnonzero((total > 0) & (share > low) & (share < high))]


def independent(votes: Doubles, counts: Places, most: float = 0.9) -> list[int]:
    """Judges left when of those that agree too much only the first is kept.

    By the plain correlation of their votes: where copies outvote the others, none is left once the
    presumed truth is given, so a conditional correlation would not see them. Independent judges
    correlate above 0.9 only if both are right more than 97 times in a hundred.
    """
    kept: list[int] = []
    for judge in range(votes.shape[1]):
        if all(correlation(votes[:, [judge, other]], counts) < most for other in kept):
            kept.append(judge)
    return kept


def correlation(pair: Doubles, counts: Places) -> float:
    """Correlation of two judges' votes where both vote; 0 where either does not vary."""
    both = ~np.isnan(pair).any(axis=1)
    left, right = pair[both].T
    weight = counts[both] / max(counts[both].sum(), 1)
    left, right = left - (weight * left).sum(), right - (weight * right).sum()
    scale = (weight * left**2).sum() * (weight * right**2).sum()
    return float((weight * left * right).sum() / np.sqrt(scale)) if scale > 0 else 0.0


def _reliability(
    votes: Doubles, counts: Places, relevance: Doubles, smoothing: float
) -> Reliability:
    """Reliabilities given how probably relevant each row is, with Laplace smoothing."""
    voted = ~np.isnan(votes)
    ayes = np.where(voted, votes, 0)
    rates = []
    for weight, said in ((relevance, ayes), (1 - relevance, voted - ayes)):
        weight = (counts * weight)[:, None]
        total = (weight * voted).sum(axis=0) + 2 * smoothing
        part = (weight * said).sum(axis=0) + smoothing
        rates.append(np.divide(part, total, out=np.full(votes.shape[1], 0.5), where=total > 0))
    return Reliability(*rates)


def _log_likelihoods(votes: Doubles, found: Reliability) -> tuple[Doubles, Doubles]:
    """(float64[n], float64[n]): log P(votes | relevant) and log P(votes | not)."""
    tpr, tnr = (np.clip(rate, 1e-12, 1 - 1e-12) for rate in (found.tpr, found.tnr))
    aye, nay = votes == 1, votes == 0
    relevant = (aye * np.log(tpr) + nay * np.log1p(-tpr)).sum(axis=1)
    other = (aye * np.log1p(-tnr) + nay * np.log(tnr)).sum(axis=1)
    return relevant, other


def _moments(votes: Doubles, counts: Places) -> Doubles:
    """float64[m, m]: mean product of two judges' votes as -1 and 1, over rows where both vote."""
    voted = ~np.isnan(votes)
    signed = np.where(voted, 2 * np.nan_to_num(votes) - 1, 0.0)
    total = np.einsum("n,na,nb->ab", counts, voted, voted)
    product = np.einsum("n,na,nb->ab", counts, signed, signed)
    result: Doubles = np.divide(product, total, out=np.zeros_like(product), where=total > 0)
    return result
