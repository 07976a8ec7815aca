"""Any text comes back as it was, through the readers that trainers use."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.api import Run
from negatives.export import export
from tests.build import collection
from tests.export.conftest import DOCS, QUERIES
from tests.export.made import finished_run

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda text: text.strip() != ""
)
spiced = st.one_of(texts, st.sampled_from(['"', '"",\n', "\r\n.", "a\rb", ",", "'", "\\", "🙂"]))


def made(folder: str, query: str, positive: str, negative: str) -> Run:
    data = collection({"p": positive, "n": negative}, {"q": query}, [("q", "p", 1)])
    return finished_run(Path(folder) / "run", data, {"q": ["n"]})


def parquet(path: Path) -> list[tuple[Any, ...]]:
    return pl.read_parquet(path).rows()


def jsonl(path: Path) -> list[tuple[Any, ...]]:
    lines = path.read_bytes().decode().split("\n")
    return [tuple(json.loads(line).values()) for line in lines if line]


def delimited(path: Path) -> list[tuple[Any, ...]]:
    separator = "," if path.suffix == ".csv" else "\t"
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file, delimiter=separator)][1:]


READERS = {".parquet": parquet, ".jsonl": jsonl, ".csv": delimited, ".tsv": delimited}


@pytest.mark.slow
@pytest.mark.parametrize("ending", list(READERS))
@given(query=spiced, positive=spiced, negative=spiced)
@settings(max_examples=40)
def test_a_triplet_of_any_texts(ending: str, query: str, positive: str, negative: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = made(folder, query, positive, negative)
        export(run, Path(folder) / f"x{ending}", format="triplet")
        rows = READERS[ending](Path(folder) / f"x{ending}")
    assert rows == [(query, positive, negative)]


@pytest.mark.slow
@given(query=spiced, positive=spiced, negative=spiced)
@settings(max_examples=40)
def test_lists_of_any_texts(query: str, positive: str, negative: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = made(folder, query, positive, negative)
        export(run, Path(folder) / "x.jsonl", format="flagembedding")
        rows = jsonl(Path(folder) / "x.jsonl")
    assert rows == [(query, [positive], [negative])]


@pytest.mark.parametrize(
    ("ending", "reader"), [(".parquet", "parquet"), (".jsonl", "json"), (".csv", "csv")]
)
def test_the_datasets_library_reads_what_was_written(
    run: Run, tmp_path: Path, ending: str, reader: str
) -> None:
    datasets = pytest.importorskip("datasets")
    file = tmp_path / f"x{ending}"
    written = run.export(file, format="triplet")
    rows = datasets.load_dataset(
        reader, data_files=str(file), split="train", cache_dir=str(tmp_path / "hf")
    )
    assert rows.column_names == ["anchor", "positive", "negative"]
    assert len(rows) == written
    assert rows[3] == {
        "anchor": QUERIES["q1"],
        "positive": DOCS["d2"],
        "negative": DOCS["d3"],
    }


def test_words_that_a_csv_reader_takes_for_nothing(tmp_path: Path) -> None:
    """The writer is right, the reader must be told: docs/exports.md says so."""
    datasets = pytest.importorskip("datasets")
    run = made(str(tmp_path), "NA", "null", "None")
    run.export(tmp_path / "x.csv", format="triplet")
    rows = datasets.load_dataset(
        "csv",
        data_files=str(tmp_path / "x.csv"),
        split="train",
        cache_dir=str(tmp_path / "hf"),
        keep_default_na=False,
    )
    assert rows[0] == {"anchor": "NA", "positive": "null", "negative": "None"}
