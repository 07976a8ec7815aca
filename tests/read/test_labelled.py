"""Label matrices: rows of texts, each with some of a fixed set of labels; JSON lines and sparse."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from negatives.errors import DataError
from negatives.read import convert, load, validate

LABELS: list[dict[str, Any]] = [
    {"_id": 0, "label": "fruit", "text": "what grows on trees"},
    {"_id": 1, "label": "root"},
    {"_id": 2, "label": "nut", "text": "in a shell"},
]
TRAIN: list[dict[str, Any]] = [
    {"_id": "apple", "title": "Apple", "text": "round and red", "labels": [0]},
    {"_id": "beet", "text": "red and in the ground", "labels": [1, 1]},
    {"_id": "stone", "text": "hard", "labels": []},
]
SPARSE = "3 5 4\n0,2 0:1.0 3:0.5\n 1:2.0\n3\n"


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def folder(path: Path, rows: list[dict[str, Any]] = TRAIN) -> Path:
    path.mkdir(exist_ok=True)
    lines(path / "train.jsonl", rows)
    lines(path / "test.jsonl", [{"_id": "pea", "text": "green", "labels": [2]}])
    lines(path / "labels.jsonl", LABELS)
    return path


def complaint(data: str | Path) -> str:
    with pytest.raises(DataError) as caught:
        load(data)
    return str(caught.value)


def test_texts_are_queries_and_labels_are_documents_that_go_by_their_ids(tmp_path: Path) -> None:
    data = load(folder(tmp_path / "foods"))
    assert data.identity == "id"
    assert data.corpus.select("doc_id", "text").rows() == [
        ("0", "fruit what grows on trees"), ("1", "root"), ("2", "nut in a shell"),
    ]  # fmt: skip
    assert data.queries["text"].to_list() == [
        "Apple round and red",
        "red and in the ground",
        "hard",
    ]
    assert data.qrels.rows() == [("apple", "0", 1), ("beet", "1", 1)]
    assert data.notes == (
        "3 ids are numbers: they were read as text",
        "1 label is in its row twice: it counts once",
        "1 row has no label: it is not mined",
        "1 label is of no row of this split: nobody has it",
    )
    assert load(f"{tmp_path / 'foods'}@test").qrels.rows() == [("pea", "2", 1)]


def test_a_label_that_is_not_there_is_an_error_that_says_where(tmp_path: Path) -> None:
    said = complaint(folder(tmp_path / "a", [{"_id": "x", "text": "t", "labels": [3]}]))
    assert "1 row has a label that is not there" in said
    assert "train.jsonl, line 1: label '3' is none (there are 3, numbered from 0)" in said
    assert "they begin at 0" in said
    for odd in (1.5, "fruit", [0.5], {"0": 1}, [None], [True]):
        said = complaint(folder(tmp_path / "a", [{"_id": "x", "text": "t", "labels": odd}, *TRAIN]))
        assert "labels must be a list of ids" in said, odd
    found = validate(folder(tmp_path / "a", [{"_id": "x", "text": "t", "labels": [9, 0]}, *TRAIN]))
    assert [each["kind"] for each in found["problems"]] == ["unknown-label"]
    assert found["description"]["positives"] == 3


def test_bad_rows_can_be_set_aside(tmp_path: Path) -> None:
    rows: list[Any] = [
        {"_id": "x", "text": "t", "labels": [9, 0]},
        {"_id": "y", "text": "u", "labels": "0"},
    ]
    made = load(folder(tmp_path / "a", [*rows, *TRAIN]), quarantine=tmp_path / "aside.jsonl")
    assert made.qrels.rows() == [("apple", "0", 1), ("beet", "1", 1), ("x", "0", 1)]
    assert len((tmp_path / "aside.jsonl").read_text().splitlines()) == 2


def test_names_of_labels_stand_for_themselves_where_nobody_lists_them(tmp_path: Path) -> None:
    rows = [{"text": "a b", "labels": ["x", "y"]}, {"text": "c", "labels": ["x"]}]
    lines(tmp_path / "train.jsonl", rows)
    lines(tmp_path / "test.jsonl", [{"text": "d", "labels": ["z"]}])
    data = load(tmp_path)
    assert data.corpus["text"].to_list() == ["x", "y", "z"]  # splits share their labels
    assert data.qrels.rows() == [("train-0", "x", 1), ("train-0", "y", 1), ("train-1", "x", 1)]
    assert load(tmp_path / "train.jsonl").corpus["doc_id"].to_list() == ["x", "y"]
    lines(tmp_path / "train.jsonl", [{"text": "a", "labels": [4]}])
    (tmp_path / "test.jsonl").unlink()
    assert "labels are numbers, and nothing says what they are called" in complaint(tmp_path)
    assert load(f"ids:{tmp_path}").corpus["doc_id"].to_list() == ["4"]


def test_files_of_the_repository_are_read_by_its_names(tmp_path: Path) -> None:
    rows = [
        {
            "uid": "B0",
            "title": "Nut bar",
            "content": "",
            "target_ind": [2, 0],
            "target_rel": [1.0, 1.0],
        }
    ]
    with gzip.open(tmp_path / "trn.json.gz", "wt") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
    with gzip.open(tmp_path / "lbl.json.gz", "wt") as file:
        file.write(
            "".join(json.dumps({"uid": f"L{n}", "title": f"label {n}"}) + "\n" for n in range(3))
        )
    data = load(tmp_path)
    assert (data.split, data.qrels.rows()) == ("train", [("B0", "L0", 1), ("B0", "L2", 1)])
    assert data.corpus["text"].to_list() == ["label 0", "label 1", "label 2"]
    assert data.queries["text"].to_list() == ["Nut bar"]


def test_the_sparse_format_needs_texts_or_goes_by_ids(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(SPARSE)
    for where in (tmp_path, tmp_path / "train.txt"):
        said = complaint(where)
        assert "train.txt hold labels and features, and no texts" in said
        assert f"ids:{where}" in said
        assert "train_texts.txt" in said
        data = load(f"ids:{where}")
        assert data.qrels.rows() == [("train-0", "0", 1), ("train-0", "2", 1), ("train-2", "3", 1)]
        assert data.corpus["doc_id"].to_list() == ["0", "1", "2", "3"]
        assert "2 rows have features besides their labels: they are not used" in data.notes
        assert "1 row has no label: it is not mined" in data.notes
    (tmp_path / "train_texts.txt").write_text("one\ntwo\nthree\n")
    (tmp_path / "labels.txt").write_text("a\nb\nc\nd\n")
    data = load(tmp_path)
    assert data.queries["text"].to_list() == ["one", "two", "three"]
    assert data.corpus["text"].to_list() == ["a", "b", "c", "d"]
    (tmp_path / "labels.txt").write_text("a\nb\n")
    assert "2 labels are listed, and the rows are of 4" in complaint(tmp_path)
    (tmp_path / "train_texts.txt").write_text("one\n")
    assert "1 texts for 3 rows" in complaint(tmp_path)


def test_a_matrix_of_labels_alone_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "trn_X_Y.txt").write_text("2 3\n0:1 2:1\n1:1\n")
    (tmp_path / "trn_X.txt").write_text("one\ntwo\n")
    (tmp_path / "Y.txt").write_text("a\nb\nc\n")
    data = load(tmp_path)
    assert data.split == "train"
    assert data.qrels.rows() == [("train-0", "0", 1), ("train-0", "2", 1), ("train-1", "1", 1)]
    assert data.corpus["text"].to_list() == ["a", "b", "c"]


def test_what_is_wrong_with_a_sparse_file_is_said_in_its_words(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    for text, expected in (
        ("2 5 4\n4 0:1\n0 1:1\n", "label 4 is out of range: the first line says 4, from 0"),
        ("3 5 4\n0 0:1\n1 1:1\n", "the first line says 3 rows, and 2 follow"),
        ("2 5 4\n0 0:1\n1.5 1:1\n", "labels are whole numbers, separated by commas: '1.5 1:1'"),
        ("2 5 4\n0 0:1\n-1 1:1\n", "labels are whole numbers"),
        ("2 5 4\n0 0:1\n1,x 1:1\n", "labels are whole numbers"),
    ):
        path.write_text(text)
        assert expected in complaint(f"ids:{path}"), text


def test_what_was_read_can_be_written_and_read_again(tmp_path: Path) -> None:
    data = load(folder(tmp_path / "foods"))
    convert(data, tmp_path / "beir")
    again = load(f"ids:{tmp_path / 'beir'}")
    assert again.qrels.rows() == data.qrels.rows()
    assert again.corpus["text"].to_list() == data.corpus["text"].to_list()
