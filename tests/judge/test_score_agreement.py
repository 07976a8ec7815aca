"""Score agreement: percentiles within a query, the lowest over sources, silence of one alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import RecipeError
from negatives.judge.score_agreement import ScoreAgreement
from negatives.opening import JudgeContext
from tests.build import collection

CONTEXT = JudgeContext(collection=collection({"d": "text"}, {"q": "text"}), scratch=Path())
Scores = list[float | None]


def table(relevance: list[int | None] | None = None, **scores: Scores) -> pl.DataFrame:
    """One query's rows, each source having ranked all of them."""
    count = len(next(iter(scores.values())))
    ranks = {f"{name}_rank": pl.Series(range(1, count + 1), dtype=pl.Int32) for name in scores}
    given_scores = {f"{n}_score": pl.Series(s, dtype=pl.Float32) for n, s in scores.items()}
    return pl.DataFrame(
        {
            "query": pl.Series([0] * count, dtype=pl.UInt32),
            "doc": pl.Series(range(count), dtype=pl.UInt32),
            "relevance": pl.Series(relevance or [None] * count, dtype=pl.Int32),
            **ranks,
            **given_scores,
        }
    )


def agreement(rows: pl.DataFrame, **settings: object) -> list[float | None]:
    opinion = ScoreAgreement(**settings).open(CONTEXT).judge(rows)  # type: ignore[arg-type]
    assert len(opinion) == len(rows)
    return opinion["score_agreement"].to_list()


def test_the_lowest_percentile_over_the_sources_is_the_evidence() -> None:
    # Percentiles of four: 1/8, 3/8, 5/8, 7/8. bm25 puts them 4 3 2 1, dense 4 1 2 3 (best first).
    rows = table(bm25=[9.0, 7.0, 5.0, 3.0], dense=[0.9, 0.1, 0.3, 0.5])
    assert agreement(rows) == pytest.approx([0.875, 0.125, 0.375, 0.125])
    assert agreement(rows, combine="mean") == pytest.approx([0.875, 0.375, 0.375, 0.375])


def test_equal_scores_share_their_place() -> None:
    rows = table(a=[1.0, 1.0, 2.0], b=[3.0, 2.0, 1.0])
    assert agreement(rows, combine="mean") == pytest.approx(
        [(1 / 3 + 5 / 6) / 2, (1 / 3 + 0.5) / 2, 0.5]
    )


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=2, max_size=12, unique=True),
)
def test_another_scale_changes_nothing(
    scores: list[tuple[float, float]],
) -> None:
    rounded = [(round(a, 2), round(b, 2)) for a, b in scores]
    a, b = ([pair[side] for pair in rounded] for side in (0, 1))
    straight = agreement(table(a=[*a], b=[*b]))
    assert agreement(table(a=[8 * score + 16 for score in a], b=[*b])) == straight


@pytest.mark.parametrize("silent", [None, float("nan"), float("inf")])
def test_a_pair_that_one_source_alone_scores_has_no_evidence(silent: float | None) -> None:
    rows = table(a=[3.0, 2.0, 1.0], b=[3.0, silent, 1.0])
    assert agreement(rows)[1] is None
    assert agreement(rows)[0] == pytest.approx(0.75)  # the upper of two, by b


def test_a_source_that_gives_all_the_same_has_no_opinion() -> None:
    assert agreement(table(a=[3.0, 2.0], b=[1.0, 1.0])) == [None, None]
    rows = table(a=[3.0, 2.0], b=[1.0, 1.0], c=[5.0, 6.0])
    assert agreement(rows) == pytest.approx([0.25, 0.25])


def test_a_single_source_never_objects() -> None:
    assert agreement(table(a=[3.0, 2.0])) == [None, None]
    assert agreement(table(a=[3.0, 2.0], b=[3.0, 2.0]), of=["a"]) == [None, None]


def test_only_columns_of_sources_are_scores() -> None:
    rows = table(a=[3.0, 2.0], b=[3.0, 2.0]).with_columns(judged_score=pl.Series([1.0, 2.0]))
    assert agreement(rows) == pytest.approx([0.75, 0.25])


def test_what_all_score_high_can_be_rejected_and_judgements_are_left_alone() -> None:
    rows = table([1, None, None, 0], a=[4.0, 3.0, 2.0, 5.0], b=[4.0, 3.0, 2.0, 5.0])
    opinion = ScoreAgreement(0.3).open(CONTEXT).judge(rows)
    assert opinion["verdict"].to_list() == [None, "rejected", None, None]
    assert opinion["reason"][1] == "score-agreement: min percentile of a, b 0.375 >= 0.3"
    assert ScoreAgreement().open(CONTEXT).judge(rows)["verdict"].null_count() == 4


def test_the_pairs_own_label_changes_nothing() -> None:
    a: Scores = [4.0, 3.0, 2.0]
    b: Scores = [2.0, 4.0, 3.0]
    assert agreement(table([1, None, None], a=a, b=b)) == agreement(table(a=a, b=b))


def test_neither_the_order_of_rows_nor_other_queries_change_anything() -> None:
    draw = np.random.default_rng(0)
    parts = [
        table(a=draw.normal(size=9).tolist(), b=draw.normal(size=9).tolist()).with_columns(
            query=pl.lit(n, pl.UInt32)
        )
        for n in range(5)
    ]
    whole = agreement(pl.concat(parts))
    assert [value for part in parts for value in agreement(part)] == whole
    assert agreement(pl.concat(parts).reverse())[::-1] == whole


def test_no_rows_and_no_sources_are_safe() -> None:
    assert agreement(table(a=[1.0], b=[2.0]).clear()) == []
    assert agreement(table(a=[1.0]).select("query", "doc", "relevance")) == [None]


def test_an_unknown_source_is_told_the_nearest() -> None:
    with pytest.raises(RecipeError, match="no source of the run is called 'dens'") as caught:
        agreement(table(dense=[1.0]), of=["dens"])
    assert caught.value.fix == "did you mean 'dense'?"


def test_the_advice_names_the_threshold() -> None:
    assert ScoreAgreement(0.9).fix == "raise score-agreement reject above 0.9"
