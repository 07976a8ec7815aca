"""The rows of the four sentence-transformers shapes, of a run known by heart."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from negatives.api import Run
from negatives.events import Event, Warned
from negatives.export import export
from tests.export.conftest import DOCS, QUERIES


def warnings_of(run: Run, out: Path, **options: object) -> list[str]:
    heard: list[Event] = []
    export(run, out, emit=heard.append, **options)  # type: ignore[arg-type]
    return [event.text for event in heard if isinstance(event, Warned)]


def test_triplets_pair_each_positive_with_each_negative_of_its_query(
    run: Run, tmp_path: Path
) -> None:
    written = export(run, tmp_path / "t.parquet", format="triplet", ids=True)
    rows = pl.read_parquet(tmp_path / "t.parquet")
    assert rows.columns == ["anchor_id", "positive_id", "negative_id"]
    assert rows.rows() == [
        ("q1", "d1", "d3"),
        ("q1", "d1", "d4"),
        ("q1", "d1", "d5"),
        ("q1", "d2", "d3"),
        ("q1", "d2", "d4"),
        ("q1", "d2", "d5"),
        ("q2", "d4", "d5"),
        ("q4", "d6", "d2"),
        ("q4", "d6", "d1"),
        ("q4", "empty", "d2"),
        ("q4", "empty", "d1"),
    ]
    assert written == len(rows)


def test_texts_are_those_of_the_ids_and_a_positive_without_text_is_left_out(
    run: Run, tmp_path: Path
) -> None:
    warned = warnings_of(run, tmp_path / "t.parquet", format="triplet")
    rows = pl.read_parquet(tmp_path / "t.parquet")
    assert rows.columns == ["anchor", "positive", "negative"]
    assert len(rows) == 9
    assert rows.row(0) == (QUERIES["q1"], DOCS["d1"], DOCS["d3"])
    assert rows.row(-1) == (QUERIES["q4"], DOCS["d6"], DOCS["d1"])
    assert warned == [
        "6 negatives x 4 positives make 9 rows; --rows-per-query 3 makes 6",
        "queries without negatives, left out: 1 of 4",
        "positives without text, left out: 1",
    ]


def test_scores_of_a_triplet_are_a_list_with_the_positive_first(run: Run, tmp_path: Path) -> None:
    export(run, tmp_path / "t.parquet", format="triplet", scores=True)
    rows = pl.read_parquet(tmp_path / "t.parquet")
    assert rows.columns == ["anchor", "positive", "negative", "scores"]
    assert rows["scores"].to_list()[:4] == [[9.5, 7.0], [9.5, 7.0], [9.5, 1.5], [8.25, 7.0]]


def test_the_score_of_a_document_without_text_is_null_and_counted(run: Run, tmp_path: Path) -> None:
    warned = warnings_of(run, tmp_path / "t.parquet", format="triplet", ids=True, scores=True)
    rows = pl.read_parquet(tmp_path / "t.parquet")
    assert rows["scores"].to_list()[-1] == [None, 5.75]
    assert "positives without text, whose score is null in the file: 1" in warned


def test_an_n_tuple_has_as_many_negatives_as_the_best_served_query_and_repeats_those_of_others(
    run: Run, tmp_path: Path
) -> None:
    warned = warnings_of(run, tmp_path / "n.parquet", format="n-tuple", ids=True)
    rows = pl.read_parquet(tmp_path / "n.parquet")
    assert rows.columns == [
        "anchor_id",
        "positive_id",
        "negative_1_id",
        "negative_2_id",
        "negative_3_id",
    ]
    assert rows.rows() == [
        ("q1", "d1", "d3", "d4", "d5"),
        ("q1", "d2", "d3", "d4", "d5"),
        ("q2", "d4", "d5", "d5", "d5"),
        ("q4", "d6", "d2", "d1", "d2"),
        ("q4", "empty", "d2", "d1", "d2"),
    ]
    assert warned[-1] == (
        "queries with fewer than 3 negatives, 2 of 3: those are repeated to fill their rows "
        "(short=drop leaves them out)"
    )


def test_or_leaves_short_queries_out_and_says_how_many(run: Run, tmp_path: Path) -> None:
    warned = warnings_of(run, tmp_path / "n.csv", format="n-tuple", ids=True, short="drop")
    rows = pl.read_csv(tmp_path / "n.csv")
    assert rows["positive_id"].to_list() == ["d1", "d2"]
    assert warned[-1] == (
        "queries with fewer than 3 negatives, 2 of 3: left out "
        "(short=repeat keeps them, and repeats their negatives)"
    )


def test_scores_of_an_n_tuple_follow_its_columns(run: Run, tmp_path: Path) -> None:
    export(run, tmp_path / "n.jsonl", format="n-tuple", scores=True)
    rows = pl.read_ndjson(tmp_path / "n.jsonl")
    assert rows["scores"].to_list() == [
        [9.5, 7.0, 7.0, 1.5],
        [8.25, 7.0, 7.0, 1.5],
        [3.0, 2.5, 2.5, 2.5],
        [6.0, 5.5, 5.75, 5.5],
    ]


def test_labeled_pairs_hold_each_pair_once_positives_of_a_query_first(
    run: Run, tmp_path: Path
) -> None:
    export(run, tmp_path / "p.csv", format="labeled-pair", ids=True)
    rows = pl.read_csv(tmp_path / "p.csv")
    assert rows.columns == ["anchor_id", "passage_id", "label"]
    assert rows.rows() == [
        ("q1", "d1", 1),
        ("q1", "d2", 1),
        ("q1", "d3", 0),
        ("q1", "d4", 0),
        ("q1", "d5", 0),
        ("q2", "d4", 1),
        ("q2", "d5", 0),
        ("q4", "d6", 1),
        ("q4", "empty", 1),
        ("q4", "d2", 0),
        ("q4", "d1", 0),
    ]


def test_a_labeled_pair_has_a_score_in_place_of_its_label(run: Run, tmp_path: Path) -> None:
    export(run, tmp_path / "p.csv", format="labeled-pair", scores=True)
    rows = pl.read_csv(tmp_path / "p.csv")
    assert rows.columns == ["anchor", "passage", "score"]
    assert rows["score"].to_list()[:3] == [9.5, 8.25, 7.0]


def test_a_labeled_list_holds_all_positives_of_a_query_then_its_negatives(
    run: Run, tmp_path: Path
) -> None:
    written = export(run, tmp_path / "l.parquet", format="labeled-list", ids=True)
    rows = pl.read_parquet(tmp_path / "l.parquet")
    assert rows.columns == ["query_id", "doc_ids", "labels"]
    assert rows.rows() == [
        ("q1", ["d1", "d2", "d3", "d4", "d5"], [1, 1, 0, 0, 0]),
        ("q2", ["d4", "d5"], [1, 0]),
        ("q4", ["d6", "empty", "d2", "d1"], [1, 1, 0, 0]),
    ]
    assert written == 3


def test_a_labeled_list_has_scores_in_place_of_its_labels(run: Run, tmp_path: Path) -> None:
    export(run, tmp_path / "l.jsonl", format="labeled-list", scores=True)
    rows = pl.read_ndjson(tmp_path / "l.jsonl")
    assert rows.columns == ["query", "docs", "scores"]
    assert rows.row(1) == (QUERIES["q2"], [DOCS["d4"], DOCS["d5"]], [3.0, 2.5])


@pytest.mark.parametrize("format", ["triplet", "n-tuple", "labeled-pair", "labeled-list"])
def test_the_run_itself_exports(run: Run, tmp_path: Path, format: str) -> None:
    assert run.export(tmp_path / "x.parquet", format=format) > 0
