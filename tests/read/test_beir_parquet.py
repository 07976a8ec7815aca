"""BEIR folders whose files are Parquet: read as the JSON lines and TSV of the same rows."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import polars as pl
import pytest

from negatives.read import convert, describe, load, splits, validate
from tests.cli.commands import negatives
from tests.read.tiny import CORPUS, QRELS, QUERIES, beir, complaint


def judged(text: str = QRELS) -> pl.DataFrame:
    """A qrels text as a table whose grades are numbers."""
    return pl.read_csv(io.StringIO(text), separator="\t", quote_char=None)


def parquet(folder: Path, qrels: pl.DataFrame | None = None) -> Path:
    """The tiny collection with all its files as Parquet."""
    (folder / "qrels").mkdir(parents=True)
    pl.DataFrame(CORPUS).write_parquet(folder / "corpus.parquet")
    pl.DataFrame(QUERIES).write_parquet(folder / "queries.parquet")
    (judged() if qrels is None else qrels).write_parquet(folder / "qrels" / "train.parquet")
    return folder


def test_the_collection_is_the_one_of_the_text_files(tmp_path: Path) -> None:
    plain, packed = load(beir(tmp_path / "a")), load(parquet(tmp_path / "b"))
    for name in ("corpus", "queries", "qrels", "given"):
        assert getattr(packed, name).equals(getattr(plain, name)), name
    assert packed.split == "train"
    assert splits(tmp_path / "b") == ["train"]
    assert describe(packed)["documents"] == 3
    assert validate(tmp_path / "b")["ok"]


def test_text_files_may_lie_beside_parquet_files_and_no_file_in_both_forms(tmp_path: Path) -> None:
    folder = beir(tmp_path / "mixed", qrels={"dev": QRELS, "test": QRELS})
    (folder / "corpus.jsonl").unlink()
    pl.DataFrame(CORPUS).write_parquet(folder / "corpus.parquet")
    judged().write_parquet(folder / "qrels" / "train.parquet")
    assert splits(folder) == ["dev", "test", "train"]
    assert load(folder).split == "train"
    assert load(f"{folder}@dev").qrels.equals(load(folder).qrels)
    shutil.copy(folder / "qrels/train.parquet", folder / "qrels/dev.parquet")
    assert "the folder has dev.tsv and dev.parquet" in complaint(f"{folder}@dev")
    pl.DataFrame(QUERIES).write_parquet(folder / "queries.parquet")
    assert "queries.jsonl and queries.parquet: which is meant" in complaint(f"{folder}@test")


def test_whole_numbers_are_ids_and_other_columns_are_left_alone(tmp_path: Path) -> None:
    folder = parquet(
        tmp_path / "n", pl.DataFrame({"query-id": [7], "corpus-id": [1], "score": [1.0]})
    )
    corpus = pl.DataFrame({"_id": [1, 2], "text": ["a", "b"], "file": ["x", "y"], "row": [9, 9]})
    corpus.write_parquet(folder / "corpus.parquet")
    pl.DataFrame({"_id": [7], "text": ["which"]}).write_parquet(folder / "queries.parquet")
    found = load(folder)
    assert found.qrels.rows() == [("7", "1", 1)]
    assert found.corpus["row"].to_list() == [0, 1]
    assert "5 ids are numbers: they were read as text" in found.notes


def test_bad_rows_are_told_with_their_file_and_row(tmp_path: Path) -> None:
    folder = parquet(tmp_path / "bad")
    pl.DataFrame({"_id": ["d1", None, ""], "text": ["a", "b", "c"]}).write_parquet(
        folder / "corpus.parquet"
    )
    told = complaint(folder)
    assert told.startswith("2 rows lack an id or a text")
    assert "corpus.parquet, row 2: '_id' is null" in told
    assert "corpus.parquet, row 3: '_id' is empty" in told
    pl.DataFrame(CORPUS).write_parquet(folder / "corpus.parquet")
    judged().with_columns(score=pl.lit(0.5)).write_parquet(folder / "qrels/train.parquet")
    assert "qrels/train.parquet, row 1: relevance is 0.5" in complaint(folder)


def test_a_file_that_is_no_texts_or_no_parquet_is_refused(tmp_path: Path) -> None:
    folder = parquet(tmp_path / "odd")
    pl.DataFrame({"_id": ["d1"], "body_text": ["a"]}).write_parquet(folder / "corpus.parquet")
    told = complaint(folder)
    assert "there is no column 'text' among _id, body_text" in told
    assert "call the column that holds it text" in told
    pl.DataFrame({"_id": ["d1"], "text": [[1, 2]]}).write_parquet(folder / "corpus.parquet")
    assert "column 'text' holds List(Int64)" in complaint(folder)
    (folder / "corpus.parquet").write_bytes(b"PAR1 and no more")
    assert "not a whole Parquet file" in complaint(folder)
    (folder / "corpus.parquet").unlink()
    assert "the folder has no corpus.jsonl" in complaint(folder)
    pl.DataFrame(CORPUS).clear().write_parquet(folder / "corpus.parquet")
    assert "the corpus is empty" in complaint(folder)


def test_texts_beside_a_file_of_ids_may_be_parquet(tmp_path: Path) -> None:
    folder = parquet(tmp_path / "known")
    shutil.rmtree(folder / "qrels")
    with (tmp_path / "ids.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["query_id", "positive_id"], ["q1", "d1"], ["q2", "d2"]])
    assert load(tmp_path / "ids.csv", corpus=folder).positives.height == 2
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("query,positive_id\nwhat purrs,d1\n")
    assert load(pairs, corpus=folder / "corpus.parquet").positives.height == 1


@pytest.mark.parametrize("command", ["describe", "validate", "convert"])
def test_commands_take_such_a_folder(tmp_path: Path, command: str) -> None:
    folder = parquet(tmp_path / "data")
    out = ["--out", str(tmp_path / "out")] if command == "convert" else []
    done = negatives("data", command, str(folder), *out)
    assert done.returncode == 0, done.stderr
    if out:
        plain = convert(load(beir(tmp_path / "plain")), tmp_path / "from-text")
        for name in ("corpus.jsonl", "queries.jsonl", "qrels/train.tsv"):
            assert (tmp_path / "out" / name).read_bytes() == (plain / name).read_bytes()
