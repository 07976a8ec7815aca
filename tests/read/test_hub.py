"""Datasets of Hugging Face, from local folders; no network is used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from negatives.read import load, splits
from tests.read.tiny import CORPUS, QUERIES, complaint, lines

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def saved(rows: list[dict[str, Any]]) -> Any:
    return datasets.Dataset.from_list(rows)


PAIRS = [
    {"anchor": "who purrs", "positive": "cats", "negative": "dogs"},
    {"anchor": "who barks", "positive": "dogs", "negative": "cats"},
]


def test_a_saved_dataset_is_read_as_pairs(tmp_path: Path) -> None:
    saved(PAIRS).save_to_disk(tmp_path / "set")
    collection = load(tmp_path / "set")
    assert collection.split == "train"
    assert sorted(collection.queries["text"]) == ["who barks", "who purrs"]
    assert len(collection.given) == 2


def test_rows_are_those_of_the_dataset_even_when_it_was_shuffled_or_filtered(
    tmp_path: Path,
) -> None:
    dataset = saved([{"query": f"query {n}", "positive": [f"doc {n}"]} for n in range(9)])
    dataset.filter(lambda row: "7" in row["query"]).save_to_disk(tmp_path / "set")
    assert load(tmp_path / "set").corpus["text"].to_list() == ["doc 7"]


def test_a_saved_dictionary_has_splits(tmp_path: Path) -> None:
    made = datasets.DatasetDict({"dev": saved(PAIRS[:1]), "train": saved(PAIRS)})
    made.save_to_disk(tmp_path / "set")
    assert splits(tmp_path / "set") == ["dev", "train"]
    assert len(load(f"{tmp_path / 'set'}@dev").queries) == 1
    assert "there is no split 'test'" in complaint(f"{tmp_path / 'set'}@test")


def test_a_null_in_a_dataset_is_shown_with_its_row(tmp_path: Path) -> None:
    saved([*PAIRS, {"anchor": None, "positive": "x", "negative": "y"}]).save_to_disk(tmp_path / "s")
    text = complaint(tmp_path / "s")
    assert "s, row 3: 'anchor' is null" in text


def test_a_folder_whose_readme_names_configs_is_read_with_them(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    configs = "".join(
        f"- config_name: {name}\n  data_files:\n  - split: {split}\n    path: {name}.jsonl\n"
        for name, split in (("corpus", "corpus"), ("queries", "queries"), ("qrels", "test"))
    )
    (folder / "README.md").write_text(f"---\nconfigs:\n{configs}---\n# A set\n")
    (folder / "corpus.jsonl").write_text(lines({"title": "", **row} for row in CORPUS))
    (folder / "queries.jsonl").write_text(lines(QUERIES))
    judged = [{"query-id": "q1", "corpus-id": "d1", "score": 2}]
    (folder / "qrels.jsonl").write_text(lines(judged))
    collection = load(folder)
    assert (collection.name, collection.split) == ("set", "test")
    assert collection.corpus["text"].to_list() == ["Cats purr", "Dogs bark", "Cows moo"]
    assert collection.qrels.rows() == [("q1", "d1", 2)]


def test_a_dataset_with_several_configs_must_be_told_which(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    configs = "".join(f"- config_name: {n}\n  data_files: {n}.jsonl\n" for n in ("one", "two"))
    (folder / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    for name in ("one", "two"):
        (folder / f"{name}.jsonl").write_text(lines(PAIRS))
    text = complaint(folder)
    assert "the dataset has several configs: one, two" in text
    assert f"name one, as in {folder}:one" in text
    assert len(load(f"{folder}:one").queries) == len(load(f"{folder}:two@train").queries) > 0
    assert "no config 'three'" in complaint(f"{folder}:three")


def test_reading_leaves_progress_bars_as_they_were(tmp_path: Path) -> None:
    saved(PAIRS).save_to_disk(tmp_path / "set")
    load(tmp_path / "set")
    assert not datasets.are_progress_bars_disabled()


def test_a_damaged_dataset_is_one_clear_error(tmp_path: Path) -> None:
    saved(PAIRS).save_to_disk(tmp_path / "set")
    next((tmp_path / "set").glob("*.arrow")).write_bytes(b"broken")
    assert "the dataset cannot be read: " in complaint(tmp_path / "set")


@pytest.mark.slow
def test_a_hub_that_cannot_be_reached_is_one_clear_error() -> None:
    code = "from negatives.read import load; load('no-such-owner/no-such-set@train')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "DataError: the dataset cannot be read: " in done.stderr
    assert "where: no-such-owner/no-such-set" in done.stderr
    assert "check the name and the connection" in done.stderr


def test_without_the_library_the_error_holds_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from negatives.errors import MissingExtra

    saved(PAIRS).save_to_disk(tmp_path / "set")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"pip install 'negatives\[hub\]'"):
        load(tmp_path / "set")
