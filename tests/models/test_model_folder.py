"""Model folders that would run code, or that hold what cannot be read: refused before loading."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from negatives.cli.app import run
from negatives.errors import DataError
from negatives.learn.encoder import EncoderTraining
from negatives.learn.reranker import RerankerTraining
from negatives.models.model_folder import check_model
from negatives.models.open_encoder import open_encoder
from negatives.models.open_reranker import open_reranker
from tests.each import for_each
from tests.learn.small import save_static
from tests.models.tiny_reranker import save_cross_encoder

pytestmark = pytest.mark.slow

CODE = "import pathlib\npathlib.Path({!r}).write_text('run')\nclass Module:\n    pass\n"

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_static(tmp_path_factory.mktemp("models") / "static", ["wing lift drag"])


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(save_cross_encoder(tmp_path_factory.mktemp("models") / "pairs"))


def put(name: str, value: Any) -> Change:
    """Write a file of the folder: as it is, or as JSON."""

    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))

    return change


def setting(name: str, **values: Any) -> Change:
    """Change settings in a file of the folder."""

    def change(folder: Path) -> None:
        path = folder / name
        held = json.loads(path.read_text()) if path.exists() else {}
        put(name, {**held, **values})(folder)

    return change


def module(kind: str, path: str = "") -> Change:
    return put("modules.json", [{"idx": 0, "name": "0", "path": path, "type": kind}])


CHANGES: dict[str, Change] = {
    "module of the folder": module("own_code.Module"),
    "module of another package": module("os.system"),
    "function of the library": module("sentence_transformers.util.http_get"),
    "unknown module of the library": module("sentence_transformers.models.Other"),
    "private module": module("sentence_transformers..own_code.Module"),
    "module outside": module("sentence_transformers.models.Transformer", "../elsewhere"),
    "absolute module": module("sentence_transformers.models.Transformer", "/etc"),
    "no list": put("modules.json", {"type": "own_code.Module"}),
    "auto_map": setting("config.json", auto_map={"AutoModel": "own_code.Module"}),
    "auto_map of the tokenizer": setting(
        "tokenizer_config.json", auto_map={"AutoTokenizer": ["own_code.Module", None]}
    ),
    "nested auto_map": setting("config.json", text_config={"auto_map": {"AutoModel": "o.M"}}),
    "trust in its settings": setting(
        "sentence_bert_config.json", model_args={"trust_remote_code": True}
    ),
    "kernel of the hub": setting("config.json", attn_implementation="someone/kernel"),
    "kernels for parts": setting("config.json", _attn_implementation={"text": "someone/kernel"}),
    "router": put(
        "part/router_config.json",
        {"types": {"a": "own_code.Module"}, "structure": {"query": ["a"]}, "parameters": {}},
    ),
    "old router": put("part/config.json", {"types": {"a": "own_code.M"}, "structure": {}}),
    "activation": put("2_Dense/config.json", {"activation_function": "torch.hub.load"}),
    "own activation": setting("config.json", sentence_transformers={"activation_fn": "own_code.M"}),
    "tokenizer of words": put("part/wordembedding_config.json", {"tokenizer_class": "own_code.M"}),
    "pickled part": put("2_Dense/pytorch_model.bin", "x"),
    "pickle": put("vocabulary.pkl", "x"),
    "pickled adapter": put("adapter_model.bin", "x"),
    "index of pickles": put("model.safetensors.index.json", {"weight_map": {"a": "a.bin"}}),
    "index outside": put("model.safetensors.index.json", {"weight_map": {"a": "../a.safetensors"}}),
    "deeply nested": put("config.json", "[" * 200_000),
    "not JSON": put("modules.json", "{"),
    "settings of gigabytes": lambda folder: os.truncate(_touched(folder / "config.json"), 4 << 30),
    "settings that are a folder": lambda folder: _emptied(folder / "config.json").mkdir(),
    "settings that are a pipe": lambda folder: os.mkfifo(_emptied(folder / "config.json")),
    "weights that are a pipe": lambda folder: os.mkfifo(folder / "other.safetensors"),
    "weights without end": lambda folder: (folder / "other.safetensors").symlink_to("/dev/zero"),
}


def _touched(path: Path) -> Path:
    path.touch()
    return path


def _emptied(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path


@for_each("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_folder_that_is_not_safe_is_refused_whoever_opens_it(
    change: Change, static: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    marker = tmp_path / "it was run"
    for source in (static, pairs):
        folder = tmp_path / source.name
        shutil.copytree(source, folder)
        for place in (folder, tmp_path):
            (place / "own_code.py").write_text(CODE.format(str(marker)))
        change(folder)
        for opens in (
            lambda name: open_encoder(name),
            lambda name: open_reranker(name),
            lambda name: EncoderTraining().open(name, threads=1, device="cpu"),
            lambda name: RerankerTraining().open(name, threads=1, device="cpu"),
        ):
            with pytest.raises(DataError) as caught:
                opens(str(folder))
            assert caught.value.where.startswith(str(folder))
            assert caught.value.fix
    assert not marker.exists()


def test_the_refusal_says_what_the_folder_names(
    static: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(static, folder)
    module("own_code.Module")(folder)
    assert run(["evaluate", str(folder), "cranfield"]) == 2
    told = capsys.readouterr().err
    assert (
        "needs code of its own to be run, which is never done: the module 'own_code.Module'" in told
    )
    assert "modules.json" in told
    assert "fix:   name a model whose folder holds modules of sentence-transformers" in told


def test_an_adapter_of_an_unsafe_model_is_as_unsafe(static: Path, tmp_path: Path) -> None:
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    for folder in (base, adapter):
        shutil.copytree(static, folder)
    put("adapter_config.json", {"base_model_name_or_path": str(base)})(adapter)
    put("adapter_config.json", {"base_model_name_or_path": str(adapter)})(base)
    check_model(str(adapter))
    module("own_code.Module")(base)
    with pytest.raises(DataError, match="own_code"):
        check_model(str(adapter))


def test_settings_beside_an_onnx_file_may_name_no_code_either(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    put("tokenizer.json", {})(tmp_path)
    module("own_code.Module")(tmp_path)
    for opens in (open_encoder, open_reranker):
        with pytest.raises(DataError, match="own_code"):
            opens(str(tmp_path / "model.onnx"))


def test_pickles_that_nothing_opens_do_no_harm(static: Path, pairs: Path, tmp_path: Path) -> None:
    for source in (static, pairs):
        folder = tmp_path / source.name
        shutil.copytree(source, folder)
        put("pytorch_model.bin", "x")(folder)  # model.safetensors is beside it, and is taken
        put("openvino/openvino_model.bin", "x")(folder)
        put("checkpoint-1/optimizer.pt", "x")(folder)
        put("checkpoint-1/trainer_state.json", {})(folder)
        check_model(str(folder))
