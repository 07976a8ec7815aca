"""GUARD at generation: what a model that learned answers by heart says of them, and of the rest.

Part of the benchmark `forgetting`, whose original nothing has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from benchmarks.forgetting_ways import Pairs, begun, opened, sides
from negatives.guide import ForgetIndex, RestrictedLogits, key_phrases
from negatives.models.causal_lm import CausalLM
from negatives.models.open_encoder import open_encoder

DRAWS: Final = 5
LONGEST: Final = 60
"""Tokens of an answer, at most."""


@dataclass(frozen=True)
class Asked:
    """Questions with what may not be said to them."""

    pairs: Pairs
    phrases: list[list[str]]


def figures(seed: int) -> dict[str, dict[str, float]]:
    """Of each set of questions: how many are recognised, and what is said with and without."""
    model = opened(begun(seed)[1])
    phrases = [
        [as_written(model, each) for each in key_phrases(answer, prompt)]
        for prompt, answer in sides()["forgotten"]
    ]
    kept = sides()["kept"]
    known, unseen = kept[: len(kept) // 2], kept[len(kept) // 2 :]
    encoder = open_encoder("static")

    def embed(asked: list[str]) -> Any:
        return np.asarray(encoder.encode(asked).vectors)

    prompts = [prompt.strip() for prompt, _ in sides()["forgotten"]]
    index = ForgetIndex(embed, prompts, phrases, [prompt.strip() for prompt, _ in known])
    nothing: list[list[str]] = [[] for _ in unseen]
    found = {}
    for name, pairs, of in (
        ("forgotten", sides()["forgotten"], phrases),
        ("forgotten, in other words", sides()["reworded"], phrases),
        ("kept", unseen, nothing),
    ):
        found[name] = answered(model, index, Asked(pairs, of), seed)
    return found


def answered(model: CausalLM, index: ForgetIndex, asked: Asked, seed: int) -> dict[str, float]:
    """What is said to some questions; drawn too where some of them have phrases."""
    forbidden = [index.phrases(prompt.strip()) for prompt, _ in asked.pairs]
    has_phrases = [at for at, each in enumerate(asked.phrases) if each]
    draws = DRAWS if has_phrases else 0
    free = [written(model, prompt, [], draws, seed) for prompt, _ in asked.pairs]
    held = [
        written(model, prompt, phrases, draws, seed) if phrases else before
        for (prompt, _), phrases, before in zip(asked.pairs, forbidden, free, strict=True)
    ]
    answers = [as_written(model, answer) for _, answer in asked.pairs]
    sure = index.probability([prompt.strip() for prompt, _ in asked.pairs])
    made = {"recognised": float((sure > 0.5).mean())}
    for name, said in (("free", free), ("held", held)):
        first, drawn = ([texts[:1] for texts in said], [texts[1:] for texts in said])
        made[f"whole, {name}"] = share(a in t for a, t in zip(answers, first, strict=True))
        if not has_phrases:
            continue
        made[f"whole in {DRAWS} draws, {name}"] = share(
            a in t for a, t in zip(answers, drawn, strict=True)
        )
        made[f"phrase, {name}"] = share(says(first[at], asked.phrases[at]) for at in has_phrases)
        made[f"phrase in {DRAWS} draws, {name}"] = share(
            says(drawn[at], asked.phrases[at]) for at in has_phrases
        )
    return made


def share(holds: Iterable[bool]) -> float:
    """How often something holds."""
    return float(np.mean([*holds]))


def says(answers: Sequence[str], phrases: Sequence[str]) -> bool:
    """Whether one of the answers has one of the phrases in it."""
    return any(phrase.lower() in answer.lower() for answer in answers for phrase in phrases)


def as_written(model: CausalLM, text: str) -> str:
    """A text as the model writes it: a space between all words and marks."""
    return model.text([piece.token for piece in model.pieces(text)])


def written(
    model: CausalLM, prompt: str, phrases: list[str], draws: int, seed: int
) -> list[str]:  # fmt: skip
    """The most probable answer, and some drawn ones, without the phrases."""
    tokens, mask = model.padded([[piece.token for piece in model.pieces(prompt)]])
    stop = [RestrictedLogits(model.reader, phrases, start=tokens.shape[1])] if phrases else []
    ways: list[dict[str, Any]] = [{"do_sample": False}]
    if draws:
        ways.append({"do_sample": True, "top_k": 0, "num_return_sequences": draws})
    made: list[str] = []
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(seed)
        for way in ways:
            found = model.net.generate(
                input_ids=tokens, attention_mask=mask, max_new_tokens=LONGEST, pad_token_id=2,
                logits_processor=stop, **way,
            )  # fmt: skip
            made += [model.text(row) for row in found[:, tokens.shape[1] :].tolist()]
    return made
