"""Fields of documents and queries, whatever the table that holds them."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import negatives as neg

QUERIES = pl.DataFrame({"query_id": ["q1", "q2"], "text": ["a b", "c d"]})
QRELS = {"q1": {"d1"}, "q2": {"d2"}}
DOCS = pl.DataFrame(
    {
        "doc_id": ["d1", "d2", "d3"],
        "text": ["one", "two", "three"],
        "date": ["2018", "2019-05-03", None],
        "weight": [1.5, 2.0, None],
        "parent": ["p", "p", "r"],
        "type": ["a", "7", "b"],
        "written": [True, False, None],
        "lat": [3.25, -7.0, 0.0],
        "colour": ["red", "green", "blue"],
    }
)
READ = {
    "time": [datetime.datetime(2018, 1, 1), datetime.datetime(2019, 5, 3), None],
    "weight": [1.5, 2.0, None],
    "parent": ["p", "p", "r"],
    "type": ["a", "7", "b"],
    "written": [True, False, None],
    "latitude": [3.25, -7.0, 0.0],
}


def as_file(folder: Path, ending: str) -> Path:
    path = folder / f"corpus.{ending}"
    match ending:
        case "csv":
            DOCS.write_csv(path)
        case "tsv":
            DOCS.write_csv(path, separator="\t")
        case "parquet":
            DOCS.write_parquet(path)
        case _:
            DOCS.write_ndjson(path)
    return path


def read(corpus: Any) -> neg.Collection:
    return neg.Collection.from_pairs(QUERIES, corpus, QRELS)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv", "parquet", "frame", "lazy", "dataset"])
def test_fields_are_the_same_in_every_table(tmp_path: Path, ending: str) -> None:
    corpus: Any = DOCS
    if ending == "dataset":
        corpus = pytest.importorskip("datasets").Dataset.from_dict(DOCS.to_dict(as_series=False))
    elif ending == "lazy":
        corpus = DOCS.lazy()
    elif ending != "frame":
        corpus = as_file(tmp_path, ending)
    made = read(corpus)
    for name, values in READ.items():
        assert made.corpus[name].to_list() == values, (ending, name)
    assert "colour" not in made.corpus.columns
    assert made.notes == ("a year or a month alone in field 'time' is read as its first day",)


def test_columns_that_are_numbers_all_through_are_numbers_in_a_file_of_texts(
    tmp_path: Path,
) -> None:
    path = tmp_path / "corpus.csv"
    path.write_text(
        "id,text,weight,type,date\nd1,one,1,1,2018\nd2,two,2e3,x,2019-02\nd3,three,,,\n"
    )
    corpus = read(path).corpus
    assert corpus["weight"].to_list() == [1.0, 2000.0, None]
    assert corpus["type"].to_list() == ["1", "x", None]
    assert corpus["time"].dt.year().to_list() == [2018, 2019, None]


def test_what_no_field_can_hold_is_told_and_the_rest_is_read() -> None:
    odd = {
        "time": pl.Series([{"year": 2018}] * 3),
        "image": pl.Series([b"\x89PNG"] * 3),
        "language": pl.Series([["en"], ["de"], []]),
    }
    for name, values in odd.items():
        made = read(DOCS.drop("date").with_columns(values.alias(name)))
        assert name not in made.corpus.columns
        assert any(f"field {name!r} is not read" in note for note in made.notes), made.notes
        assert made.corpus["weight"].to_list() == READ["weight"]


def test_days_moments_categories_and_decimals_of_a_frame_are_read() -> None:
    moment = datetime.datetime(2018, 1, 1, 10, tzinfo=datetime.UTC)
    for values, expected in (
        (pl.Series([datetime.date(2018, 1, 1)] * 3), datetime.datetime(2018, 1, 1)),
        (pl.Series([moment] * 3), datetime.datetime(2018, 1, 1, 10)),
        (pl.Series([1514764800] * 3), 1514764800.0),
    ):
        assert read(DOCS.drop("date").with_columns(time=values)).corpus["time"][0] == expected
    made = read(DOCS.with_columns(type=pl.Series(["a", "b", "a"], dtype=pl.Categorical)))
    assert made.corpus["type"].to_list() == ["a", "b", "a"]
    for weight in (pl.col("weight").cast(pl.Decimal(10, 2)), pl.col("weight").fill_null(math.nan)):
        made = read(DOCS.with_columns(weight=weight))
        assert made.corpus["weight"].to_list() == READ["weight"]
