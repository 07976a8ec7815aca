"""Read as Tevatron's retriever and reranker trainers read their lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from negatives.api import Run
from tests.export.conftest import DOCS, QUERIES

datasets = pytest.importorskip("datasets")


def loaded(run: Run, tmp_path: Path, **options: Any) -> Any:
    file = tmp_path / "tevatron.jsonl"
    run.export(file, format="tevatron", **options)
    return datasets.load_dataset(
        "json", data_files=str(file), split="train", cache_dir=str(tmp_path / "hf")
    )


def passage(found: dict[str, Any]) -> str:
    """The text that the trainer encodes: both trainers join title and text by a blank."""
    return f"{found['title']} {found['text']}"


def test_a_line_has_a_query_and_its_passages(run: Run, tmp_path: Path) -> None:
    line = loaded(run, tmp_path)[1]
    assert line == {
        "query_id": "q2",
        "query": QUERIES["q2"],
        "positive_passages": [{"docid": "d4", "title": "", "text": DOCS["d4"]}],
        "negative_passages": [{"docid": "d5", "title": "", "text": DOCS["d5"]}],
    }


def test_every_passage_can_be_encoded(run: Run, tmp_path: Path) -> None:
    for line in loaded(run, tmp_path, scores=True):
        assert line["positive_passages"]
        assert line["negative_passages"]
        for found in (*line["positive_passages"], *line["negative_passages"]):
            assert passage(found).strip() == DOCS[found["docid"]].strip()


def test_scores_are_in_the_passage_they_are_of(run: Run, tmp_path: Path) -> None:
    line = loaded(run, tmp_path, scores=True)[0]
    assert [found["score"] for found in line["positive_passages"]] == [9.5, 8.25]
    assert [found["score"] for found in line["negative_passages"]] == [7.0, 7.0, 1.5]
    assert line["negative_passages"][0]["hardness"] == 7.0
    assert line["negative_passages"][0]["p_relevant"] is None


def test_with_ids_a_line_points_into_a_corpus(run: Run, tmp_path: Path) -> None:
    lines = loaded(run, tmp_path, ids=True)
    assert lines[0] == {
        "query_id": "q1",
        "query_text": QUERIES["q1"],
        "positive_document_ids": ["d1", "d2"],
        "negative_document_ids": ["d3", "d4", "d5"],
    }
    for line in lines:
        for doc in (*line["positive_document_ids"], *line["negative_document_ids"]):
            assert doc in DOCS


def test_with_ids_scores_come_as_lists(run: Run, tmp_path: Path) -> None:
    line = loaded(run, tmp_path, ids=True, scores=True)[1]
    assert line["positive_scores"] == [3.0]
    assert line["negative_scores"] == [2.5]
    assert line["negative_hardness"] == [2.5]
    assert line["negative_p_relevant"] == [None]
