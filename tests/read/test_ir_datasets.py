"""The `ir_datasets` catalogue, with tiny datasets of our own registered in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from negatives.read import load, splits
from tests.read.tiny import complaint

ir_datasets = pytest.importorskip("ir_datasets")

Register = Callable[..., None]


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    """Puts a dataset in the catalogue under a name, until the test is over."""
    names: list[str] = []

    def add(name: str, *, docs: str = "d1\tcats purr\nd2\tdogs\n", qrels: str = "") -> None:
        folder = tmp_path / name.replace("/", "-")
        folder.mkdir()
        (folder / "docs.tsv").write_text(docs)
        (folder / "queries.tsv").write_text("q1\twho purrs\n")
        (folder / "qrels").write_text(qrels)
        dataset = ir_datasets.create_dataset(
            docs_tsv=str(folder / "docs.tsv"),
            queries_tsv=str(folder / "queries.tsv"),
            qrels_trec=str(folder / "qrels") if qrels else None,
        )
        ir_datasets.registry.register(name, dataset)
        names.append(name)

    yield add
    for name in names:
        del ir_datasets.registry._registered[name]


def test_a_dataset_with_judgements_is_read(register: Register) -> None:
    register("tiny-one", qrels="q1 0 d1 1\nq1 0 d2 0\n")
    collection = load("ir_datasets:tiny-one")
    assert (collection.name, collection.split) == ("tiny-one", "all")
    assert collection.corpus["text"].to_list() == ["cats purr", "dogs"]
    assert collection.qrels.rows() == [("q1", "d1", 1), ("q1", "d2", 0)]


def test_children_with_judgements_are_splits(register: Register) -> None:
    register("tiny-two")
    register("tiny-two/dev", qrels="q1 0 d2 1\n")
    register("tiny-two/train", qrels="q1 0 d1 1\n")
    assert splits("ir_datasets:tiny-two") == ["dev", "train"]
    assert load("ir_datasets:tiny-two").split == "train"
    assert load("ir_datasets:tiny-two@dev").qrels["doc_id"].to_list() == ["d2"]


def test_dangling_judgements_are_shown_with_their_row(register: Register) -> None:
    register("tiny-three", qrels="q1 0 d1 1\nq1 0 d9 1\n")
    text = complaint("ir_datasets:tiny-three")
    assert "tiny-three (qrels), row 2: document 'd9' is not in the corpus" in text


def test_an_unknown_name_is_corrected() -> None:
    text = complaint("ir_datasets:vaswanni")
    assert "ir_datasets knows no such dataset" in text
    assert "did you mean 'vaswani'?" in text


def test_a_dataset_that_cannot_be_had_is_one_clear_error(
    register: Register, tmp_path: Path
) -> None:
    register("tiny-four", qrels="q1 0 d1 1\n")
    (tmp_path / "tiny-four" / "docs.tsv").unlink()
    assert "ir_datasets cannot provide it" in complaint("ir_datasets:tiny-four")
