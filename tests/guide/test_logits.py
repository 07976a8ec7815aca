"""Guides in transformers' generate, with tiny models of random weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from negatives.errors import DataError
from negatives.guide import SteeredLogits, steered
from negatives.guide.logits import PromptBranch
from tests.models.tiny_lm import tiny_llama

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")

PROMPT, OTHER, BAD = [5, 9, 33], [5], [7, 7, 80, 21, 3]
NEW = 5


@cache
def model(seed: int = 0) -> Any:
    made = transformers.AutoModelForCausalLM.from_pretrained(tiny_llama(seed))
    return made.eval()


def written(processor: Any, prompts: Sequence[list[int]] = (PROMPT,), **settings: Any) -> Any:
    """The new tokens of each row."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(each)) + each for each in prompts])
    mask = torch.tensor([[0] * (longest - len(each)) + [1] * len(each) for each in prompts])
    out = model().generate(
        ids,
        attention_mask=mask,
        max_new_tokens=NEW,
        min_new_tokens=NEW,
        do_sample=False,
        pad_token_id=0,
        logits_processor=[processor] if processor else None,
        **settings,
    )
    return out[:, longest:].tolist()


def by_hand(prompt: list[int], base: list[int] | None, negative: list[int] | None) -> list[int]:
    """Greedy writing without any cache: everything is read anew for each token."""
    made: list[int] = []

    def logits(start: list[int]) -> np.ndarray:
        with torch.no_grad():
            out = model()(torch.tensor([start + made])).logits[0, -1]
        return np.asarray(out.double().numpy())

    for _ in range(NEW):
        expert = logits(prompt)
        expert[1] = -np.inf  # the end of the text, which min_new_tokens forbids
        found = steered(
            expert if base is None else logits(base),
            expert,
            None if negative is None else logits(negative),
            gamma=3.0,
            eta=0.8 if negative is not None else 0.0,
            alpha=0.05,
        )
        made.append(int(found.argmax()))
    return made


def processor(base: Any = None, negative: Any = None) -> SteeredLogits:
    def branch(prompt: Any) -> Any:
        return PromptBranch(model(), torch.tensor(prompt)) if isinstance(prompt, list) else prompt

    return SteeredLogits(
        base=branch(base), negative=branch(negative), gamma=3.0, eta=0.8, alpha=0.05
    )


def test_it_writes_what_is_written_without_any_cache() -> None:
    plain = written(None)[0]
    for base, negative in ((OTHER, None), (None, BAD), (OTHER, BAD)):
        made = written(
            processor(base=[base] if base else None, negative=[negative] if negative else None)
        )
        assert made == [by_hand(PROMPT, base, negative)]
        assert made != [plain]


def test_rows_have_a_prompt_each_or_one_for_all() -> None:
    second = [60, 2]
    shared = written(processor(negative=[BAD]), [PROMPT, second])
    assert shared == [by_hand(PROMPT, None, BAD), by_hand(second, None, BAD)]
    own = PromptBranch(
        model(),
        torch.tensor([BAD, [0, 0, 0, 4, 8]]),
        torch.tensor([[1] * 5, [0, 0, 0, 1, 1]]),
    )
    assert written(processor(negative=own), [PROMPT, second]) == [
        by_hand(PROMPT, None, BAD),
        by_hand(second, None, [4, 8]),
    ]


def test_beams_that_change_places_are_read_anew() -> None:
    cached = written(processor(negative=[BAD]), num_beams=3)

    def anew(tokens: Any) -> Any:
        with torch.no_grad():
            whole = torch.cat([torch.tensor([BAD]).expand(len(tokens), -1), tokens], 1)
            return model()(whole).logits[:, -1]

    assert cached == written(processor(negative=anew), num_beams=3)


def test_a_weaker_model_is_a_base() -> None:
    amateur = PromptBranch(model(1), torch.tensor([PROMPT]))
    made = written(SteeredLogits(base=amateur, gamma=2.0))
    assert made != written(None)
    # At gamma 1 the expert is what it is, whoever is the base.
    assert written(SteeredLogits(base=amateur, gamma=1.0, alpha=0.0)) == written(None)


def test_one_processor_serves_one_generation() -> None:
    made = processor(negative=[BAD])
    first = written(made)
    with pytest.raises(DataError, match="do not go on from the prompt") as told:
        written(made, [[60, 2]])
    assert "restart()" in told.value.fix
    made.restart()
    assert written(made) == first


def test_prompts_and_branches_that_cannot_be_used_are_refused() -> None:
    for prompt, mask, said in (
        (torch.tensor([5, 9]), None, "a prompt of shape"),
        (torch.zeros((1, 0), dtype=torch.long), None, "a prompt of shape"),
        (torch.tensor([[5, 9]]), torch.tensor([[1, 0]]), "ends in padding"),
    ):
        with pytest.raises(DataError, match=said):
            PromptBranch(model(), prompt, mask)
    two = PromptBranch(model(), torch.tensor([[5, 9], [6, 7]]))
    with pytest.raises(DataError, match="2 prompts for 1 rows"):
        written(processor(negative=two))
    long = PromptBranch(model(), torch.full((1, 512), 9))
    with pytest.raises(DataError, match="the model reads 512"):
        written(processor(negative=long))
    with pytest.raises(DataError, match="the negative branch gives"):
        written(processor(negative=lambda tokens: torch.zeros((len(tokens), 4))))
    with pytest.raises(DataError, match="of the negative branch are no numbers, in row 0 after 0"):
        written(processor(negative=lambda tokens: torch.full((len(tokens), 258), torch.nan)))
    with pytest.raises(DataError, match="nothing to steer by"):
        SteeredLogits()
    config = transformers.T5Config(
        d_model=8, d_ff=8, num_layers=1, num_heads=1, d_kv=8, vocab_size=9
    )
    with pytest.raises(DataError, match="a model with an encoder"):
        PromptBranch(transformers.T5ForConditionalGeneration(config), torch.tensor([[1]]))
