"""Time series: which files are read so, what they become, and what is refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from negatives.errors import DataError
from negatives.read import load, splits, validate
from negatives.read.convert import convert
from negatives.schema import Collection
from tests import recordings

TRAIN = """% a comment
@problemName Two
@timeStamps false
@univariate false
@classLabel true up down
@data
1.5, -2e-1,?:0,0,1:up
3,2:.5,NaN:down
"""
TEST = TRAIN.split("@data")[0] + "@data\n1:2:down\n\n2:1:down\n"


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.ts").write_text(text, "utf-8")
    return folder


def positives(data: Collection) -> set[tuple[str, str]]:
    return {(query, doc) for query, doc, grade in data.qrels.iter_rows() if grade > 0}


def test_a_series_of_train_is_a_query_a_document_and_its_own_positive(tmp_path: Path) -> None:
    data = load(write(tmp_path / "Two", Two_TRAIN=TRAIN, Two_TEST=TEST))
    assert data.split == "train"
    assert data.identity == "id"
    assert data.corpus["series"].to_list() == ["1.5,-2e-1,?:0,0,1", "3,2:.5,NaN"]
    assert data.queries["type"].to_list() == ["up", "down"]
    assert positives(data) == {("train-00001",) * 2, ("train-00002",) * 2}


def test_series_of_test_ask_and_those_of_their_class_in_train_are_right(tmp_path: Path) -> None:
    made = write(tmp_path / "Two", Two_TRAIN=TRAIN, Two_TEST=TEST)
    assert splits(made) == ["test", "train"]
    expected = {("test-00001", "train-00002"), ("test-00002", "train-00002")}
    for named in (f"{made}@test", made / "Two_TEST.ts"):  # a file is the split that its name tells
        data = load(named)
        assert positives(data) == expected
        assert len(data.corpus) == 2
        assert data.queries["series"].to_list() == ["1:2", "2:1"]


def test_the_table_of_the_older_archive_is_read_alike(tmp_path: Path) -> None:
    rows = {"TRAIN": ["1\t" + "\t".join("123456789"), "2" + "\t0.5" * 8 + "\tNaN"], "TEST": []}
    rows["TEST"] = rows["TRAIN"][:1]
    for part, lines in rows.items():
        (tmp_path / f"Old_{part}.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    data = load(tmp_path)
    assert data.corpus["series"].to_list() == ["1,2,3,4,5,6,7,8,9", ",".join(["0.5"] * 8)]
    assert positives(load(f"{tmp_path}@test")) == {("test-00001", "train-00001")}


def test_what_no_series_is_made_of_is_listed_with_its_line(tmp_path: Path) -> None:
    bad = {
        "1,two:0,0:up": "row is no series",
        "1,2:up": "other dimensions than the first",
        "1,2:0,0:sideways": "a class that the header does not list",
        "inf,1:0,0:up": "row is no series",
        ":up": "row is no series",
    }
    for number, (row, what) in enumerate(bad.items()):
        made = write(tmp_path / f"{number}", Two_TRAIN=TRAIN + row + "\n")
        with pytest.raises(DataError, match=what) as caught:
            load(made)
        assert "Two_TRAIN.ts, line 9" in str(caught.value)
        found = validate(made)
        assert [each["count"] for each in found["problems"]] == [1], row
    aside = tmp_path / "aside.jsonl"
    assert len(load(tmp_path / "0", quarantine=aside).corpus) == 2
    assert aside.read_text("utf-8").count("\n") == 1


def test_series_without_any_value_are_noted(tmp_path: Path) -> None:
    made = write(tmp_path, Two_TRAIN=TRAIN + "?,?:?,NaN:up\n")
    assert load(made).notes == ("1 series has no value: all of it is missing",)


def test_headers_that_cannot_be_followed_are_refused(tmp_path: Path) -> None:
    refused = {
        "no line @data": TRAIN.replace("@data", ""),
        "have a time for each value": TRAIN.replace("@timeStamps false", "@timeStamps true"),
        "there is no series": TRAIN.split("1.5")[0],
    }
    for number, (what, text) in enumerate(refused.items()):
        with pytest.raises(DataError, match=what):
            load(write(tmp_path / f"{number}", Two_TRAIN=text))
    with pytest.raises(DataError, match="compared with those of train"):
        load(write(tmp_path / "alone", Two_TEST=TEST))
    with pytest.raises(DataError, match=r"several data sets: One_TRAIN\.ts and Two_TRAIN\.ts"):
        load(write(tmp_path / "both", One_TRAIN=TRAIN, Two_TRAIN=TRAIN))
    plain = TRAIN.replace("@classLabel true up down", "@targetLabel true")
    plain = plain.replace(":up", ":0.5").replace(":down", ":0.1")
    numbers = write(tmp_path / "numbers", Two_TRAIN=plain, Two_TEST=plain)
    assert load(numbers).corpus["series"][1] == "3,2:.5,NaN"  # the number is no dimension
    with pytest.raises(DataError, match="have no classes"):
        load(f"{numbers}@test")


def test_other_files_are_read_as_before(tmp_path: Path) -> None:
    """A file of TypeScript beside pairs, and a table of few numbers, are no series."""
    (tmp_path / "code.ts").write_text("export const a = 1;\n", "utf-8")
    (tmp_path / "pairs.tsv").write_text("query\tpositive\na dog\tdogs run\n", "utf-8")
    assert load(tmp_path).queries["text"].to_list() == ["a dog"]
    (tmp_path / "x_train.tsv").write_text("query_id\tdoc_id\n1\t2\n", "utf-8")
    assert not load(f"ids:{tmp_path / 'x_train.tsv'}").has("docs", "series")


def test_a_collection_of_series_survives_a_beir_folder(tmp_path: Path) -> None:
    data = load(f"{recordings.folder(tmp_path / 'waves', each=2, dimensions=2)}@test")
    again = load(convert(data, tmp_path / "beir"))
    for side in ("corpus", "queries"):
        before, after = getattr(data, side), getattr(again, side)
        assert after.select(before.columns).drop("row").equals(before.drop("row")), side
    assert again.qrels.equals(data.qrels)


def test_rows_may_have_lists_of_numbers(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "a", "series": [1, 2.5, null]}\n{"_id": "b", "series": [3, -4e2]}\n', "utf-8"
    )
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "series": [[1, 2], [3, 4]]}\n', "utf-8")
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "train.tsv").write_text("q\ta\t1\n", "utf-8")
    data = load(f"ids:{tmp_path}")
    assert data.corpus["series"].to_list() == ["1,2.5,?", "3,-400.0"]
    assert data.queries["series"].to_list() == ["1,2:3,4"]


def test_a_side_without_a_series_is_told_what_it_has(tmp_path: Path) -> None:
    from negatives.needs import check_needs
    from negatives.schema import Needs

    data = load(recordings.folder(tmp_path, each=2))
    check_needs(data, Needs(("series",), ("series",)), "it")
    with pytest.raises(
        DataError, match="needs the text of the documents, and these have only time"
    ):
        check_needs(data, Needs(("text",)), "it")
    blank = data.corpus.with_columns(series=pl.when(pl.col("row") == 0).then(pl.lit(" "))
                                     .otherwise("series"))  # fmt: skip
    changed = Collection(data.name, "train", blank, data.queries, data.qrels, identity="id")
    assert len(changed.lacking("docs", ("series",))) == 1
