"""The ensemble: columns vote, and agreement over the whole run says what a vote is worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negatives.arrays import Floats
from negatives.errors import RecipeError
from negatives.estimate.ensemble import Ensemble
from negatives.events import Event, Noted, Warned
from negatives.opening import EstimateContext
from tests.build import collection

DATA = collection({"d": "text"}, {"q": "text"})


def context(heard: list[Event] | None = None) -> EstimateContext:
    emit = (lambda event: None) if heard is None else heard.append
    return EstimateContext(collection=DATA, scratch=Path(), emit=emit)


def planted(queries: int, prior: float = 0.2, seed: int = 0) -> tuple[pl.DataFrame, Floats]:
    """25 pairs a query with four evidence columns of different worth, and what is relevant."""
    draw = np.random.default_rng(seed)
    n = queries * 25
    truth = draw.random(n) < prior
    columns = {
        name: pl.Series(worth * truth + draw.normal(size=n), dtype=pl.Float32)
        for name, worth in (("good", 4.0), ("fair", 2.0), ("poor", 1.0), ("none", 0.0))
    }
    rows = pl.DataFrame(
        {
            "query": pl.Series(np.repeat(np.arange(queries), 25), dtype=pl.UInt32),
            "doc": pl.Series(np.tile(np.arange(25), queries), dtype=pl.UInt32),
            **columns,
        }
    ).with_columns(good_rank=pl.col("good").rank("ordinal", descending=True).over("query"))
    return rows, truth.astype(np.float32)


def estimated(stage: Ensemble, *parts: pl.DataFrame, heard: list[Event] | None = None) -> Floats:
    """What a run would do: prepare every part, fit on all, estimate every part."""
    opened = stage.open(context(heard))
    prepared = [pl.concat([part, opened.prepare(part)], how="horizontal") for part in parts]
    fitted = opened.fit(iter(prepared), sum(map(len, parts)))
    return np.concatenate([fitted.estimate(part)["p_relevant"].to_numpy() for part in prepared])


STAGE = Ensemble(top=["good", "fair", "poor", "none"], prior=0.2)


def auc(p: Floats, truth: Floats) -> float:
    place = np.argsort(np.argsort(p, kind="stable"), kind="stable")
    positives = truth.sum()
    return float(
        (place[truth > 0].sum() - positives * (positives - 1) / 2)
        / (positives * (len(truth) - positives))
    )


def test_it_ranks_better_than_the_majority_and_is_about_calibrated() -> None:
    rows, truth = planted(200)
    heard: list[Event] = []
    p = estimated(STAGE, rows, heard=heard)
    count = STAGE.open(context()).prepare(rows).sum_horizontal().to_numpy()
    assert auc(p, truth) > auc(count.astype(np.float32), truth) + 0.02
    assert p.mean() == pytest.approx(0.2, abs=0.05)
    assert ((p - truth) ** 2).mean() < 0.08  # always saying 0.2 gives 0.16
    [noted] = [event for event in heard if isinstance(event, Noted)]
    tpr = {name: rates["tpr"] for name, rates in noted.value["judges"].items()}
    assert tpr["good"] > tpr["fair"] > tpr["poor"] > tpr["none"]


def test_neither_the_size_nor_the_order_of_the_parts_changes_a_byte() -> None:
    rows, _ = planted(40)
    whole = estimated(STAGE, rows)
    parts = rows.partition_by("query", maintain_order=True)
    assert estimated(STAGE, *parts).tobytes() == whole.tobytes()
    backwards = estimated(STAGE, *parts[::-1]).reshape(-1, 25)[::-1].reshape(-1)
    assert backwards.tobytes() == whole.tobytes()


def test_ranks_vote_by_the_lowest() -> None:
    rows, _ = planted(10)
    stage = Ensemble(top=["-good_rank", "good", "fair"], prior=0.2)
    prepared = stage.open(context()).prepare(rows)
    assert prepared["ensemble_good_rank"].to_list() == prepared["ensemble_good"].to_list()
    assert prepared["ensemble_good"].sum() == 10 * 5  # a fifth of 25


def test_thresholds_vote_at_and_above() -> None:
    rows = pl.DataFrame({"query": [0, 0, 0], "a": [0.4, 0.5, None], "b": [1.0, float("nan"), 2.0],
                         "c": [1, 2, 3]})  # fmt: skip
    stage = Ensemble(votes={"a": 0.5, "b": 1.5, "c": 2})
    assert stage.open(context()).prepare(rows).rows() == [(0, 0, 0), (1, None, 1), (None, 1, 1)]


def test_a_query_whose_values_are_all_equal_gets_no_vote_for_any() -> None:
    rows = pl.DataFrame({"query": [0] * 5, "a": [1.0] * 5, "b": range(5), "c": range(5)})
    prepared = Ensemble(top=["a", "b", "c"]).open(context()).prepare(rows)
    assert prepared["ensemble_a"].to_list() == [0] * 5
    assert prepared["ensemble_b"].to_list() == [0, 0, 0, 0, 1]


def test_copies_constants_and_silent_columns_are_left_out_and_named() -> None:
    rows, _ = planted(100)
    rows = rows.with_columns(
        copy=pl.col("good") * 2,
        constant=pl.lit(1.0),
        silent=pl.lit(None, pl.Float32),
        broken=pl.lit(float("nan")),
    )
    heard: list[Event] = []
    stage = Ensemble(
        top=["good", "fair", "poor", "copy", "constant", "silent", "broken"], prior=0.2
    )
    p = estimated(stage, rows, heard=heard)
    [noted] = [event for event in heard if isinstance(event, Noted)]
    assert noted.value["left_out"] == ["copy", "constant", "silent", "broken"]
    assert p == pytest.approx(estimated(Ensemble(top=["good", "fair", "poor"], prior=0.2), rows))


def test_with_too_few_columns_left_it_has_no_opinion_and_says_so() -> None:
    rows, _ = planted(20)
    heard: list[Event] = []
    same = rows.with_columns(copy=pl.col("good"), other=pl.col("good"))
    p = estimated(Ensemble(top=["good", "copy", "other"], prior=0.2), same, heard=heard)
    assert np.isnan(p).all()
    assert heard == [
        Warned(
            "ensemble: 1 of 3 columns can be used, and it takes 3; p_relevant is null "
            "(left out: copy, other)"
        )
    ]


def test_where_no_judge_votes_there_is_no_opinion() -> None:
    rows, _ = planted(50)
    silenced = rows.with_columns(
        pl.when(pl.col("doc") == 0).then(None).otherwise(pl.col("good", "fair", "poor")).name.keep()
    )
    p = estimated(Ensemble(top=["good", "fair", "poor"], prior=0.2), silenced)
    assert np.isnan(p).sum() == 50
    assert np.isnan(p[rows["doc"].to_numpy() == 0]).all()


def test_the_triplet_model_needs_balanced_classes_and_finds_them() -> None:
    rows, truth = planted(200, prior=0.5)
    p = estimated(Ensemble(top=["good", "fair", "poor"], prior=0.5, model="triplet"), rows)
    assert auc(p, truth) > 0.85


def test_an_empty_run_is_safe() -> None:
    rows, _ = planted(1)
    assert len(estimated(STAGE, rows.clear())) == 0
    opened = STAGE.open(context())
    fitted = opened.fit(iter(()), 0)
    assert fitted.estimate(opened.prepare(rows))["p_relevant"].is_null().all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"top": ["a", "b"]}, "ensemble: 2 columns vote (2 different)"),
        ({"top": ["a", "-a", "b"]}, "ensemble: 3 columns vote (2 different)"),
        ({"votes": {"a": 1.0}, "top": ["a", "b"]}, "ensemble: 3 columns vote (2 different)"),
    ],
)
def test_three_different_columns_must_vote(settings: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Ensemble(**settings)  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"{message}\n  fix:   name 3 to 39 different ones in `votes` and `top`"
    )


def test_a_column_that_no_stage_writes_is_told_the_nearest() -> None:
    rows, _ = planted(1)
    with pytest.raises(RecipeError) as caught:
        Ensemble(top=["good", "fare", "poor"]).open(context()).prepare(rows)
    assert str(caught.value) == (
        "ensemble: no stage of the recipe writes a numeric column 'fare'\n"
        "  fix:   did you mean 'fair'?"
    )
