"""Anybody's file of mined negatives: every layout gives the same examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError, InputError
from negatives.events import silent
from negatives.learn.arms import digest
from negatives.learn.encoder import StaticTraining
from negatives.learn.request import mined_at, mined_on_hub
from negatives.learn.source import for_these_data
from negatives.learn.training_set import training_set
from negatives.machine import Machine
from negatives.read.mined.training import read_mined, read_mined_file
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
    assert mined_at(file) is not None
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
    if mined_at(file) is None:
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
    assert mined_at(save(tmp_path, [{"query": "lift", "document": "wing"}])) is None


@for_each("layout", LAYOUTS)
def test_a_folder_of_files_and_a_pattern_are_as_the_file(layout: str, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    for number, row in enumerate(LAYOUTS[layout]):
        save(parts, [row]).rename(parts / f"train-{number}.jsonl")
    save(parts, LAYOUTS[layout][:1]).rename(parts / "dev.jsonl")
    for named in (parts, f"{parts}@train", str(parts / "train-*.jsonl")):
        found = mined_at(named)
        assert found is not None
        assert texts(found.path) == {
            "lift": ({"wing"}, ["heat", "drag"]),
            "warm": ({"heat"}, ["wing"]),
        }
    with pytest.raises(DataError, match="the split dev of a folder is named") as caught:
        mined_at(f"{parts}@dev")
    assert f"'{parts}/dev*'" in caught.value.fix  # and that is read
    found = mined_at(f"{parts}/dev*")
    assert found is not None
    assert texts(found.path)["lift"]
    assert mined_at(f"{parts}@test") is None  # which loading refuses


def test_a_split_of_negatives_is_found_under_each_of_its_names(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "data").mkdir(parents=True)
    for split in ("train", "validation"):
        save(folder / "data", TRIPLETS).rename(folder / f"data/{split}.jsonl")
    for split in ("dev", "val", "validation"):
        with pytest.raises(DataError, match="the split validation of a folder") as caught:
            mined_at(f"{folder}@{split}")
        named = caught.value.fix.split("'")[1]
        assert named == f"{folder}/data/validation*"
        assert mined_at(named) is not None
    (folder / "data/train.jsonl").unlink()
    save(folder / "data", [{"query": "lift", "document": "wing"}]).rename(
        folder / "data/validation-1.jsonl"
    )
    for data in (folder, f"{folder}@dev"):  # it is the only split
        with pytest.raises(DataError):
            mined_at(data)


def test_auto_has_nothing_to_choose_where_negatives_are_there(tmp_path: Path) -> None:
    machine = Machine.checked(None, "512MB", "auto")
    file = save(tmp_path, [{"a": f"text {n}", "b": f"word {n}", "c": "other"} for n in range(3)])
    columns = {"query_column": "a", "positive_column": "b", "negative_column": "c"}
    cases: list[tuple[Any, dict[str, Any]]] = [(file, columns), (pl.DataFrame(TRIPLETS), {})]
    for data, said in cases:
        with pytest.raises(InputError, match="these negatives are there already") as caught:
            for_these_data(data, "static", machine, silent, **said)
        assert caught.value.where in ("", str(file))


def test_files_of_negatives_that_are_not_one_are_not_passed_over(tmp_path: Path) -> None:
    """Else others would be mined, without a word."""
    triplet = {"anchor": "lift", "positive": "wing", "negative": "heat"}
    listed = {"query": "warm", "pos": ["heat"], "neg": ["wing"]}
    folder = tmp_path / "parts"
    folder.mkdir()
    save(folder, [triplet]).rename(folder / "part-0.jsonl")
    save(folder, [listed]).rename(folder / "part-1.jsonl")
    for named in (folder, str(folder / "part-*")):
        with pytest.raises(DataError, match="the files are not of one form"):
            mined_at(named)
    pl.DataFrame([triplet]).write_csv(folder / "part-1.csv")
    (folder / "part-1.jsonl").unlink()
    with pytest.raises(DataError, match="files of several types"):
        mined_at(folder)
    save(folder, [{"query": "lift", "document": "wing"}]).rename(folder / "part-1.jsonl")
    with pytest.raises(DataError, match="files of several types"):
        mined_at(folder)
    (folder / "part-1.csv").unlink()
    with pytest.raises(DataError, match="the files are not of one form"):
        mined_at(folder)  # with pairs beside negatives, as little
    save(folder, [{"query": "warm", "document": "heat"}]).rename(folder / "part-0.jsonl")
    assert mined_at(folder) is None  # pairs alone are a collection


def test_an_arm_may_be_a_saved_dataset_or_a_folder(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{"anchor": "lift", "positive": "wing", "negative": "heat"}]
    told = set()
    for negative in ("heat", "drag"):
        folder = tmp_path / negative
        folder.mkdir()
        given = [{**row, "negative": negative} for row in rows]
        save(folder, given)
        datasets.Dataset.from_list(given).save_to_disk(str(tmp_path / f"saved-{negative}"))
        told |= {digest(folder), digest(tmp_path / f"saved-{negative}")}
    assert len(told) == 4


def test_a_dataset_with_configs_is_learned_from_where_it_holds_negatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of the hub is read; it was mined without a word."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "set"
    folder.mkdir()
    named = "- config_name: default\n  data_files:\n"
    for split in ("train", "validation"):
        rows = [{**row, "anchor": f"{split} {row['anchor']}"} for row in TRIPLETS]
        save(folder, rows).rename(folder / f"{split}.jsonl")
        named += f"  - split: {split}\n    path: {split}.jsonl\n"
    (folder / "README.md").write_text(f"---\nconfigs:\n{named}---\n")
    for data, split in ((folder, "train"), (f"{folder}@dev", "validation")):
        found = mined_on_hub(data)
        assert found is not None
        made, negatives = read_mined(found)
        assert set(made.queries["text"]) == {f"{split} lift", f"{split} warm"}
        assert len(negatives) == 3
        with pytest.raises(InputError, match="these negatives are there already"):
            for_these_data(data, "static", Machine.checked(None, "512MB", "auto"), silent)
    one = StaticTraining(steps=1, batch_size=4, negatives=1)
    trained = neg.train(folder, tmp_path / "out", settings=one, look=False, threads=1, emit=silent)
    assert not (trained.path / "run").exists()  # where what is mined on the way lies
    with pytest.raises(DataError, match="there is no split 'test'"):
        mined_on_hub(f"{folder}@test")


@pytest.mark.slow
def test_a_folder_of_files_is_trained_with_as_the_file_is(tmp_path: Path) -> None:
    rows = [
        {"anchor": f"lift {at}", "positive": f"wing {at}", "negative": f"heat {at}"}
        for at in range(8)
    ]
    parts = tmp_path / "parts"
    parts.mkdir()
    for number in range(2):
        half = rows[4 * number : 4 * number + 4]
        save(parts, half).rename(parts / f"train-{number}.jsonl")
    dev = [{"anchor": "warm", "positive": "heat 0", "negative": "wing 0"}]
    save(parts, dev).rename(parts / "dev.jsonl")
    one = StaticTraining(steps=2, batch_size=4)
    made = [
        neg.train(data, tmp_path / name, settings=one, look=False, threads=1, emit=silent)
        for name, data in (("whole", save(tmp_path, rows)), ("folder", parts))
    ]
    weights = ["0_StaticEmbedding/model.safetensors", "model.safetensors"]
    files = [next(each.path / name for name in weights if (each.path / name).is_file())
             for each in made]  # fmt: skip
    assert files[0].read_bytes() == files[1].read_bytes()
    looked = neg.train(parts, tmp_path / "looked", settings=one, threads=1, emit=silent)
    assert looked.account["dev"]
