"""Weights that are not whole are told as such, with the file, whatever opens the folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from negatives.errors import DataError
from negatives.models.torch_model import unloadable
from tests.models.tiny_lm import tiny_llama

WEIGHTS = "model.safetensors"


def _cut(folder: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: len(whole) // 2])


def _half_gone(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "model-00001-of-00002.safetensors")
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    index = {"metadata": {}, "weight_map": parts}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(index))


def _all_gone(folder: Path) -> None:
    _half_gone(folder)
    (folder / "model-00001-of-00002.safetensors").unlink()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "the weights are not whole: ": _cut,
    "cannot be read: not a safetensors file, or a truncated one": lambda folder: (
        folder / WEIGHTS
    ).write_bytes(b"\x10"),
    "the weights cannot be read: not": lambda folder: (folder / WEIGHTS).write_bytes(b""),
    "safetensors file, or": lambda folder: (folder / WEIGHTS).write_bytes(b"\3" + b"\0" * 40),
    "is not there: model-00002-of-00002.safetensors": _half_gone,
    "is not there: model-00001-of-00002.safetensors": _all_gone,
}


@pytest.mark.slow
def test_weights_that_are_not_whole_are_named(tmp_path: Path) -> None:
    from negatives.models.causal_lm import CausalLM
    from negatives.models.open_encoder import open_encoder

    good = tiny_llama()
    for number, (words, damage) in enumerate(DAMAGES.items()):
        folder = tmp_path / str(number)
        shutil.copytree(good, folder)
        damage(folder)
        for opened in (CausalLM, open_encoder):
            with pytest.raises(DataError) as caught:
                opened(str(folder))
            assert words in caught.value.what
            assert caught.value.fix == "copy or download the model again"
            assert str(folder) in caught.value.where


def test_a_server_is_no_folder_of_a_language_model() -> None:
    pytest.importorskip("torch")
    from negatives.models.causal_lm import CausalLM

    with pytest.raises(DataError, match="does not say how probable it finds given texts"):
        CausalLM("http://127.0.0.1:9/v1#m")


def test_what_a_library_says_of_a_model_is_told_to_its_end() -> None:
    for error, words in {
        ValueError("Validation error for 'hidden_size':\n\n  'x' is no number\nmore"): (
            "Validation error for 'hidden_size': 'x' is no number"
        ),
        ValueError("one\ntwo"): "loaded: one",
        KeyError("added_tokens"): "a file of it lacks 'added_tokens'",
        RuntimeError("You set `ignore_mismatched_sizes` to `False`, see above"): "other shapes",
        ValueError("Couldn't instantiate the backend tokenizer from one of:\n(1)"): "no tokenizer",
    }.items():
        told = unloadable(error, "folder", "encoder", "name another")
        assert words in told.what
        assert "\n" not in told.what
