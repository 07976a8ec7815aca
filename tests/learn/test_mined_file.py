"""Anybody's file of mined negatives: every layout gives the same examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.errors import DataError
from negatives.learn.request import is_mined_file
from negatives.learn.training_set import training_set
from negatives.read.mined.training import read_mined_file
from tests.build import collection
from tests.each import for_each

TRIPLETS = [
    {"anchor": "lift", "positive": "wing", "negative": "heat"},
    {"anchor": "lift", "positive": "wing", "negative": "drag"},
    {"anchor": "warm", "positive": "heat", "negative": "wing"},
]
LAYOUTS: dict[str, list[dict[str, Any]]] = {
    "triplets": TRIPLETS,
    "n-tuples": [
        {"anchor": "lift", "positive": "wing", "negative_1": "heat", "negative_2": "drag"},
        {"anchor": "warm", "positive": "heat", "negative_1": "wing", "negative_2": None},
    ],
    "labeled lists": [
        {"query": "lift", "docs": ["wing", "heat", "drag"], "labels": [1, 0, 0]},
        {"query": "warm", "docs": ["heat", "wing"], "labels": [1, 0]},
    ],
    "lists": [
        {"query": "lift", "pos": ["wing"], "neg": ["heat", "drag"]},
        {"query": "warm", "pos": ["heat"], "neg": ["wing"]},
    ],
}


def save(folder: Path, rows: list[dict[str, Any]], ending: str = ".jsonl") -> Path:
    file = folder / f"mined{ending}"
    if ending == ".parquet":
        pl.DataFrame(rows).write_parquet(file)
    else:
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def texts(file: Path) -> dict[str, tuple[set[str], list[str]]]:
    """By query: its positives, and its negatives in their order."""
    data, negatives = read_mined_file(file)
    docs = dict(data.corpus.select("doc_id", "text").iter_rows())
    asked = dict(data.queries.select("query_id", "text").iter_rows())
    assert data.corpus["doc_id"].is_sorted()
    assert data.queries["query_id"].is_sorted()
    return {
        text: (
            {docs[doc] for query, doc, grade in data.qrels.iter_rows() if query == name and grade},
            [docs[doc] for query, doc, *_ in negatives.iter_rows() if query == name],
        )
        for name, text in asked.items()
    }


@for_each("ending", [".jsonl", ".parquet"])
@for_each("layout", LAYOUTS)
def test_every_layout_gives_the_same(layout: str, ending: str, tmp_path: Path) -> None:
    file = save(tmp_path, LAYOUTS[layout], ending)
    assert is_mined_file(file)
    assert texts(file) == {"lift": ({"wing"}, ["heat", "drag"]), "warm": ({"heat"}, ["wing"])}


def test_positions_count_from_nought_within_a_query(tmp_path: Path) -> None:
    data, negatives = read_mined_file(save(tmp_path, TRIPLETS))
    assert negatives["position"].to_list() == [0, 1, 0]
    made = training_set(data, negatives, 1)
    assert made.negatives.shape == (2, 1)
    assert len(made) == 2


@pytest.mark.parametrize("written", ["wing", "Wing!"])
def test_a_positive_anywhere_in_the_file_is_no_negative_of_its_query(
    written: str, tmp_path: Path
) -> None:
    rows = [
        {"anchor": "lift", "positive": "drag", "negative": written},
        {"anchor": "lift", "positive": "wing", "negative": "heat"},
    ]
    positives, negatives = texts(save(tmp_path, rows))["lift"]
    assert positives == {"drag", "wing"}
    assert negatives == ["heat"]


def test_ids_without_texts_cannot_be_trained_with(tmp_path: Path) -> None:
    rows = [{"query_id": "1", "positive_id": "2", "negative_id": "3"}]
    file = save(tmp_path, rows)
    if not is_mined_file(file):
        pytest.fail("lint reads this layout, so it is a file of mined negatives")
    with pytest.raises(DataError, match="ids of queries or documents, and no texts") as caught:
        read_mined_file(file)
    assert "--corpus" in caught.value.fix
    known = collection({"2": "wing", "3": "heat"}, {"1": "lift"}, [("1", "2", 1)])
    data, negatives = read_mined_file(file, known)
    assert (data.queries["text"].to_list(), data.corpus["text"].to_list()) == (
        ["lift"],
        ["wing", "heat"],
    )
    assert negatives.select("query_id", "doc_id").rows() == [("1", "3")]


def test_a_file_of_pairs_is_a_collection(tmp_path: Path) -> None:
    assert not is_mined_file(save(tmp_path, [{"query": "lift", "document": "wing"}]))
