"""Forgetting without a loss of responses: what LAF, ROCR and DP2Unlearning leave of both sides.

Part of the benchmark `forgetting`; original, control and data are those of `unlearning`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from statistics import mean
from typing import Any, Final

import numpy as np
import torch
from scipy.stats import ks_2samp

from benchmarks.unlearning import (
    ARMS,
    FORGET,
    FORGETTING,
    KEEP,
    LEARNING,
    WORK,
    data,
    learned,
    random_model,
    rows,
    texts,
)
from negatives.learn.unlearn.label_free import forget_without_labels
from negatives.learn.unlearn.private import epsilon, private_steps
from negatives.learn.unlearn.redirect import covariance_of, redirect
from negatives.models.causal_lm import CausalLM

Pairs = list[tuple[str, str]]
"""Prompts with the line break behind them, and responses."""
AUTHORS: Final = ("Basil Mahfouz Al-Kuwaiti", "Nikolai Abilov")
OTHERS: Final = ("Jaime Vasquez", "Chukwu Akabueze", "Evelyn Desmet", "Anara Yusifova")
LAF_STEPS: Final = (10, 20, 40)
HEAD_STEPS: Final = 40
PRIVATE_STEPS, RATE, DELTA = 40, 0.1, 1e-3
FURTHER: Final = 120
"""Steps of likelihood from a base."""
WELL: Final = 1.5
"""Negative log-likelihood of a token at which what is kept counts as learned."""


@cache
def sides() -> dict[str, Pairs]:
    """What is forgotten, the same asked in other words, and what is kept."""
    lost, kept = rows("forget01_perturbed", FORGET), rows("retain99", KEEP)
    return {
        "forgotten": [(f"{row['question']}\n", row["answer"]) for row in lost],
        "reworded": [(f"{row['paraphrased_question']}\n", row["answer"]) for row in lost],
        "kept": [(f"{row['question']}\n", row["answer"]) for row in kept],
    }


def opened(model: Path) -> CausalLM:
    """A model, ready to be asked or changed."""
    return CausalLM(str(model), device="cpu", threads=1)


def nll(model: CausalLM, pairs: Pairs) -> list[float]:
    """Negative log-likelihood of a token of each response."""
    return [-each.mean for each in model.continuations(pairs)]


def told(model: CausalLM) -> dict[str, float]:
    """What a model says of each side."""
    return {side: mean(nll(model, pairs)) for side, pairs in sides().items()}


def begun(seed: int) -> tuple[Path, Path, Path]:
    """Random weights, the original and the control, which `unlearning` has trained."""
    likelihood = "learn.kind=likelihood"
    start = random_model(WORK / str(seed) / "random", texts(data()), seed)
    original = learned("original", start, data()["all"], seed, LEARNING, likelihood)
    control = learned("retrained", start, data()["kept"], seed, LEARNING, likelihood)
    return start, original, control


def figures(seed: int) -> dict[str, dict[str, float]]:
    """Every way of one seed: what is left of what, and the seconds that it took."""
    _, original, control = begun(seed)
    by_loss = learned(
        "npo-rt-to-the-end", original, data()["forget"], seed, FORGETTING, *ARMS["NPO + RT"],
        "train.learning_rate=0.0003",
    )  # fmt: skip
    found = {
        "nothing": told(opened(original)),
        "never saw it": told(opened(control)),
        "NPO + RT, 80 steps": told(opened(by_loss)),
    }

    def timed(name: str, change: Callable[[CausalLM], None]) -> None:
        model, began = opened(original), time.perf_counter()
        change(model)
        spent = time.perf_counter() - began
        found[name] = {**told(model), "seconds": spent}

    for steps in LAF_STEPS:
        model, began = opened(original), time.perf_counter()
        label_free(model, steps, seed)
        spent = time.perf_counter() - began
        found[f"LAF, {steps} steps"] = {**told(model), "seconds": spent}
        head_learns(model, seed)
        found[f"LAF, {steps} steps, then the head"] = told(model)
    timed("the head alone", partial(head_learns, seed=seed))
    for layer in range(2):
        timed(f"ROCR, layer {layer}", partial(redirected, names=AUTHORS, layer=layer))
        timed(
            f"a kept author redirected, layer {layer}",
            partial(redirected, names=OTHERS[:1], layer=layer),
        )
    return found


class Read(torch.nn.Module):  # type: ignore[misc]
    """A model without its head: the mean state that the tokens of a response are predicted by."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net.model

    def forward(self, read: torch.Tensor) -> Any:
        """float[n, dim] of int64[n, 2, longest]: tokens (-1: none), and 1 where a state counts."""
        tokens, counts = read[:, 0], read[:, 1].float()
        mask = (tokens >= 0).long()
        states = self.net(input_ids=tokens.clamp(min=0), attention_mask=mask, use_cache=False)
        summed = (states.last_hidden_state * counts[..., None]).sum(1)
        return summed / counts.sum(1, keepdim=True)


def as_read(model: CausalLM, pairs: Pairs, longest: int) -> torch.Tensor:
    """int64[n, 2, longest]: what `Read` takes."""
    made = np.full((len(pairs), 2, longest), -1)
    made[:, 1] = 0
    for at, (prompt, response) in enumerate(pairs):
        pieces = model.pieces(f"{prompt}{response}")[:longest]
        first = next(n for n, piece in enumerate(pieces) if piece.end > len(prompt))
        made[at, 0, : len(pieces)] = [piece.token for piece in pieces]
        made[at, 1, first - 1 : len(pieces) - 1] = 1
    return torch.from_numpy(made)


def label_free(model: CausalLM, steps: int, seed: int) -> None:
    """LAF, in place, from questions and answers of both sides."""
    longest = max(len(model.pieces(a + b)) for side in ("forgotten", "kept")
                  for a, b in sides()[side])  # fmt: skip
    lost, kept = (as_read(model, sides()[side], longest) for side in ("forgotten", "kept"))
    forget_without_labels(Read(model.net), kept, lost, steps=steps, learning_rate=3e-4, seed=seed)


def head_learns(model: CausalLM, seed: int) -> None:
    """The head alone learns kept answers again, in place: what LAF leaves to be done."""
    head = model.net.lm_head
    optimiser = torch.optim.AdamW(head.parameters(), lr=1e-3, weight_decay=0.0)
    kept, draw = sides()["kept"], np.random.default_rng(seed)
    for _ in range(HEAD_STEPS):
        some = draw.choice(len(kept), 8, replace=False)
        loss = sum(loss_of(model, kept[at]) for at in some.tolist()) / len(some)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def loss_of(model: CausalLM, pair: tuple[str, str]) -> Any:
    """Negative log-likelihood of a token of one response, with gradient."""
    tokens, counts = as_read(model, [pair], len(model.pieces("".join(pair))))[0]
    logits = model.net(input_ids=tokens[None], use_cache=False).logits[0]
    places = counts.nonzero().flatten()
    return torch.nn.functional.cross_entropy(logits[places], tokens[places + 1])


def redirected(model: CausalLM, names: Sequence[str], layer: int) -> None:
    """ROCR, in place: where a layer recognises one of some names it finds a kept author."""
    harmless = [name for name in OTHERS if name not in names]
    generic = [prompt + response for prompt, response in sides()["kept"]]
    seen = covariance_of(model, generic, layer=layer)
    for name in names:
        redirect(model, up_to([name]), up_to(harmless), seen, layer=layer)


def up_to(names: Sequence[str]) -> list[str]:
    """Questions on authors, up to the end of their names."""
    prompts = [prompt for side in ("forgotten", "kept") for prompt, _ in sides()[side]]
    return [prompt[: prompt.index(name) + len(name)]
            for name in names for prompt in prompts if name in prompt]  # fmt: skip


def bases(seed: int) -> dict[str, dict[str, float]]:
    """DP2Unlearning: from which base kept answers are learned how fast, and what is left."""
    start, *_ = begun(seed)
    items = [*sides()["forgotten"], *sides()["kept"]]
    made = {"random weights": (start, 0.0, 0.0)}
    for noise in (1.0, 0.0):
        model, began = opened(start), time.perf_counter()
        optimiser = torch.optim.Adam(model.net.parameters(), lr=1e-3)

        def loss(_: Any, item: int, of: CausalLM = model) -> Any:
            return loss_of(of, items[item])

        private_steps(
            model.net, loss, len(items), steps=PRIVATE_STEPS, rate=RATE, noise=noise,
            optimiser=optimiser, seed=seed,
        )  # fmt: skip
        spent = time.perf_counter() - began
        out = WORK / str(seed) / f"base-{noise:g}"
        model.net.save_pretrained(str(out))
        model.reader.save_pretrained(str(out))
        known = epsilon(noise=noise, rate=RATE, steps=PRIVATE_STEPS, delta=DELTA)
        made[f"DP-SGD, noise {noise:g}"] = (out, known, spent)
    found: dict[str, dict[str, float]] = {}
    retrained: list[float] = []
    for name, (base, known, spent) in made.items():
        plain = "".join(letter if letter.isalnum() else "-" for letter in name)
        out = learned(
            f"kept-from-{plain}", base, data()["kept"], seed, FURTHER, "learn.kind=likelihood",
            "train.evaluate=10", dev=data()["forget"],
        )  # fmt: skip
        seen = json.loads((out / "training.json").read_text())["figures"]
        lost = nll(opened(out), sides()["forgotten"])
        retrained = retrained or lost  # the first is of random weights
        begins = told(opened(base))
        found[name] = {
            "epsilon": known,
            "seconds": spent,
            "kept by the base": begins["kept"],
            "forgotten by the base": begins["forgotten"],
            "steps": next((row["step"] for row in seen if row["right_nll"] <= WELL), FURTHER + 1),
            "kept": seen[-1]["right_nll"],
            "forgotten": seen[-1]["wrong_nll"],
            "ks_p": float(ks_2samp(lost, retrained).pvalue),
        }
    return found
