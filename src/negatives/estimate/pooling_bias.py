"""p_relevant with pooling bias taken into account: what was never pooled was never looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import polars as pl
from msgspec import Meta, field

from negatives.arrays import Doubles, Places, Rows
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import RecipeError
from negatives.estimate.cet import (
    Coupled,
    Labels,
    cet_listwise,
    cet_pu,
    unlabelled_relevance,
)
from negatives.estimate.features import check_numeric
from negatives.estimation import estimated
from negatives.events import Noted, Warned
from negatives.opening import EstimateContext
from negatives.stage import Estimator
from negatives.stats.logistic import sigmoid
from negatives.stats.scaling import Scale

MOST = 200_000
"""Pairs that are learned from; of a larger run, those of queries drawn by the hash of their id."""
FEWEST = 30
"""Labelled pairs it takes."""


class PoolingBias(Estimator, kind="pooling-bias"):
    """p_relevant by coupled estimation of relevance and of selection for judging (CET).

    Cai et al. (2022); both forms are reconstructions, since the paper's code is not public. An
    unlabelled pair that was likely to be pooled was looked at and is probably not relevant; one
    that looks relevant and was unlikely to be pooled is a suspect. `pooling` names columns of the
    system that chose what to judge, or of a stand-in such as BM25; `relevance` names others: on the
    same columns the two models could change places. `listwise` learns scores within each query by
    the dual losses first, and then makes probabilities of them as `pu` does. Learned from the
    labels of the run: an unlabelled pair gets P(relevant | unlabelled), a judged one P(relevant).
    Assumes that beside the relevance columns the pooling ones say nothing of relevance. As far as
    they do, values come out too high, some times over with BM25 and one dense score: the order can
    be used, but where a share shall hold, `evidence` is the estimator to take.

    >>> from negatives import PoolingBias
    >>> PoolingBias(pooling=["bm25_rank"], relevance=["dense_score"]).settings()
    {'kind': 'pooling-bias', 'form': 'pu', 'relevance': ['dense_score'], 'pooling': ['bm25_rank']}
    """

    form: Annotated[
        Literal["pu", "listwise"], Meta(description="pointwise, or by the dual listwise losses")
    ] = "pu"
    relevance: Annotated[
        list[str],
        Meta(description="columns that tell relevance; empty: the reference scorer's score"),
    ] = []
    pooling: Annotated[
        list[str], Meta(description="columns that tell whether a pair was chosen for judging")
    ] = field(default_factory=lambda: ["bm25_rank"])

    def check(self) -> None:
        """The two models see different columns."""
        shared = sorted(set(self.relevance) & set(self.pooling))
        if shared or not self.pooling:
            raise RecipeError(
                f"pooling-bias: relevance and pooling both see {', '.join(shared)}"
                if shared
                else "pooling-bias: no column tells of pooling",
                fix="name columns of the pooling system in `pooling`, others in `relevance`",
            )

    def open(self, context: EstimateContext) -> PoolingBiasEstimation:
        """Find the scorer."""
        if not self.relevance and not context.reference:
            raise RecipeError(
                "pooling-bias: no source scores the candidates", fix="set `relevance`"
            )
        relevance = self.relevance or [f"{context.reference}_score"]
        if set(relevance) & set(self.pooling):
            raise RecipeError(
                f"pooling-bias: relevance and pooling both see {relevance[0]}",
                fix="add a dense source, or name another column in `relevance`",
            )
        return PoolingBiasEstimation(self, context, tuple(relevance))


@dataclass(frozen=True)
class PoolingBiasEstimation:
    """The columns that tell relevance, and those that tell pooling, of one run."""

    stage: PoolingBias
    context: EstimateContext
    relevance: tuple[str, ...]

    def prepare(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`pooling_bias_COLUMN`: the features, float64."""
        check_numeric(rows, (*self.relevance, *self.stage.pooling), self.stage.kind)
        return rows.select(
            _feature(name).alias(_column(name)) for name in (*self.relevance, *self.stage.pooling)
        )

    def fit(self, parts: Iterable[pl.DataFrame], rows: int) -> PoolingBiasFitted:
        """Learn both models from about `MOST` pairs at most, whole queries.

        Positives that no source proposed are not learned from: of the unlabelled pairs only those
        that some source ranks high are there, so the labelled ones would seem to score low.
        """
        ids = self.context.collection.queries["query_id"]
        key = stream_key(self.context.seed, "estimate/pooling-bias")
        drawn = pl.Series(uniforms(id_hashes(ids), key) < min(1.0, MOST / max(rows, 1)))
        columns = ["query", "doc", "relevance", *map(_column, self.relevance)]
        columns += map(_column, self.stage.pooling)
        proposed = pl.col("sources").list.len() > 0
        kept = [
            part.filter(drawn.gather(part["query"])).filter(proposed).select(columns)
            for part in parts
        ]
        sample = pl.concat(kept).sort("query", "doc") if kept else None
        labels = _labels(sample) if sample is not None else np.empty(0, np.int8)
        if sample is None or (labels == 1).sum() < FEWEST or not (labels == 0).any():
            self.context.emit(
                Warned(
                    f"pooling-bias: {(labels == 1).sum()} labelled pairs are too few to learn from "
                    f"(it takes {FEWEST}, and unlabelled ones); p_relevant is null"
                )
            )
            return PoolingBiasFitted(self.relevance, tuple(self.stage.pooling))
        raw = _features(sample, self.relevance), _features(sample, self.stage.pooling)
        scales = tuple(map(Scale.of, raw))
        x, z = (scale.applied(each) for each, scale in zip(raw, scales, strict=True))
        models: tuple[Coupled, ...] = ()
        if self.stage.form == "listwise":
            starts = _starts(sample["query"].to_numpy())
            first = cet_listwise(x, z, labels, starts)
            f, g = first.logits(x, z)
            models = first, cet_pu(f[:, None], g[:, None], labels)
        else:
            models = (cet_pu(x, z, labels),)
        last = models[0]
        weights = {
            "relevance": dict(zip(self.relevance, last.relevance.round(4).tolist(), strict=False)),
            "pooling": dict(
                zip(self.stage.pooling, last.selection.round(4).tolist(), strict=False)
            ),
        }
        self.context.emit(
            Noted("pooling-bias", {"pairs": len(sample), "form": self.stage.form, **weights})
        )
        return PoolingBiasFitted(self.relevance, tuple(self.stage.pooling), models, scales)


@dataclass(frozen=True)
class PoolingBiasFitted:
    """Both models and the scale of their features; no model: nothing was learned."""

    relevance: tuple[str, ...]
    pooling: tuple[str, ...]
    models: tuple[Coupled, ...] = ()
    """The models, applied one after the other: the listwise form's scores feed the second."""
    scales: tuple[Scale[np.float64], ...] = ()

    def estimate(self, rows: pl.DataFrame) -> pl.DataFrame:
        """P(relevant | unlabelled), of judged pairs P(relevant); null without their features."""
        if not self.models:
            return estimated(np.full(len(rows), np.nan))
        raw = _features(rows, self.relevance), _features(rows, self.pooling)
        f, g = (scale.applied(each) for each, scale in zip(raw, self.scales, strict=True))
        for model in self.models:
            f, g = (logits[:, None] for logits in model.logits(f, g))
        r, s = sigmoid(f[:, 0]), sigmoid(g[:, 0])
        p = np.where(
            rows["relevance"].is_null(), unlabelled_relevance(r, s, self.models[-1].recorded), r
        )
        return estimated(np.where(np.isnan(raw[0]).all(axis=1), np.nan, p))


def _features(rows: pl.DataFrame, names: Iterable[str]) -> Doubles:
    """float64[n, p], NaN where there is no value."""
    return np.column_stack([rows[_column(name)].to_numpy() for name in names])


def _column(name: str) -> str:
    return f"pooling_bias_{name}"


def _feature(name: str) -> pl.Expr:
    """Finite values; a score in deviations from its query's mean, since queries differ in scale.

    A rank as -log2(rank), one place below the query's last where it has none.
    """
    value = pl.col(name).cast(pl.Float64)
    if name.endswith("_rank"):
        value = -value.fill_null(value.max().over("query") + 1).log(2)
    value = pl.when(value.is_finite()).then(value)
    if name.endswith("_score"):
        centred = value - value.mean().over("query")
        deviation = value.std(ddof=0).over("query")
        value = pl.when(deviation > 0).then(centred / deviation).otherwise(centred)
    return value


def _labels(sample: pl.DataFrame) -> Labels:
    relevance = pl.col("relevance")
    sign = pl.when(relevance.is_null()).then(0).when(relevance > 0).then(1).otherwise(-1)
    return sample.select(sign.cast(pl.Int8)).to_series().to_numpy()


def _starts(query: Rows) -> Places:
    """Where each query's run of rows begins."""
    return np.flatnonzero(np.append(True, query[1:] != query[:-1])).astype(np.int64)
