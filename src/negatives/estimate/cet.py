"""Coupled estimation of relevance and of selection for judging, each correcting the other's data.

Cai et al. (2022), Hard Negatives or False Negatives: Correcting Pooling Bias in Training Neural
Ranking Models. A pair is labelled if somebody looked at it and it is relevant: l = s r. The paper's
code is not public; both forms here are reconstructions, faithful in spirit: `cet_listwise`, the
dual loss of unbiased learning to rank (Ai et al., 2018), and `cet_pu`, pointwise expectation-
maximisation. Relevance f sees features `x` and selection g features `z`; they must differ, or the
two could change places.

Labels are int8[n]: 1 labelled relevant, 0 unlabelled, -1 looked at and found not relevant. The
paper has no -1; here `recorded` is the share of such findings that is written down, 0 without any,
and learned with the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Doubles, Places
from negatives.one_thread import one_thread
from negatives.stats.logistic import (
    fit_logistic,
    linear,
    newton_step,
    shortened,
    sigmoid,
    with_intercept,
)

Labels = NDArray[np.int8]

ITERATIONS = 100
RIDGE = 1e-2
CLIP = 20.0


@dataclass(frozen=True, slots=True)
class Coupled:
    """Weights of f and of g, the intercept last; logits are features times weights."""

    relevance: Doubles
    selection: Doubles
    recorded: float = 0.0

    def logits(self, x: Doubles, z: Doubles) -> tuple[Doubles, Doubles]:
        """(float64[n], float64[n]): f and g."""
        return (
            linear(with_intercept(x), self.relevance),
            linear(with_intercept(z), self.selection),
        )


def unlabelled_relevance(r: Doubles, s: Doubles, recorded: float = 0.0) -> Doubles:
    """float64[n]: P(relevant | not labelled): r (1 - s) / (1 - r s) where nothing is recorded."""
    return r * (1 - s) / _unlabelled(r, s, recorded)


def expectation(
    r: Doubles, s: Doubles, labels: Labels, recorded: float = 0.0
) -> tuple[Doubles, Doubles]:
    """(t, u): probability that each pair is relevant, and that it was looked at, given labels."""
    looked = s * (1 - r) * (1 - recorded) / _unlabelled(r, s, recorded)
    relevant = np.where(labels == 0, unlabelled_relevance(r, s, recorded), labels == 1)
    return relevant, np.where(labels == 0, looked, 1.0)


def _unlabelled(r: Doubles, s: Doubles, recorded: float) -> Doubles:
    """Chance that a pair is left without a label."""
    result: Doubles = np.maximum(1 - r * s - s * (1 - r) * recorded, 1e-12)
    return result


def cet_pu(
    x: Doubles, z: Doubles, labels: Labels, *, iterations: int = ITERATIONS, ridge: float = RIDGE
) -> Coupled:
    """Relevance and selection as logistic models, by expectation-maximisation.

    Both begin as what predicts the labels; each round is one Newton step towards its expectation.
    `x` and `z` are standardised: the ridge (in pairs per squared weight) does not know scales.
    """
    inputs = with_intercept(x), with_intercept(z)
    labelled = (labels == 1).astype(np.float64)
    weights = [fit_logistic(each, labelled, ridge) for each in inputs]
    known, recorded = int((labels == -1).sum()), 0.0
    for _ in range(iterations):
        r, s = (sigmoid(linear(e, weight)) for e, weight in zip(inputs, weights, strict=True))
        relevant, selected = expectation(r, s, labels, recorded)
        with one_thread():
            weights = [
                weights[0] + newton_step(inputs[0], r, relevant, weights[0], ridge),
                weights[1] + newton_step(inputs[1], s, selected, weights[1], ridge),
            ]
        if known:
            recorded = known / (known + float(selected[labels == 0].sum()))
    return Coupled(weights[0], weights[1], recorded)


@dataclass(frozen=True, slots=True)
class Dual:
    """Of the listwise form: weights of the labelled pairs, float64[n] (0 elsewhere), and losses."""

    relevance_weights: Doubles
    selection_weights: Doubles
    relevance_loss: float
    selection_loss: float


def listwise(f: Doubles, g: Doubles, labels: Labels, starts: Places, clip: float = CLIP) -> Dual:
    """The dual losses of lists that begin at `starts`: labelled pairs weighed by the other side.

    With F = softmax(f), G = softmax(g) and a the list's pair of the largest G, a labelled pair
    counts G_a / G_i in the relevance loss and F_a / F_i in the selection loss, both held between
    1 / `clip` and `clip`. The weights are constants: no gradient goes through them.
    """
    lists = list_of(starts, len(f))
    best = _first_largest(g, starts, lists)[lists]
    labelled = labels == 1
    bound = np.log(clip)
    relevance = np.exp(np.clip(g[best] - g, -bound, bound)) * labelled
    selection = np.exp(np.clip(f[best] - f, -bound, bound)) * labelled
    return Dual(
        relevance,
        selection,
        -float((relevance * log_softmax(f, starts)).sum()),
        -float((selection * log_softmax(g, starts)).sum()),
    )


def cet_listwise(
    x: Doubles,
    z: Doubles,
    labels: Labels,
    starts: Places,
    *,
    iterations: int = ITERATIONS,
    ridge: float = RIDGE,
    clip: float = CLIP,
) -> Coupled:
    """Both models by the dual losses: half a Newton step each, in turn.

    A softmax does not change with an intercept, so these are scores within a list: both intercepts
    are 0. `cet_pu` over the two scores makes probabilities of them. Weights are normalised to a
    mean of 1.
    """
    theta, phi = np.zeros(x.shape[1]), np.zeros(z.shape[1])
    for _ in range(iterations):
        dual = listwise(linear(x, theta), linear(z, phi), labels, starts, clip)
        theta = theta + 0.5 * _list_newton(x, theta, dual.relevance_weights, starts, ridge)
        phi = phi + 0.5 * _list_newton(z, phi, dual.selection_weights, starts, ridge)
    return Coupled(np.append(theta, 0.0), np.append(phi, 0.0))


def log_softmax(values: Doubles, starts: Places) -> Doubles:
    """float64[n]: logarithm of the softmax within each list."""
    lists = list_of(starts, len(values))
    centred = values - np.maximum.reduceat(values, starts)[lists]
    result: Doubles = centred - np.log(np.add.reduceat(np.exp(centred), starts))[lists]
    return result


def list_of(starts: Places, count: int) -> Places:
    """int64[n]: which list each of `count` pairs is in."""
    return np.repeat(np.arange(len(starts)), np.diff(np.append(starts, count)))


def _first_largest(values: Doubles, starts: Places, lists: Places) -> Places:
    """Place of the largest value of each list, the first of equal ones."""
    order = np.lexsort((np.arange(len(values)), -values, lists))
    result: Places = order[starts]
    return result


def _list_newton(
    features: Doubles, weights: Doubles, pairs: Doubles, starts: Places, ridge: float
) -> Doubles:
    """Step of a softmax over each list towards its labelled pairs, weighed by `pairs`."""
    if not pairs.any():
        return np.zeros(len(weights))
    pairs = pairs / pairs[pairs > 0].mean()
    lists = list_of(starts, len(features))
    share = np.exp(log_softmax(linear(features, weights), starts))
    total = np.add.reduceat(pairs, starts)
    mean = np.add.reduceat(share[:, None] * features, starts)
    gradient = np.einsum("np,n->p", features, pairs - share * total[lists]) - ridge * weights
    centred = features - mean[lists]
    bend = np.einsum("np,nq->pq", centred, (share * total[lists])[:, None] * centred)
    return shortened(np.linalg.solve(bend + np.eye(len(weights)) * (ridge + 1e-9), gradient))
