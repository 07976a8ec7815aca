"""Texts are read to one length, whether or not something stands before the first token."""

from __future__ import annotations

import numpy as np
import pytest

from negatives.measure.audits.first_tokens import first_tokens
from negatives.models.causal_lm import CausalLM
from tests.models.tiny_lm import tiny_llama

TEXTS = ["a wing lifts what drag holds back", "short", "the flow over a flat plate is slow"]


def test_each_text_that_is_long_enough_gives_so_many_log_probabilities() -> None:
    model = CausalLM(tiny_llama())
    read = first_tokens(model, TEXTS, 12)
    assert read.too_short == 1
    assert read.texts == [TEXTS[0][:12], TEXTS[2][:12]]  # its tokens are bytes
    for text, made in zip(read.texts, read.log_probs, strict=True):
        np.testing.assert_allclose(made, model.continuations([("", text)])[0].log_probs, atol=1e-5)


def test_a_model_that_predicts_no_first_token_reads_one_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(CausalLM, "start", None)
    model = CausalLM(tiny_llama())
    read = first_tokens(model, TEXTS, 12)
    assert read.texts == [TEXTS[0][:13], TEXTS[2][:13]]
    assert read.log_probs.shape == (2, 12)
