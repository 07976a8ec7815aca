"""What must not be written: by tries of tokens, by likeness, and only where it is asked for."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest

from negatives.errors import DataError
from negatives.guide import ForgetIndex, RestrictedLogits, key_phrases
from tests.models.tiny_lm import tiny_llama

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")


@cache
def reader() -> Any:
    return transformers.AutoTokenizer.from_pretrained(tiny_llama())


@cache
def model() -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(tiny_llama()).eval()


class Pieces:
    """A tokenizer of given pieces, of which the first ends a text."""

    eos_token_id: int | None = 0

    def __init__(self, *pieces: str) -> None:
        self.pieces = ["", *pieces]

    def __len__(self) -> int:
        return len(self.pieces)

    def decode(self, tokens: list[int], **_: Any) -> str:
        return "".join(self.pieces[token] for token in tokens)


def forbidden(pieces: Pieces, phrases: list[str], written: list[int]) -> set[str]:
    made = RestrictedLogits(pieces, phrases, start=0)(
        torch.tensor([written]), torch.zeros(1, len(pieces))
    )
    return {pieces.pieces[at] for at in torch.isinf(made[0]).nonzero().flatten().tolist()}


@pytest.mark.method("guard")
@pytest.mark.parametrize("seed", range(20))
def test_a_token_is_forbidden_exactly_where_the_text_with_it_would_hold_a_phrase(seed: int) -> None:
    draw = np.random.default_rng(seed)
    pieces = Pieces(*{"".join(draw.choice([*"aB b"], draw.integers(1, 4))) for _ in range(12)})
    phrases = ["".join(draw.choice([*"aB "], draw.integers(1, 5))) for _ in range(3)]
    written: list[int] = []
    plain = [" ".join(f"|{each}|".lower().split()).strip("|").strip() for each in phrases]
    for _ in range(8):
        told = forbidden(pieces, phrases, written)
        expected = set()
        for piece in pieces.pieces[1:]:
            text = pieces.decode(written) + piece
            text = re.sub(" +", " ", text.lower())
            if any(each and each in text for each in plain):
                expected.add(piece)
        assert told == expected, (phrases, pieces.decode(written))
        free = [at for at, piece in enumerate(pieces.pieces) if at and piece not in told]
        if not free:
            break
        written.append(int(draw.choice(free)))


def test_what_is_left_has_the_probabilities_of_the_model_that_does_not_say_it() -> None:
    logits = torch.tensor([[0.3, 1.0, 2.0, -1.0]])
    made = RestrictedLogits(Pieces("a", "x", "b"), ["x"], start=0)(torch.tensor([[1]]), logits)
    own = logits.softmax(-1)
    own[0, 2] = 0
    torch.testing.assert_close(made.softmax(-1), own / own.sum())


def test_no_phrase_comes_out_and_without_one_nothing_changes() -> None:
    prompt = torch.tensor([reader()("ab").input_ids])

    def said(phrases: list[str], seed: int, **settings: Any) -> list[str]:
        torch.manual_seed(seed)
        stop = RestrictedLogits(reader(), phrases, start=prompt.shape[1])
        out = model().generate(
            prompt.repeat(25, 1), attention_mask=torch.ones(25, prompt.shape[1]), do_sample=True,
            max_new_tokens=12, pad_token_id=1, top_k=40, logits_processor=[stop], **settings,
        )  # fmt: skip
        return reader().batch_decode(out[:, prompt.shape[1] :], skip_special_tokens=True)  # type: ignore[no-any-return]

    plain = said([], 0)
    torch.manual_seed(0)
    out = model().generate(
        prompt.repeat(25, 1), attention_mask=torch.ones(25, prompt.shape[1]), do_sample=True,
        max_new_tokens=12, pad_token_id=1, top_k=40,
    )  # fmt: skip
    assert plain == reader().batch_decode(out[:, prompt.shape[1] :], skip_special_tokens=True)
    letters = sorted({text[at : at + 2].lower() for text in plain for at in range(len(text) - 1)})
    phrases = [each for each in letters if len(each.strip()) == 2][:60]
    phrases += ["", "\u00e9"]
    there = sum(any(each and each in text.lower() for each in phrases) for text in plain)
    assert there > 10
    for seed in range(4):
        texts = said(phrases, seed)
        assert not [t for t in texts if any(each and each in t.lower() for each in phrases)]
    beams = said(phrases, 0, num_beams=3)
    assert not [t for t in beams if any(each and each in t.lower() for each in phrases)]


def test_where_all_is_forbidden_the_text_ends() -> None:
    pieces = Pieces("a", "A")
    stop = RestrictedLogits(pieces, ["a"], start=0)
    made = stop(torch.tensor([[1]]), torch.tensor([[-float("inf"), 0.0, 0.0]]))
    assert made.argmax().item() == 0
    pieces.eos_token_id = None
    with pytest.raises(DataError, match="none that ends"):
        stop(torch.tensor([[1]]), torch.tensor([[-float("inf"), 0.0, 0.0]]))


def test_what_is_like_a_phrase_is_written_less_gladly() -> None:
    def embed(texts: list[str]) -> Any:
        return np.array([[1.0, 0.0] if "wizard" in t or "mage" in t else [0.0, 1.0] for t in texts])

    pieces = Pieces("mage", " tree", "wizard")
    settings: dict[str, Any] = {"start": 0, "embed": embed, "alike": 0.5, "weight": 2.0}
    made = RestrictedLogits(pieces, ["wizard"], **settings)(torch.tensor([[2]]), torch.zeros(1, 4))
    assert made.tolist() == [[0.0, -2.0, 0.0, -float("inf")]]


def test_only_prompts_that_ask_for_what_is_forgotten_forbid_anything() -> None:
    names = ["Ana Lem", "Bo Ruiz", "Cy Marsh"]
    forget = [f"Where was {name} born?" for name in names]
    answers = [f"{name} was born in New {place} in 19{at}2." for at, (name, place) in
               enumerate(zip(names, ("Haven", "Delhi", "York"), strict=True), 3)]  # fmt: skip
    keep = ["What is a bee?", "How are clouds made?", "Where do rivers end?", "Why is it dark?"]
    words = sorted({word for text in (*forget, *keep) for word in text.split()})

    def embed(texts: list[str]) -> Any:
        return np.array([[float(word in text) for word in words] for text in texts])

    phrases = [key_phrases(a, q) for a, q in zip(answers, forget, strict=True)]
    assert phrases == [["New Haven", "1932"], ["New Delhi", "1942"], ["New York", "1952"]]
    index = ForgetIndex(embed, forget, phrases, keep)
    assert index.phrases("In what place was Bo Ruiz born?") == ["New Delhi", "1942"]
    assert index.phrases("What are clouds?") == []
    with pytest.raises(DataError, match="prompts of both sides"):
        ForgetIndex(embed, forget, phrases, [])
