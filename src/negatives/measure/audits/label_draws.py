"""What errors of labels do to a comparison: two rankings measured on labels drawn again and again.

Each label is turned round as often as it is probably wrong. A difference that changes its sign, or
its significance, from one drawing of the labels to another is no property of the two rankings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles
from negatives.chance import pair_uniforms
from negatives.errors import InputError
from negatives.measure.estimate import rounded
from negatives.measure.judged import judge_ranking
from negatives.measure.metric_names import parse_metric
from negatives.measure.metrics import Metric
from negatives.measure.ranking import ordered, run_of
from negatives.measure.significance import sign_flip
from negatives.schema import PAIR

DRAWS: Final = 200
TRIALS: Final = 999
SIGNIFICANT: Final = 0.05


@dataclass(frozen=True, slots=True)
class Redrawn:
    """The first ranking less the second, on the labels as they are and on drawn ones.

    `difference` and `p` (of a paired randomisation over queries) are on the labels as they are;
    `differences` and `ps`: float64[draws].
    """

    metric: str
    difference: float
    p: float
    differences: Doubles
    ps: Doubles

    @property
    def turned(self) -> float:
        """The share of drawings in which the other ranking is better."""
        return float((self.differences * np.sign(self.difference) < 0).mean())

    @property
    def undecided(self) -> float:
        """The share in which the difference is significant, and was not, or the other way round."""
        return float(((self.ps <= SIGNIFICANT) != (self.p <= SIGNIFICANT)).mean())

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        low, high = np.quantile(self.differences, (0.025, 0.975))
        return {
            "metric": self.metric,
            "difference": rounded(self.difference),
            "p": rounded(self.p),
            "drawings": len(self.differences),
            "difference over drawings": [
                rounded(float(each)) for each in (self.differences.mean(), low, high)
            ],
            "sign turns in": rounded(self.turned),
            "significance changes in": rounded(self.undecided),
        }


def read_ranking(path: str) -> pl.DataFrame:
    """query_id, doc_id, rank of a TREC run's file, as `negatives evaluate --save-run` writes it.

    `InputError` where there is no such file.
    """
    if not Path(path).is_file():
        raise InputError(
            "this is no file of a ranking",
            where=path,
            fix="write one: negatives evaluate MODEL DATA --save-run FILE",
        )
    found = run_of(path)
    if found is None:
        raise InputError(
            "a model, where a ranking is asked for",
            where=path,
            fix=f"negatives evaluate {path} DATA --save-run FILE",
        )
    return ordered(found.table).select(*PAIR, "rank")


def metric_of(name: str) -> Metric:
    """The metric of that name; `InputError` for one that another library computes."""
    metric = parse_metric(name)
    if not isinstance(metric, Metric) or metric.trained or metric.total:
        raise InputError(
            f"{name} cannot be measured on drawn labels", fix="name another, such as nDCG@10"
        )
    return metric


def redrawn(
    labels: pl.DataFrame,
    rankings: Sequence[pl.DataFrame],
    metric: Metric,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Redrawn:
    """Compare two rankings (query_id, doc_id, rank) on labels that are wrong with a probability.

    `labels`: query_id, doc_id, relevance (0 for what is not relevant, judged or not) and wrong, the
    probability. A positive that is drawn as wrong becomes 0, another pair 1. Queries are those with
    a positive among the labels as they are. `InputError` where a ranking has none of them.
    """
    queries = labels.filter(pl.col("relevance") > 0)["query_id"].unique().sort()
    for ranking in rankings:
        if not ranking["query_id"].is_in(queries.implode()).any():
            raise InputError(
                "a ranking has no query that has a positive, such as "
                f"{queries[0]!r}: its first is {ranking['query_id'][0]!r}",
                fix="name rankings of the test set that is audited",
            )
    asked = queries.implode()
    first, second = (each.filter(pl.col("query_id").is_in(asked)) for each in rankings)

    def differences(qrels: pl.DataFrame) -> Doubles:
        ours, theirs = (metric.of(judge_ranking(each, qrels, queries)) for each in (first, second))
        return ours - theirs

    sure = labels.filter(pl.col("wrong") <= 0)
    doubtful = labels.filter(pl.col("wrong") > 0).sort(PAIR)
    as_they_are = differences(labels)
    means, ps = np.empty(draws), np.empty(draws)
    for number in range(draws):
        chance = pair_uniforms(doubtful.select(PAIR), seed, f"audit/labels/{number}")
        turned = pl.lit(pl.Series(chance)) < pl.col("wrong")
        other = (pl.col("relevance") <= 0).cast(labels.schema["relevance"])
        drawn = doubtful.with_columns(
            relevance=pl.when(turned).then(other).otherwise(pl.col("relevance"))
        )
        found = differences(pl.concat([sure, drawn]))
        means[number], ps[number] = found.mean(), sign_flip(found, seed=number, trials=TRIALS).p
    p = sign_flip(as_they_are, seed=seed).p
    return Redrawn(str(metric), float(as_they_are.mean()), p, means, ps)
