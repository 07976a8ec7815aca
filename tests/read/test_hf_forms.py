"""Datasets of Hugging Face in the forms that people upload them in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from negatives.read import load, splits
from tests.read.tiny import CORPUS, QUERIES, complaint, lines

datasets = pytest.importorskip("datasets")
CASES = Path(__file__).parent.parent / "cases" / "hf-forms"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def configured(folder: Path, **configs: tuple[str, list[Any]]) -> Path:
    """A folder whose README names configs: name -> split and rows."""
    folder.mkdir()
    named = "".join(
        f"- config_name: {name}\n  data_files:\n  - split: {split}\n    path: {name}.jsonl\n"
        for name, (split, _) in configs.items()
    )
    (folder / "README.md").write_text(f"---\nconfigs:\n{named}---\n")
    for name, (_, rows) in configs.items():
        (folder / f"{name}.jsonl").write_text(lines(rows))
    return folder


@pytest.mark.parametrize(
    ("query", "doc", "grade"),
    [("query_id", "corpus_id", "score"), ("qid", "docid", "relevance"), ("query", "doc", "label")],
)
def test_judgements_have_the_names_that_they_have_in_tsv(
    tmp_path: Path, query: str, doc: str, grade: str
) -> None:
    folder = configured(
        tmp_path / "set",
        corpus=("train", [{"title": "", **row} for row in CORPUS]),
        queries=("test", QUERIES),
        qrels=("test", [{query: "q1", doc: "d1", grade: 2.0}]),
    )
    assert load(folder).qrels.rows() == [("q1", "d1", 2)]
    assert len(load(CASES / "underscores").qrels) == 4


def test_a_null_text_is_told_with_its_row() -> None:
    text = complaint(CASES / "none-text")
    assert text.splitlines()[0] == "1 row lacks an id or a text"
    assert "row 5: 'text' is null" in text


def test_splits_are_listed_and_dev_is_validation() -> None:
    assert splits(CASES / "valtest") == ["test", "validation"]
    text = complaint(CASES / "valtest")
    assert "there are several splits and none is named train: test, validation" in text
    for name in ("validation", "dev"):
        assert load(f"{CASES / 'valtest'}@{name}").split == "validation"
    assert "there is no split 'train'" in complaint(f"{CASES / 'valtest'}@train")


def test_texts_of_several_splits_are_not_guessed_at(tmp_path: Path) -> None:
    folder = configured(
        tmp_path / "set",
        corpus=("train", CORPUS),
        queries=("train", QUERIES),
        qrels=("test", [{"query-id": "q1", "corpus-id": "d1", "score": 1}]),
    )
    readme = (folder / "README.md").read_text()
    more = readme.replace(
        "    path: queries.jsonl\n",
        "    path: queries.jsonl\n  - split: dev\n    path: other.jsonl\n",
    )
    (folder / "README.md").write_text(more)
    (folder / "other.jsonl").write_text(lines(QUERIES))
    assert "the config queries has several splits" in complaint(folder)


def saved(folder: Path, names: list[str], labels: list[int], column: str = "label") -> Path:
    features = datasets.Features(
        {
            "sentence1": datasets.Value("string"),
            "sentence2": datasets.Value("string"),
            column: datasets.ClassLabel(names=names),
        }
    )
    rows = {
        "sentence1": ["who purrs"] * len(labels),
        "sentence2": [f"answer {n}" for n in range(len(labels))],
        column: labels,
    }
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(folder)
    return folder


@pytest.mark.parametrize(
    ("names", "relevant"),
    [
        (["neg", "pos"], [1]),
        (["pos", "neg"], [0]),
        (["not_duplicate", "duplicate"], [1]),
        (["entailment", "not_entailment"], [0]),
        (["1", "0"], [0]),
        (["irrelevant", "Relevant"], [1]),
    ],
)
def test_class_labels_are_read_by_their_names(
    tmp_path: Path, names: list[str], relevant: list[int]
) -> None:
    collection = load(saved(tmp_path / "set", names, [0, 1]))
    rows = collection.positives["doc"]
    assert [int(text[-1]) for text in collection.corpus["text"].gather(rows)] == relevant
    assert len(collection.qrels) == 2


def test_classes_that_are_no_grades_are_refused(tmp_path: Path) -> None:
    names = ["entailment", "neutral", "contradiction"]
    text = complaint(saved(tmp_path / "set", names, [0, 1, 2]))
    assert "column 'label' has the classes entailment, neutral, contradiction" in text


def test_classes_of_other_columns_mean_nothing(tmp_path: Path) -> None:
    assert len(load(saved(tmp_path / "set", ["en", "de"], [0, 1], "language")).positives) == 2


def test_a_class_label_of_minus_one_is_none(tmp_path: Path) -> None:
    assert "row 1: 'label' is null" in complaint(saved(tmp_path / "set", ["neg", "pos"], [-1, 1]))


def test_the_case_of_class_labels_is_read_and_its_contradiction_told() -> None:
    text = complaint(CASES / "classlabel")
    assert text.splitlines()[0] == "1 row judges a pair again, differently"


def test_spans_are_told() -> None:
    assert "'answer'" in complaint(CASES / "spans")
