"""Datasets of Hugging Face in the forms that people upload them in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from negatives.api.collection import Collection
from negatives.read import load, splits
from tests.read.tiny import CORPUS, QUERIES, complaint, lines
from tests.read.understood import understood

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


def labelled(column: str, names: list[str], labels: list[Any], kind: str) -> Any:
    """Pairs, or a list of documents, whose labels are classes: the first class, then the second."""
    value, many = datasets.Value("string"), datasets.Sequence(datasets.Value("string"))
    classes = datasets.ClassLabel(names=names)
    if kind == "list":
        features = {"query": value, "docs": many, column: datasets.Sequence(classes)}
        rows = {"query": ["who purrs"], "docs": [["answer 0", "answer 1"]], column: [labels]}
    else:
        features = {"query": value, "document": value, column: classes}
        rows = {"query": ["who purrs"] * 2, "document": ["answer 0", "answer 1"], column: labels}
    return datasets.Dataset.from_dict(rows, features=datasets.Features(features))


@pytest.mark.slow
def test_class_labels_mean_the_same_under_any_name_in_lists_and_in_parquet(tmp_path: Path) -> None:
    shapes = [
        ("label", "pair"),
        ("is_duplicate", "pair"),
        ("Gold-Label", "pair"),
        ("labels", "list"),
    ]
    for names, good in ((["pos", "neg"], 0), (["neg", "pos"], 1), (["1", "0"], 0)):
        for at, (column, kind) in enumerate(shapes):
            made = labelled(column, names, [0, 1], kind)
            place = tmp_path / f"{names[0]}-{at}"
            made.save_to_disk(place / "saved")
            made.to_parquet(place / "pairs.parquet")
            ways = [
                Collection.from_dataset(made),
                load(place / "saved"),
                load(place / "pairs.parquet"),
            ]
            for collection in ways:
                found = collection.corpus["text"].gather(collection.positives["doc"]).to_list()
                assert found == [f"answer {good}"], (names, column, kind)
                assert collection.qrels["relevance"].sort().to_list() == [0, 1]
            for file in (place / "saved", place / "pairs.parquet"):
                counts = understood(file)
                assert {*counts.values()} == {(1, 1, 1)}, (names, column, kind, counts)


def test_judgements_of_classes_in_a_parquet_file_are_grades(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(lines(CORPUS))
    (folder / "queries.jsonl").write_text(lines(QUERIES))
    value, classes = datasets.Value("string"), datasets.ClassLabel(names=["relevant", "irrelevant"])
    features = {"query-id": value, "corpus-id": value, "score": classes}
    rows = {"query-id": ["q1", "q1"], "corpus-id": ["d1", "d2"], "score": [0, 1]}
    made = datasets.Dataset.from_dict(rows, features=datasets.Features(features))
    made.to_parquet(folder / "qrels" / "test.parquet")
    assert load(folder).qrels.rows() == [("q1", "d1", 1), ("q1", "d2", 0)]


def test_classes_that_are_no_grades_are_refused_in_a_parquet_file_too(tmp_path: Path) -> None:
    names = ["entailment", "neutral", "contradiction"]
    file = tmp_path / "pairs.parquet"
    labelled("gold_label", names, [0, 2], "pair").to_parquet(file)
    told = "column 'gold_label' has the classes entailment, neutral, contradiction"
    assert complaint(file).startswith(told)


def test_a_class_label_of_minus_one_is_none(tmp_path: Path) -> None:
    assert "row 1: 'label' is null" in complaint(saved(tmp_path / "set", ["neg", "pos"], [-1, 1]))


def test_the_case_of_class_labels_is_read_and_its_contradiction_told() -> None:
    text = complaint(CASES / "classlabel")
    assert text.splitlines()[0] == "1 row judges a pair again, differently"


def test_spans_are_told() -> None:
    assert "'answer'" in complaint(CASES / "spans")
