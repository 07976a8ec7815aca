"""Attention of a local model: what the library itself gives, read in parts, and never all of it."""

from __future__ import annotations

import numpy as np
import pytest

from negatives.errors import DataError
from negatives.models.attended import attended
from negatives.models.causal_lm import CausalLM
from tests.models.tiny_lm import tiny_llama

BEGINNING = list(range(5, 45))
ENDS = [[7, 9, 11, 30, 31, 32], [200]]


@pytest.fixture(scope="module")
def model() -> CausalLM:
    return CausalLM(tiny_llama(), attention=True)


def test_it_is_that_of_one_whole_pass_whatever_the_memory(model: CausalLM) -> None:
    import torch

    little = CausalLM(tiny_llama(), attention=True, memory=60_000)
    for reader in (model, little):
        for end, made in zip(ENDS, attended(reader, BEGINNING, ENDS), strict=True):
            with torch.inference_mode():
                out = model.net(
                    torch.tensor([BEGINNING + end], device=model.device), output_attentions=True
                )
            whole = np.stack([layer[0].cpu().numpy() for layer in out.attentions])
            expected = whole[:, :, len(BEGINNING) :].mean(2)
            assert made.shape == (2, 4, len(BEGINNING) + len(end))
            assert np.allclose(made, expected, atol=1e-5)


def test_of_every_head_it_adds_up_to_one(model: CausalLM) -> None:
    for made in attended(model, BEGINNING, ENDS):
        assert np.allclose(made.sum(2), 1, atol=1e-5)


def test_a_model_that_was_opened_without_attention_says_so() -> None:
    with pytest.raises(DataError, match="opened without attention"):
        attended(CausalLM(tiny_llama()), BEGINNING, ENDS)
