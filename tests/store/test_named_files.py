"""The files and models that stages name on this machine are known by their hashes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from negatives import Dense, LLMJudge, Rerank, Top
from negatives.find.same_parent import SameParent
from negatives.judge.consistency import Consistency
from negatives.stage import Stage
from negatives.store.named_files import changed, named_files

CHAT = "http://127.0.0.1:9/v1#model"


def test_files_and_model_folders_are_found_in_whatever_stands_around_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("model/config.json", "static/notes.txt", "x.onnx", "words/modules.json", "tree"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    cases: list[tuple[Stage, list[str]]] = [
        (Dense(encoder="parts:200:./model"), ["./model"]),
        (Dense(encoder="onnx:model?int8"), ["model"]),
        (Dense(encoder="x.onnx?images&text=./words"), ["./words", "x.onnx"]),
        (Dense(encoder="static"), []),
        (Rerank(model="model"), ["model"]),
        (Rerank(model="nowhere.x"), []),
        (Rerank(model="\0"), []),
        (SameParent(edges="tree"), ["tree"]),
        (SameParent(edges="~/tree"), ["~/tree"]),
        (SameParent(edges="~nobody-of-this-name/tree"), []),
        (Consistency(lists=["x.onnx", "none.run"]), ["x.onnx"]),
        (LLMJudge(model=CHAT, prompts={"judge-yes-no": "x.onnx"}), ["x.onnx"]),
        (LLMJudge(model=CHAT), []),
    ]
    for stage, names in cases:
        assert [*named_files([stage])] == names, stage
    everything = [stage for stage, _ in cases]
    assert [*named_files(everything)] == sorted({name for _, names in cases for name in names})


def test_a_folder_called_as_a_kind_a_source_or_a_column_is_none_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("dense", "old", "hardness", "query"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "modules.json").write_text("[]")
    stages = [Dense(name="old", query_prompt="query: "), Top(by="hardness")]
    assert named_files(stages) == {}


def test_other_bytes_are_another_hash_and_a_model_card_is_no_matter(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    (tmp_path / "config.json").write_text("{}")
    weights.write_bytes(b"one")
    stages: list[Any] = [Dense(encoder=str(tmp_path))]
    before = named_files(stages)
    (tmp_path / "README.md").write_text("a card")
    assert changed(before, named_files(stages)) == []
    weights.write_bytes(b"two")
    assert changed(before, named_files(stages)) == [str(tmp_path)]
    assert changed({}, named_files(stages)) == []
    assert changed(before, {}) == []
