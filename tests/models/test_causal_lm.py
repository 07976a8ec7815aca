"""Local language models: log-probabilities by token, the same in any company; what is refused."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from negatives.errors import DataError, RecipeError
from negatives.models.causal_lm import CausalLM, Continuation
from tests.models.tiny_lm import save_llama, tiny_llama
from tests.models.tiny_reranker import save_cross_encoder

PAIRS = [
    ("what lifts a wing", " air"),
    ("", "heat"),
    ("x", ""),
    ("a wing " * 20, "lifts, for air flows faster above it " * 3),
    ("é€😀", "😀 wing"),
    ("what lifts a wing", " drag"),
    ("what lifts a wing", " air"),
]


@pytest.fixture(scope="module")
def model() -> CausalLM:
    return CausalLM(tiny_llama())


def by_hand(model: CausalLM, context: str, continuation: str) -> list[float]:
    """One whole pass, its logits for every token, a softmax in float64."""
    import torch

    tokens = [] if context else [0]
    boundary = len(model.pieces(context)) or 1
    tokens += [piece.token for piece in model.pieces(context + continuation)]
    with torch.inference_mode():
        logits = model.net(torch.tensor([tokens], device=model.device)).logits[0].double()
    chances = logits.log_softmax(-1)
    return [float(chances[n - 1, tokens[n]]) for n in range(boundary, len(tokens))]


def test_each_token_has_its_log_probability_after_all_before_it(model: CausalLM) -> None:
    for pair, made in zip(PAIRS, model.continuations(PAIRS), strict=True):
        expected = by_hand(model, *pair)
        assert len(made.tokens) == len(made.log_probs) == len(expected)
        assert made.log_probs.tolist() == pytest.approx(expected, abs=1e-5)
        assert made.total == pytest.approx(sum(expected), abs=1e-4)
        assert not made.cut
        if expected:
            assert made.mean == pytest.approx(sum(expected) / len(expected), abs=1e-5)
            assert made.perplexity == pytest.approx(math.exp(-made.mean))


def test_one_at_a_time_equals_batched_in_any_order_and_memory(model: CausalLM) -> None:
    batched = model.continuations(PAIRS)
    alone = [model.continuations([pair])[0] for pair in PAIRS]
    backwards = model.continuations(PAIRS[::-1])[::-1]
    little = CausalLM(tiny_llama(), memory=20_000)
    assert little.step < 10, "so that long continuations are read in several steps"
    for made in (alone, backwards, little.continuations(PAIRS)):
        for one, other in zip(batched, made, strict=True):
            assert np.allclose(one.log_probs, other.log_probs, atol=1e-5)
            assert (one.tokens == other.tokens).all()


def test_a_continuation_of_no_tokens_has_no_mean_and_a_total_of_nothing() -> None:
    none = Continuation(np.empty(0, np.int64), np.empty(0, np.float32), cut=False)
    assert none.total == 0
    assert math.isnan(none.mean)


def test_what_is_too_long_loses_the_beginning_of_its_context_and_says_so(model: CausalLM) -> None:
    context, continuation = "wing " * 200, "lift"
    (made,) = model.continuations([(context, continuation)])
    assert made.cut
    kept = context[-(model.longest - len(continuation)) :]
    (short,) = model.continuations([(kept, continuation)])
    assert not short.cut
    assert np.allclose(made.log_probs, short.log_probs, atol=1e-5)
    (cut,) = model.continuations([("x", "lift" * 200)])
    assert cut.cut
    assert len(cut.tokens) == model.longest - 1


def test_a_mark_of_the_model_in_a_text_is_letters(model: CausalLM) -> None:
    marks = [piece.token for piece in model.pieces("a<|end|>b")]
    assert len(marks) == len("a<|end|>b")
    assert not {0, 1} & {*marks}
    assert model.ends == {1}
    assert model.text(marks) == "a<|end|>b"
    assert [p[1:] for p in model.pieces("aé")] == [(0, 1), (1, 2), (1, 2)]


def test_a_fingerprint_tells_weights_and_reading_apart(tmp_path: Path, model: CausalLM) -> None:
    again = shutil.copytree(tiny_llama(), tmp_path / "again")
    assert CausalLM(str(again)).fingerprint == model.fingerprint
    assert CausalLM(tiny_llama(1)).fingerprint != model.fingerprint
    shorter = save_llama(tmp_path / "shorter", longest=64)
    assert CausalLM(shorter).fingerprint != model.fingerprint


def broken(folder: Path, name: str, change: dict[str, Any]) -> str:
    copied = Path(shutil.copytree(tiny_llama(), folder))
    settings = json.loads((copied / name).read_text())
    (copied / name).write_text(json.dumps(settings | change))
    return str(copied)


def test_what_is_no_language_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    pickled = Path(shutil.copytree(tiny_llama(), tmp_path / "pickled"))
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    empty = tmp_path / "empty"
    empty.mkdir()
    bare = Path(shutil.copytree(tiny_llama(), tmp_path / "bare"))
    (bare / "tokenizer.json").unlink()
    (bare / "tokenizer_config.json").unlink()
    gguf = tmp_path / "gguf"
    gguf.mkdir()
    (gguf / "model.gguf").write_bytes(b"GGUF")
    for folder, said in {
        "": "no language model at",
        str(tmp_path / "nowhere"): "no language model at",
        str(empty): "no safetensors weights",
        str(gguf): "no safetensors weights",
        str(bare): "could be loaded",
        str(pickled): "pickles",
        broken(tmp_path / "code", "config.json", {"auto_map": {"AutoModel": "m.M"}}): "never done",
        broken(tmp_path / "odd", "config.json", {"model_type": "no-such"}): "could be loaded",
        save_cross_encoder(tmp_path / "cross"): "never trained",
        str(Path(tiny_llama()) / "model.safetensors"): "is a file",
    }.items():
        with pytest.raises(DataError, match=said) as caught:
            CausalLM(folder)
        assert caught.value.fix, folder
        assert "\n" not in caught.value.what
    with pytest.raises(RecipeError, match="no device"):
        CausalLM(tiny_llama(), device="gpu")


def test_a_model_that_fills_gaps_is_refused(tmp_path: Path) -> None:
    import torch
    from transformers import BertConfig, BertForMaskedLM

    from tests.models.tiny_reranker import VOCABULARY, save_tokenizer

    save_tokenizer(tmp_path)
    torch.manual_seed(0)
    settings = BertConfig(vocab_size=len(VOCABULARY), hidden_size=32, num_hidden_layers=2,
                          num_attention_heads=2, intermediate_size=64)  # fmt: skip
    BertForMaskedLM(settings).save_pretrained(str(tmp_path))
    with pytest.raises(DataError, match="looks ahead"):
        CausalLM(str(tmp_path))


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_llama(), tmp_path / "model"))
    read = json.loads((folder / "tokenizer.json").read_text())
    read["model"]["vocab"]["wing"] = len(read["model"]["vocab"])
    (folder / "tokenizer.json").write_text(json.dumps(read))
    with pytest.raises(DataError, match="the model knows 258"):
        CausalLM(str(folder))
