"""p_relevant revised by a costly judge's scores: the second stage of a cascade.

The first p is the prior. What the score adds is a likelihood ratio: the odds of a logistic model
of (logit p, score, score less that of the query's other pairs) over those of a model of logit p
alone, both learned from the same scored pairs, so that how these were chosen cancels out. A
labelled pair is relevant; an unlabelled one is with its present p, re-estimated some times
(expectation maximisation), for among the unlabelled are relevant ones too. Cross-fitted by query:
no pair is revised by a model that has seen its query.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Doubles
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.stats.logistic import fit_logistic, sigmoid, with_intercept

FOLDS: Final = 5
ROUNDS: Final = 20
"""Rounds of expectation maximisation; with fewer a strong judge is believed too little."""
FEWEST: Final = 20
"""Labelled and unlabelled scored pairs without which nothing is learned."""
RIDGE: Final = 1.0
"""The weights have a prior of deviation 1, so that what says nothing is not believed."""
NEAR: Final = 1e-4
"""A first p nearer to 0 or 1 counts as this: no estimate is that sure."""


_BASE: Final = [0, -1]
"""Columns of the model that does not know the score: logit p and the intercept."""


@dataclass(frozen=True)
class Revision:
    """What a score says beyond the first p, learned once for each fold of the queries.

    `full`: float64[folds, 4] (logit p, score, score less the query's others', intercept); `base`:
    float64[folds, 2] (logit p, intercept).
    """

    full: Doubles
    base: Doubles

    def revised(self, scored: pl.DataFrame, seed: int) -> Doubles:
        """float64[n]: p_relevant of scored pairs; NaN where there was no p."""
        x, fold = features(scored), folds(scored, seed)
        return sigmoid(x[:, 0] + _said(x, self.full[fold], self.base[fold]))


def learn(scored: pl.DataFrame, seed: int) -> Revision | None:
    """The revision that these pairs teach; None where too few of them are labelled, or are not.

    `scored`: query_id, labelled, proposed, p_relevant, score, others (see `with_others`). A
    positive that no source proposed is left out: nothing else like it is in the ledger.
    """
    usable = scored.filter(pl.col("p_relevant").is_not_null(), pl.col("proposed"))
    labelled = usable["labelled"].to_numpy()
    if min(labelled.sum(), (~labelled).sum()) < FEWEST:
        return None
    x, fold = features(usable), folds(usable, seed)
    full, base = [], []
    for part in range(FOLDS):
        learned = fold != part
        if min(labelled[learned].sum(), (~labelled)[learned].sum()) < FEWEST // 2:
            return None
        one, other = _fitted(x[learned], labelled[learned])
        full.append(one)
        base.append(other)
    return Revision(np.array(full), np.array(base))


def with_others(scored: pl.DataFrame) -> pl.DataFrame:
    """The mean score of the query's other unlabelled pairs as `others`; its own where it has none.

    Scores are brought to mean 0 and deviation 1 of the run first. A pair's own label changes
    nothing: neither its own score nor any positive's is in the mean.
    """
    score = pl.col("score").cast(pl.Float64)
    deviation = pl.when(score.std(ddof=0) > 0).then(score.std(ddof=0)).otherwise(1.0)
    scored = scored.with_columns(score=(score - score.mean()) / deviation)
    own = pl.when(pl.col("labelled")).then(0.0).otherwise("score")
    count = (~pl.col("labelled")).cast(pl.Int64)
    rest = count.sum().over("query_id") - count
    total = own.sum().over("query_id") - own
    return scored.with_columns(others=pl.when(rest > 0).then(total / rest).otherwise("score"))


def features(scored: pl.DataFrame) -> Doubles:
    """float64[n, 3]: logit of p, score, score less the query's others'."""
    p = scored["p_relevant"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    p = np.clip(p, NEAR, 1 - NEAR)
    score = scored["score"].to_numpy()
    return np.stack([np.log(p / (1 - p)), score, score - scored["others"].to_numpy()], axis=1)


def folds(scored: pl.DataFrame, seed: int) -> NDArray[np.intp]:
    """intp[n] in [0, FOLDS): the part that the query is in."""
    drawn = uniforms(id_hashes(scored["query_id"]), stream_key(seed, "judge/fold"))
    return (drawn * FOLDS).astype(np.intp)


def _fitted(x: Doubles, labelled: NDArray[np.bool_]) -> tuple[Doubles, Doubles]:
    inputs = with_intercept(x)
    relevant = np.where(labelled, 1.0, sigmoid(x[:, 0]))
    for _ in range(ROUNDS):
        full = fit_logistic(inputs, relevant, RIDGE)
        base = fit_logistic(inputs[:, _BASE], relevant, RIDGE)
        relevant = np.where(labelled, 1.0, sigmoid(x[:, 0] + _said(x, full, base)))
    return full, base


def _said(scored: Doubles, full: Doubles, base: Doubles) -> Doubles:
    """float64[n]: what the full model says beyond the base; weights of all rows, or of each."""
    inputs = with_intercept(scored)
    said: Doubles = (inputs * full).sum(axis=1) - (inputs[:, _BASE] * base).sum(axis=1)
    return said
