"""Two ways of skipping: by raw ranks, and among those that other rules let through."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from negatives.errors import RecipeError
from negatives.judge.rank_window import SkipSurvivors, SkipTop
from negatives.opening import JudgeContext
from tests.build import collection

DATA = collection({"d": "text"}, {"q": "text"})
SCHEMA = {
    "query": pl.UInt32,
    "doc": pl.UInt32,
    "relevance": pl.Int32,
    "dense_rank": pl.Int32,
    "dense_score": pl.Float32,
    "verdict": pl.String,
}
ROWS = pl.DataFrame(
    [
        (0, 0, 1, 2, 0.8, "positive"),
        (0, 1, None, 1, 0.9, "rejected"),
        (0, 2, None, 3, 0.7, None),
        (0, 3, None, 4, 0.6, None),
        (0, 4, None, 5, 0.5, None),
        (0, 5, None, None, 0.75, None),  # another source's candidate, scored by this one
    ],
    schema=SCHEMA,
    orient="row",
)


def context(reference: str = "dense") -> JudgeContext:
    return JudgeContext(collection=DATA, scratch=Path(), reference=reference)


def skipped(stage: SkipTop | SkipSurvivors, rows: pl.DataFrame = ROWS) -> list[int]:
    opinion = stage.open(context()).judge(rows)
    assert len(opinion) == len(rows)
    return rows.filter(opinion["verdict"] == "rejected")["doc"].to_list()


def test_skip_top_counts_raw_ranks_positives_and_rejected_pairs_included() -> None:
    assert skipped(SkipTop(3)) == [0, 1, 2]


def test_skip_survivors_counts_only_what_no_rule_has_taken() -> None:
    # By score: 5 (0.75), 2 (0.7), 3, 4. The positive and the rejected pair are not counted.
    assert skipped(SkipSurvivors(3)) == [2, 3, 5]


@pytest.mark.parametrize("stage", [SkipTop(0), SkipSurvivors(0)])
def test_skipping_none_skips_none(stage: SkipTop | SkipSurvivors) -> None:
    assert skipped(stage) == []


def test_skip_top_leaves_alone_what_its_source_did_not_rank() -> None:
    assert 5 not in skipped(SkipTop(100))


def test_survivors_without_a_score_come_last() -> None:
    rows = ROWS.with_columns(pl.when(pl.col("doc") != 2).then("dense_score"))
    assert skipped(SkipSurvivors(3), rows) == [3, 4, 5]


def test_of_equal_scores_the_lower_document_is_skipped_first() -> None:
    rows = ROWS.with_columns(dense_score=pl.lit(0.5, pl.Float32))
    assert skipped(SkipSurvivors(2), rows) == [2, 3]


def test_each_query_is_counted_on_its_own() -> None:
    rows = pl.concat([ROWS, ROWS.with_columns(pl.lit(1, pl.UInt32).alias("query"))])
    assert skipped(SkipTop(1), rows) == [1, 1]
    assert skipped(SkipSurvivors(1), rows) == [5, 5]


def test_the_order_of_the_rows_changes_nothing() -> None:
    assert sorted(skipped(SkipSurvivors(2), ROWS.reverse())) == [2, 5]
    assert sorted(skipped(SkipTop(2), ROWS.reverse())) == [0, 1]


def test_reasons_name_rule_source_and_rank() -> None:
    assert SkipTop(3).open(context()).judge(ROWS)["reason"].to_list()[:3] == [
        "skip-top: dense rank 2 <= 3",
        "skip-top: dense rank 1 <= 3",
        "skip-top: dense rank 3 <= 3",
    ]
    assert SkipSurvivors(1).open(context()).judge(ROWS)["reason"][5] == (
        "skip-survivors: dense survivor 1 <= 1"
    )


@pytest.mark.parametrize("stage", [SkipTop(of="dens"), SkipSurvivors(of="dens")])
def test_an_unknown_source_is_told_the_nearest(stage: SkipTop | SkipSurvivors) -> None:
    with pytest.raises(RecipeError) as caught:
        stage.open(context()).judge(ROWS)
    assert str(caught.value) == (
        "no source of the run is called 'dens'\n  fix:   did you mean 'dense'?"
    )


@pytest.mark.parametrize("stage", [SkipTop(), SkipSurvivors()])
def test_without_a_reference_the_source_must_be_named(stage: SkipTop | SkipSurvivors) -> None:
    with pytest.raises(RecipeError, match="no source ranks the candidates") as caught:
        stage.open(context(reference=""))
    assert caught.value.fix == "set `of`"


def counted(positives: dict[int, int], docs: int) -> pl.DataFrame:
    """`docs` documents a query, scores falling; the first so many of each are positives."""
    return pl.DataFrame(
        [
            (query, doc, 1 if doc < known else None, doc + 1, 0.9 - doc / 100,
             "positive" if doc < known else None)
            for query, known in positives.items()
            for doc in range(docs)
        ],
        schema=SCHEMA,
        orient="row",
    )  # fmt: skip


def test_a_query_with_more_known_positives_skips_more_survivors() -> None:
    rows = counted({0: 2, 1: 1}, docs=10)
    ruling = SkipSurvivors(count=0, per_positive=1.5).open(context())
    verdicts = rows.select("query").with_columns(ruling.judge(rows)["verdict"])
    skipped = verdicts.drop_nulls().group_by("query").len().sort("query")
    assert skipped["len"].to_list() == [3, 1]  # 1.5 x 2 = 3; 1.5 x 1 rounds down


def test_a_cap_leaves_some_survivors_to_every_query() -> None:
    rows = counted({0: 4}, docs=8)
    ruling = SkipSurvivors(count=100, per_positive=1.0, cap=0.5).open(context())
    skipped = ruling.judge(rows)["verdict"].drop_nulls()
    assert len(skipped) == 2  # half of the 4 survivors, however many were asked for
