"""Writing step by step: each branch as if it was alone, and a fork leaves the rest as it was."""

from __future__ import annotations

import numpy as np
import pytest

from negatives.errors import DataError
from negatives.models.branches import Branches
from negatives.models.causal_lm import CausalLM
from tests.models.tiny_lm import tiny_llama

PROMPTS = ["what lifts", "the drag of a long and slender wing", ""]


@pytest.fixture(scope="module")
def model() -> CausalLM:
    return CausalLM(tiny_llama())


def test_each_branch_finds_probable_what_it_would_alone(model: CausalLM) -> None:
    import torch

    together = Branches(model, PROMPTS, room=8)
    alone = [Branches(model, [prompt], room=8) for prompt in PROMPTS]
    for token in (50, 60, 70):
        for row, one in enumerate(alone):
            assert np.allclose(together.log_probs[row], one.log_probs[0], atol=1e-5)
            one.accept(token)
        together.accept(token)
    assert np.allclose(np.exp(together.log_probs).sum(1), 1)
    tokens = [piece.token for piece in model.pieces(PROMPTS[0])] + [50, 60, 70]
    with torch.inference_mode():
        expected = model.net(torch.tensor([tokens], device=model.device)).logits[0, -1]
    assert np.allclose(together.log_probs[0], expected.log_softmax(-1).cpu().numpy(), atol=1e-5)
    assert together.text == model.text([50, 60, 70])


def test_a_fork_goes_its_own_way(model: CausalLM) -> None:
    first = Branches(model, PROMPTS[:2], room=8)
    first.accept(50)
    other = first.fork()
    before = first.log_probs.copy()
    other.accept(60)
    assert first.written == [50]
    assert other.written == [50, 60]
    assert (first.log_probs == before).all()
    first.accept(60)
    assert np.allclose(first.log_probs, other.log_probs, atol=1e-6)


def test_a_prompt_that_leaves_no_room_loses_its_beginning(model: CausalLM) -> None:
    long = "wing " * 200
    cut = Branches(model, [long], room=100).log_probs
    kept = Branches(model, [long[-(model.longest - 100) :]], room=8).log_probs
    assert np.allclose(cut, kept, atol=1e-5)
    with pytest.raises(DataError, match="the model reads 512"):
        Branches(model, ["x"], room=512)
