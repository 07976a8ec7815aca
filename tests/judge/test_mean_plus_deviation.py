"""Mean plus deviation: the worked numbers of ATSS, its invariants, and naive loops beside it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.judge.mean_plus_deviation import MeanPlusDeviation
from tests.judge.test_positive_aware import context


def ranked(*queries: Sequence[float | None], labelled: tuple[int, ...] = ()) -> pl.DataFrame:
    """Rows of the runner's table, each query's candidates in the order of one source's ranks."""
    rows = [
        (query, n, 1 if n in labelled else None, n + 1, score)
        for query, scores in enumerate(queries)
        for n, score in enumerate(scores)
    ]
    schema = {
        "query": pl.UInt32, "doc": pl.UInt32, "relevance": pl.Int32, "dense_rank": pl.Int32,
        "dense_score": pl.Float32,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def judged(rule: MeanPlusDeviation, rows: pl.DataFrame) -> pl.DataFrame:
    return rule.open(context(Path())).judge(rows)


IOUS = [1.0, 0.818182, 0.333333, 0.111111]
"""Of the box [0, 0, 10, 10] with itself shifted by 0, 1, 5 and 8 pixels."""


@pytest.mark.recipe("atss")
@pytest.mark.parametrize(("divisor", "cut"), [("n", 0.923780), ("n-1", 0.979182)])
def test_the_worked_numbers_of_atss(divisor: str, cut: float) -> None:
    rule = MeanPlusDeviation(divisor=divisor)  # type: ignore[arg-type]
    found = judged(rule, ranked(IOUS))
    assert found["mean_plus_deviation_cut"].to_list() == pytest.approx([cut] * 4, abs=1e-6)
    assert found["verdict"].to_list() == ["rejected", None, None, None]
    assert found["reason"][0] == f"mean-plus-deviation: dense 1.0 >= {cut:.4f}"


@settings(max_examples=50)
@given(
    st.lists(
        st.lists(st.one_of(st.none(), st.floats(-3, 3, width=16)), min_size=1, max_size=12),
        min_size=1,
        max_size=4,
    ),
    st.integers(2, 6),
    st.sampled_from([0.5, 1.0]),
)
def test_it_is_what_plain_loops_find(
    queries: list[list[float | None]], nearest: int, deviations: float
) -> None:
    found = judged(MeanPlusDeviation(nearest=nearest, deviations=deviations), ranked(*queries))
    cuts: list[float | None] = []
    for scores in queries:
        counted = [s for s in scores[:nearest] if s is not None]
        alone = len(counted) < 2
        cut = None if alone else (
            statistics.fmean(counted) + deviations * statistics.stdev(counted)
        )  # fmt: skip
        cuts += [cut] * len(scores)
    for got, cut in zip(found["mean_plus_deviation_cut"], cuts, strict=True):
        assert got is None if cut is None else got == pytest.approx(cut, rel=1e-5, abs=1e-5)


@pytest.mark.recipe("atss")
def test_equal_scores_are_all_rejected_and_a_single_candidate_is_kept() -> None:
    found = judged(MeanPlusDeviation(), ranked([0.1] * 5, [0.7]))
    assert found["verdict"].to_list() == ["rejected"] * 5 + [None]


@pytest.mark.recipe("atss")
def test_scores_moved_and_stretched_and_candidates_further_down_change_nothing() -> None:
    chance = np.random.default_rng(1)
    scores = np.sort(chance.normal(size=(20, 9)).astype(np.float32))[:, ::-1]
    rejected = judged(MeanPlusDeviation(), ranked(*scores.tolist()))["verdict"]
    moved = judged(MeanPlusDeviation(), ranked(*(scores * 4 + 16).tolist()))["verdict"]
    assert moved.to_list() == rejected.to_list()
    longer = np.concatenate([scores, np.full((20, 30), -9, np.float32)], 1)
    found = judged(MeanPlusDeviation(), ranked(*longer.tolist()))["verdict"].to_numpy()
    assert found.reshape(20, 39)[:, :9].ravel().tolist() == rejected.to_list()


def test_a_label_changes_no_cut() -> None:
    rule, scores = MeanPlusDeviation(), [0.9, 0.5, 0.4, 0.3]
    plain, labelled = (judged(rule, ranked(scores, labelled=which)) for which in ((), (0,)))
    assert plain["mean_plus_deviation_cut"].equals(labelled["mean_plus_deviation_cut"])


def test_the_candidates_of_each_source_count_whichever_scores_them() -> None:
    rows = ranked([0.9, 0.5, 0.4, 0.3, 0.2]).with_columns(
        bm25_rank=pl.Series([None, None, None, None, 1], dtype=pl.Int32)
    )
    cut = judged(MeanPlusDeviation(nearest=2), rows)["mean_plus_deviation_cut"][0]
    assert cut == pytest.approx(
        statistics.fmean([0.9, 0.5, 0.2]) + statistics.stdev([0.9, 0.5, 0.2])
    )
