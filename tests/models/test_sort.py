"""What sort of model a folder is: by its files alone, in every form that they come in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from negatives.errors import MissingExtra
from negatives.models import sort
from negatives.models.sort import encoder_beside, sort_of

BASE = "sentence_transformers.base.modules"
SPARSE = "sentence_transformers.sparse_encoder"
CLASSIFIER = {"architectures": ["XLMRobertaForSequenceClassification"]}
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "bare language model": ("dense", {"config.json": {"architectures": ["BertForMaskedLM"]}}),
    "encoder of version 2": (
        "dense",
        {"config.json": {"architectures": ["BertModel"]},
         "modules.json": [{"type": "sentence_transformers.models.Transformer"},
                          {"type": "sentence_transformers.models.Pooling"}]},
    ),
    "encoder made of a classifier": (
        "dense",
        {"config.json": CLASSIFIER, "modules.json": [{"type": f"{BASE}.transformer.Transformer"}]},
    ),
    "cross-encoder of transformers": ("reranker", {"config.json": CLASSIFIER}),
    "cross-encoder of version 5": (
        "reranker",
        {"config.json": CLASSIFIER,
         "modules.json": [{"type": f"{BASE}.transformer.Transformer"}],
         "config_sentence_transformers.json": {"model_type": "CrossEncoder"}},
    ),
    "reranker of a language model": (
        "reranker",
        {"config.json": {"architectures": ["Qwen3ForCausalLM"]},
         "modules.json": [{"type": f"{BASE}.transformer.Transformer"},
                          {"type": "sentence_transformers.cross_encoder.modules.LogitScore"}]},
    ),
    "SPLADE": (
        "sparse",
        {"modules.json": [{"type": f"{SPARSE}.models.MLMTransformer"},
                          {"type": f"{SPARSE}.models.SpladePooling"}]},
    ),
    "SPLADE with a table for queries": (
        "sparse",
        {"modules.json": [{"type": f"{BASE}.router.Router"}],
         "router_config.json": {"types": {"query_0": f"{SPARSE}.models.SparseStaticEmbedding"}}},
    ),
    "not a model": ("dense", {"config.json": [1], "modules.json": {}}),
}  # fmt: skip


def written(folder: Path, files: dict[str, Any]) -> str:
    folder.mkdir()
    for name, held in files.items():
        (folder / name).write_text(json.dumps(held))
    return str(folder)


def test_each_form_is_told_in_a_folder_and_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hub:
        def snapshot_download(self, name: str, **_: Any) -> str:
            if not (tmp_path / name.removeprefix("somebody/")).is_dir():
                raise FileNotFoundError(name)
            return str(tmp_path / name.removeprefix("somebody/"))

    monkeypatch.setattr(sort, "hub", Hub)
    for number, (form, (expected, files)) in enumerate(FORMS.items()):
        folder = written(tmp_path / f"m{number}", files)
        for name in (folder, f"somebody/m{number}"):
            assert sort_of(name) == expected, (form, name)
            assert encoder_beside(name) == ("static" if expected != "dense" else name), form
    bare, whole = "somebody/m0", "somebody/m1"
    assert (encoder_beside(bare, encodes=False), encoder_beside(whole, encodes=False)) == (
        "static", whole,
    )  # fmt: skip


def test_what_is_no_model_of_the_hub_is_not_looked_for_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    class Hub:
        def snapshot_download(self, name: str, **_: Any) -> str:
            asked.append(name)
            raise OSError("no network")

    monkeypatch.setattr(sort, "hub", Hub)
    for name in ("static", "bm25", "precomputed", "./nowhere", "http://127.0.0.1:9/v1#m",
                 "onnx:somebody/m", "parts:static", "m/model.onnx"):  # fmt: skip
        assert (sort_of(name), encoder_beside(name)) == ("dense", name)
    assert not asked
    assert sort_of("somebody/not-there") == "dense"
    assert asked == ["somebody/not-there"]

    def lacking() -> Any:
        raise MissingExtra("huggingface_hub is not installed", fix="pip install negatives[train]")

    monkeypatch.setattr(sort, "hub", lacking)
    assert sort_of("somebody/m") == "dense"
