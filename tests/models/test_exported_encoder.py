"""`onnx:NAME`: exported once, the same vectors as the model's, or one clear error."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from negatives.errors import DataError, MissingExtra, WorkError
from negatives.events import Event, Noted
from negatives.models import onnx_export
from negatives.models.open_encoder import open_encoder
from negatives.store.embeddings import store_folder
from negatives.store.onnx_models import held_models
from tests.cli.commands import negatives
from tests.each import for_each
from tests.learn.small import save_static
from tests.models.tiny_reranker import VOCABULARY, save_tokenizer

pytestmark = pytest.mark.slow
pytest.importorskip("torch", reason="an export needs torch")
pytest.importorskip("onnx", reason="an export needs onnx")

TEXTS = ["wing lift", "", "DRAG of the layer", "heat flow boundary shock " * 20, "unheard of"]


def save_bert(folder: Path, *, pooling: str = "mean", dense: bool = False, prompt: str = "") -> str:
    """A sentence encoder of random, seeded weights; it reads 32 pieces."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertModel

    save_tokenizer(folder / "bare")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=32, initializer_range=0.5,
    )  # fmt: skip
    BertModel(config).save_pretrained(str(folder / "bare"))
    parts = [modules.Transformer(str(folder / "bare")), modules.Pooling(32, pooling)]
    if dense:
        parts += [modules.Dense(32, 8), modules.Normalize()]
    model = SentenceTransformer(
        modules=parts,
        device="cpu",
        prompts={"usual": prompt} if prompt else None,
        default_prompt_name="usual" if prompt else None,
    )
    model.save(str(folder / "model"), create_model_card=False)
    shutil.rmtree(folder / "bare")
    return str(folder / "model")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_bert(tmp_path_factory.mktemp("saved"))


def store() -> Path:
    folder = store_folder()
    assert folder is not None
    return folder


@for_each(
    "settings",
    [
        {},
        {"pooling": "cls", "prompt": "query what is: "},
        {"pooling": "max", "dense": True},
    ],
)
def test_the_vectors_are_the_models(settings: dict[str, Any], tmp_path: Path) -> None:
    name = save_bert(tmp_path, **settings)
    made, itself = open_encoder(f"onnx:{name}", threads=2), open_encoder(name)
    ours, theirs = made.encode(TEXTS), itself.encode(TEXTS)
    np.testing.assert_allclose(ours.vectors, theirs.vectors, atol=1e-5)
    assert ours.truncated.tolist() == [False, False, False, True, False]
    assert made.dim == itself.dim
    assert made.fingerprint != itself.fingerprint


def test_it_is_exported_once_and_again_where_a_file_of_the_model_changes(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[Event]()
    first = open_encoder(f"onnx:{model}", emit=told.append)
    (noted,) = [event for event in told if isinstance(event, Noted)]
    assert noted.value == {"cosine": 1.0, "texts": len(onnx_export.TEXTS)}
    copy = shutil.copytree(model, tmp_path / "copy")
    shutil.copytree(model, copy / "checkpoint-7")  # of a training: no part of the model
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "torch", None)
        without.setitem(sys.modules, "sentence_transformers", None)
        again = open_encoder(f"onnx:{copy}")
    assert again.fingerprint == first.fingerprint
    settings = json.loads((copy / "sentence_bert_config.json").read_text())
    (copy / "sentence_bert_config.json").write_text(json.dumps(settings | {"max_seq_length": 9}))
    other = open_encoder(f"onnx:{copy}")
    assert other.fingerprint != first.fingerprint
    assert other.encode(["wing " * 9]).truncated.all()
    assert len(held_models(store())) == 2


def test_without_a_cache_it_is_exported_each_time_and_int8_is_an_option(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = open_encoder(f"onnx:{model}").encode(TEXTS).vectors
    rough = open_encoder(f"onnx:{model}?int8").encode(TEXTS).vectors
    assert not np.array_equal(exact, rough)
    assert np.abs(exact - rough).max() < 0.5
    monkeypatch.setenv("NEGATIVES_CACHE", "off")
    assert np.array_equal(open_encoder(f"onnx:{model}").encode(TEXTS).vectors, exact)


def test_what_is_kept_is_listed_checked_and_removed(model: str) -> None:
    open_encoder(f"onnx:{model}")
    (row,) = json.loads(negatives("cache", "list", "--json").stdout)
    assert (row["encoder"], row["dim"], row["model"]) == (f"onnx:{model}", 32, True)
    assert "the model" in negatives("cache", "list").stdout
    assert "0 vectors in 0 spaces and 1 exported model" in negatives("cache", "size").stdout
    assert negatives("cache", "verify").returncode == 0
    (held,) = held_models(store())
    with (held.folder / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(WorkError, match=r"its bytes have changed(.|\n)*verify --repair"):
        open_encoder(f"onnx:{model}")
    found = negatives("cache", "verify")
    assert found.returncode == 1
    assert f"damaged: {held.folder / 'model.onnx'}" in found.stdout
    assert negatives("cache", "verify", "--repair").returncode == 0
    open_encoder(f"onnx:{model}")
    assert "0 vectors\n" in negatives("cache", "prune", "--older-than", "30d").stdout
    assert "and 1 exported model\n" in negatives("cache", "prune", "--to", "1KB").stdout
    assert held_models(store()) == []


def test_a_model_half_removed_is_exported_anew(model: str) -> None:
    open_encoder(f"onnx:{model}")
    (held,) = held_models(store())
    (held.folder / "about.json").unlink()
    assert negatives("cache", "list").stdout.startswith("nothing is kept")
    open_encoder(f"onnx:{model}")
    assert [each.folder for each in held_models(store())] == [held.folder]


def test_an_export_that_is_another_model_is_refused_and_not_kept(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = onnx_export._write_graph

    def shifted(loaded: Any, prompt: str, path: Path) -> None:
        table = loaded[0].auto_model.embeddings.word_embeddings.weight
        table.data = table.data.flip(0)
        write(loaded, prompt, path)

    monkeypatch.setattr(onnx_export, "_write_graph", shifted)
    with pytest.raises(
        DataError, match=r"vectors are not the model's \(cosine -?0\.\d+ "
    ) as caught:
        open_encoder(f"onnx:{model}")
    assert f"--encoder {model}" in str(caught.value)
    assert [path.name for path in (store().parent / "onnx").iterdir()] == []


def test_a_graph_that_cannot_be_written_is_one_error(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("operator aten::strange is not supported\nand much more")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(DataError) as caught:
        open_encoder(f"onnx:{model}")
    assert str(caught.value) == (
        "this model cannot be exported to ONNX: operator aten::strange is not supported\n"
        f"  where: {model}\n"
        f"  fix:   --encoder {model}: torch computes it, with the same vectors and more slowly"
    )


def test_an_export_without_torch_says_what_it_takes(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"exporting a model takes it, once(.|\n)*onnx,train"):
        open_encoder(f"onnx:{model}")


def test_what_is_no_model_is_refused_in_its_own_words(model: str, tmp_path: Path) -> None:
    empty, own, pickled = tmp_path / "empty", tmp_path / "own", tmp_path / "pickled"
    empty.mkdir()
    shutil.copytree(model, own)
    (own / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "mine.Model"}}))
    shutil.copytree(model, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    static = save_static(tmp_path / "static", ["wing lift drag"])
    adapter = Path(shutil.copytree(model, tmp_path / "adapter"))
    (adapter / "adapter_config.json").write_text("{}")
    for name, said in {
        "": "no model is named",
        str(tmp_path / "nowhere"): "there is no model at",
        str(empty): "no model's folder: it has neither modules.json nor config.json",
        str(own): "needs code of its own to be run, which is never done",
        str(pickled): "the weights are pickles",
        str(static): f"it is no transformer(.|\n)*--encoder {static}",
        str(adapter): f"it is an adapter to another model(.|\n)*--encoder {adapter}",
        "static": "the built-in encoder is not exported\n  fix:   --encoder static",
        "http://localhost/v1#m": "an endpoint is not exported",
        "model.onnx": "is an ONNX model already\n  fix:   --encoder model.onnx",
        "nobody/no-such-encoder": "no encoder could be loaded",
    }.items():
        with pytest.raises(DataError, match=said):
            open_encoder(f"onnx:{name}")
    assert held_models(store()) == []
