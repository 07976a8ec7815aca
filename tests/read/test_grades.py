"""Grades: one rule of what a whole number is, in every format."""

from __future__ import annotations

import json
import math
from pathlib import Path

import polars as pl
import pytest

from negatives.read import load
from negatives.schema import Collection
from tests.read.tiny import QRELS, beir, complaint

CASES = Path(__file__).parent.parent / "cases" / "float-grades"


def in_every_format(folder: Path, grade: str) -> dict[str, Path]:
    """A collection with one judgement of this grade, as files of each format."""
    (folder / "trec").mkdir()
    (folder / "trec" / "corpus.tsv").write_text("d1\tcats\n")
    (folder / "trec" / "topics.tsv").write_text("q1\twho purrs\n")
    (folder / "trec" / "qrels.txt").write_text(f"q1 0 d1 {grade}\n")
    made = {"trec": folder / "trec"}
    for name in ("tsv", "csv"):
        made[name] = folder / f"pairs.{name}"
        apart = "\t" if name == "tsv" else ","
        made[name].write_text(f"query{apart}positive{apart}label\nwho{apart}cats{apart}{grade}\n")
    made["beir"] = beir(folder / "beir", qrels=f"query-id\tcorpus-id\tscore\nq1\td1\t{grade}\n")
    made["headless"] = beir(folder / "headless", qrels=f"q1\td1\t{grade}\n")
    number = float(grade)
    row = {"query": "who", "positive": "cats", "label": number}
    if math.isfinite(number):
        made["jsonl"] = folder / "pairs.jsonl"
        made["jsonl"].write_text(json.dumps(row))
    made["parquet"] = folder / "pairs.parquet"
    pl.DataFrame([row]).write_parquet(made["parquet"])
    return made


def grade_of(collection: Collection) -> int:
    return int(collection.qrels["relevance"].item())


@pytest.mark.parametrize("grade", ["1", "1.0", "1e0", "+1", "1."])
def test_a_whole_number_is_one_however_it_is_written(tmp_path: Path, grade: str) -> None:
    for name, data in in_every_format(tmp_path, grade).items():
        assert grade_of(load(data)) == 1, name


@pytest.mark.parametrize("grade", ["0.7", "1.5", "1e-1", "nan", "inf", "3e9"])
def test_what_is_no_whole_number_is_told_everywhere(tmp_path: Path, grade: str) -> None:
    for name, data in in_every_format(tmp_path, grade).items():
        text = complaint(data)
        assert "1 row has a relevance that is no whole number" in text, name
        places = ("line 1: relevance is ", "line 1: label is ", "line 2: ", "row 1: ")
        assert any(place in text for place in places), name


def test_the_cases_are_read_or_told() -> None:
    assert load(CASES / "whole").qrels["relevance"].to_list() == [1, 2, 1, 0]
    assert load(CASES / "whole.jsonl").qrels["relevance"].sort().to_list() == [0, 1, 1, 2]
    assert load(CASES / "exp").qrels["relevance"].to_list() == [1, 1, 1, 1]
    for half in ("half", "half.jsonl"):
        assert "2 rows have a relevance that is no whole number" in complaint(CASES / half)


def test_a_first_row_that_is_a_bad_judgement_is_not_taken_for_a_header(tmp_path: Path) -> None:
    text = complaint(
        beir(tmp_path, qrels=QRELS.replace("query-id\tcorpus-id\tscore", "q1\td2\thigh"))
    )
    assert "line 1: expected query-id, corpus-id, score" in text


def test_ratings_of_texts_are_grades_or_likes_from_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "rated.csv"
    path.write_text("query,positive,rating\nwho,cats,5\nwhat,dogs,0\n")
    assert sorted(load(path).qrels["relevance"]) == [0, 5]
    path.write_text("query,positive,rating\nwho,cats,4.5\nwhat,dogs,2\n")
    assert "rating is 4.5" in complaint(path)
    assert sorted(load(path, relevant_from=4).qrels["relevance"]) == [0, 1]
