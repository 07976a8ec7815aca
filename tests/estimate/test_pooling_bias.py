"""The estimator of pooling bias: what looks relevant and was never pooled is a suspect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from negatives.arrays import Floats
from negatives.errors import RecipeError
from negatives.estimate import pooling_bias as module
from negatives.estimate.pooling_bias import PoolingBias
from negatives.events import Event, Noted, Warned
from negatives.opening import EstimateContext
from tests.build import collection
from tests.estimate.test_cet import auc

QUERIES = 120
DATA = collection({"d": "text"}, {f"q{n:03d}": "text" for n in range(QUERIES)})


def context(reference: str = "dense", heard: list[Event] | None = None) -> EstimateContext:
    emit = (lambda event: None) if heard is None else heard.append
    return EstimateContext(collection=DATA, scratch=Path(), reference=reference, emit=emit)


def pooled(seed: int = 0) -> tuple[pl.DataFrame, NDArray[np.bool_]]:
    """50 pairs a query; judged were those that BM25 ranks high, found are those that dense scores.

    Relevance shows in the dense score; only what was pooled, the sooner the higher its rank, could
    be labelled. The second is what is relevant in truth.
    """
    draw = np.random.default_rng(seed)
    shape = (QUERIES, 50)
    relevant = draw.random(shape) < 0.2
    score = 2 * relevant + draw.normal(size=shape)
    lexical = 0.5 * score + draw.normal(size=shape)
    rank = np.argsort(np.argsort(-lexical, axis=1), axis=1) + 1
    looked = draw.random(shape) < 1 / (1 + (rank / 8.0) ** 2)
    relevance = pl.Series(np.where(relevant & looked, 1, 0).ravel(), dtype=pl.Int32)
    rows = pl.DataFrame(
        {
            "query": pl.Series(np.repeat(np.arange(QUERIES), 50), dtype=pl.UInt32),
            "doc": pl.Series(np.tile(np.arange(50), QUERIES), dtype=pl.UInt32),
            "relevance": relevance.replace(0, None),
            "bm25_rank": pl.Series(np.where(rank <= 40, rank, 0).ravel(), dtype=pl.Int32),
            "dense_score": pl.Series(score.ravel(), dtype=pl.Float32),
        }
    ).with_columns(pl.col("bm25_rank").replace(0, None), sources=pl.lit(["dense"]))
    return rows, relevant.ravel()


def estimated(stage: PoolingBias, *parts: pl.DataFrame, heard: list[Event] | None = None) -> Floats:
    opened = stage.open(context(heard=heard))
    prepared = [pl.concat([part, opened.prepare(part)], how="horizontal") for part in parts]
    fitted = opened.fit(iter(prepared), sum(map(len, parts)))
    return np.concatenate([fitted.estimate(part)["p_relevant"].to_numpy() for part in prepared])


@pytest.mark.slow
@pytest.mark.parametrize("form", ["pu", "listwise"])
def test_hidden_positives_stand_out_and_are_counted_about_right(form: str) -> None:
    rows, relevant = pooled()
    p = estimated(PoolingBias(form=form), rows)  # type: ignore[arg-type]
    hidden = rows["relevance"].is_null().to_numpy()
    assert auc(p[hidden], relevant[hidden]) > 0.85
    assert p[hidden].mean() == pytest.approx(relevant[hidden].mean(), abs=0.06)
    labelled = p[~hidden]
    assert labelled.mean() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("form", ["pu", "listwise"])
def test_of_equal_scores_the_pair_that_was_never_pooled_is_the_greater_suspect(form: str) -> None:
    rows, _ = pooled()
    opened = PoolingBias(form=form).open(context())  # type: ignore[arg-type]
    fitted = opened.fit(
        iter([pl.concat([rows, opened.prepare(rows)], how="horizontal")]), len(rows)
    )
    two = pl.DataFrame(
        {"query": [0, 0], "doc": [0, 1], "relevance": [None, None], "bm25_rank": [1, 40],
         "dense_score": [3.0, 3.0], "sources": [["dense"], ["dense"]]},
        schema=rows.schema,
    )  # fmt: skip
    together = opened.prepare(pl.concat([rows.filter(pl.col("query") == 0), two])).tail(2)
    first, last = fitted.estimate(pl.concat([two, together], how="horizontal"))["p_relevant"]
    assert last > first + 0.1


@pytest.mark.slow
def test_neither_the_size_nor_the_order_of_the_parts_changes_a_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, _ = pooled()
    monkeypatch.setattr(module, "MOST", 2000)  # so that queries are drawn
    whole = estimated(PoolingBias(), rows)
    parts = rows.partition_by("query", maintain_order=True)
    assert estimated(PoolingBias(), *parts).tobytes() == whole.tobytes()
    backwards = estimated(PoolingBias(), *parts[::-1]).reshape(-1, 50)[::-1].reshape(-1)
    assert backwards.tobytes() == whole.tobytes()


@pytest.mark.slow
def test_it_learns_from_whole_queries_drawn_by_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = pooled()
    monkeypatch.setattr(module, "MOST", 2000)
    heard: list[Event] = []
    estimated(PoolingBias(), rows, heard=heard)
    [noted] = [event for event in heard if isinstance(event, Noted)]
    assert noted.value["pairs"] % 50 == 0
    assert 1000 < noted.value["pairs"] < 3000


def test_a_missing_rank_lies_below_the_last_and_scores_that_are_no_numbers_are_missing() -> None:
    rows = pl.DataFrame(
        {
            "query": [0, 0, 0, 1],
            "bm25_rank": [1, 3, None, None],
            "dense_score": [1.0, float("nan"), float("inf"), None],
        }
    )
    prepared = PoolingBias().open(context()).prepare(rows)
    ranks = prepared["pooling_bias_bm25_rank"].to_list()
    assert ranks[:3] == pytest.approx([0.0, -np.log2(3), -2.0])
    assert ranks[3] is None
    assert prepared["pooling_bias_dense_score"].to_list() == [0.0, None, None, None]


def test_scores_are_deviations_within_the_query() -> None:
    rows = pl.DataFrame(
        {"query": [0, 0, 1, 1], "bm25_rank": [1, 2, 1, 2], "dense_score": [1.0, 3.0, 500.0, 100.0]}
    )
    prepared = PoolingBias().open(context()).prepare(rows)
    assert prepared["pooling_bias_dense_score"].to_list() == pytest.approx([-1, 1, 1, -1])


@pytest.mark.slow
def test_positives_that_no_source_proposed_are_not_learned_from() -> None:
    rows, _ = pooled()
    heard: list[Event] = []
    lost = pl.col("relevance").is_not_null() & (pl.col("doc") % 2 == 0)
    sources = pl.when(lost).then(pl.lit([], pl.List(pl.String))).otherwise("sources")
    count = rows.select(lost.sum()).item()
    estimated(PoolingBias(), rows.with_columns(sources=sources), heard=heard)
    [noted] = [event for event in heard if isinstance(event, Noted)]
    assert noted.value["pairs"] == len(rows) - count < len(rows)


@pytest.mark.slow
def test_without_a_relevance_feature_there_is_no_opinion() -> None:
    rows, _ = pooled()
    silenced = rows.with_columns(
        pl.when(pl.col("doc") == 0).then(None).otherwise("dense_score").alias("dense_score")
    )
    p = estimated(PoolingBias(), silenced)
    assert (np.isnan(p) == (rows["doc"] == 0).to_numpy()).all()


@pytest.mark.slow
def test_constant_features_say_the_same_of_all() -> None:
    rows, _ = pooled()
    flat = rows.with_columns(dense_score=pl.lit(0.5, pl.Float32), bm25_rank=pl.lit(1, pl.Int32))
    p = estimated(PoolingBias(), flat)
    hidden = rows["relevance"].is_null().to_numpy()
    assert np.isfinite(p).all()
    assert np.ptp(p[hidden]) == 0


@pytest.mark.parametrize("kept", [0, 29])
def test_with_too_few_labels_it_has_no_opinion_and_says_so(kept: int) -> None:
    rows, _ = pooled()
    few = rows.with_columns(
        pl.when(pl.col("relevance").cum_sum() <= kept).then("relevance").alias("relevance")
    )
    heard: list[Event] = []
    assert np.isnan(estimated(PoolingBias(), few, heard=heard)).all()
    assert heard == [
        Warned(
            f"pooling-bias: {kept} labelled pairs are too few to learn from (it takes 30, and "
            "unlabelled ones); p_relevant is null"
        )
    ]


def test_an_empty_run_is_safe() -> None:
    opened = PoolingBias().open(context())
    fitted = opened.fit(iter(()), 0)
    rows = pooled()[0].clear()
    assert len(fitted.estimate(pl.concat([rows, opened.prepare(rows)], how="horizontal"))) == 0


def test_the_two_models_must_see_different_columns() -> None:
    with pytest.raises(RecipeError) as caught:
        PoolingBias(relevance=["a", "b"], pooling=["b"])
    assert str(caught.value) == (
        "pooling-bias: relevance and pooling both see b\n"
        "  fix:   name columns of the pooling system in `pooling`, others in `relevance`"
    )
    with pytest.raises(RecipeError, match="no column tells of pooling"):
        PoolingBias(pooling=[])
    with pytest.raises(RecipeError, match="both see bm25_score"):
        PoolingBias(pooling=["bm25_score"]).open(context(reference="bm25"))
    with pytest.raises(RecipeError, match="no source scores the candidates"):
        PoolingBias().open(context(reference=""))


def test_a_column_that_no_stage_writes_is_told_the_nearest() -> None:
    with pytest.raises(RecipeError) as caught:
        PoolingBias(pooling=["bm52_rank"]).open(context()).prepare(pooled()[0])
    assert caught.value.fix == "did you mean 'bm25_rank'?"
