"""What settings name on this machine is known by its hash; other words are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from negatives.store.named_files import changed, named_files


def test_files_and_model_folders_are_found_in_whatever_stands_around_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("model/config.json", "static/notes.txt", "bm25", "x.onnx", "words/modules.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    for settings, names in [
        ({"encoder": "parts:200:./model"}, ["./model"]),
        ([{"encoder": "onnx:model?int8"}], ["model"]),
        ({"a": {"b": ("x.onnx?images&text=./words",)}}, ["./words", "x.onnx"]),
        ({"kind": "bm25", "encoder": "static", "by": "."}, []),
        ({"model": "http://127.0.0.1:8080/v1#model", "n": 3, "none": None, "at": "nowhere.x"}, []),
        ({"text": "\0"}, []),
    ]:
        assert [*named_files(settings)] == names, settings


def test_other_bytes_are_another_hash_and_a_model_card_is_no_matter(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    (tmp_path / "config.json").write_text("{}")
    weights.write_bytes(b"one")
    settings = {"encoder": str(tmp_path)}
    before = named_files(settings)
    (tmp_path / "README.md").write_text("a card")
    assert changed(before, named_files(settings)) == []
    weights.write_bytes(b"two")
    assert changed(before, named_files(settings)) == [str(tmp_path)]
    assert changed({}, named_files(settings)) == []
    assert changed(before, {}) == []
