"""Sums written step by step: a task that a small model learns in part, whose truth is known.

A question is a number below 31 and five digits to be added, `23 + 4 + 9 + 2 + 5 + 1`; a solution
has a line for each addition, `23 + 4 = 27`, `27 + 9 = 36`, and so on. A step is wrong from the
first line on that does not come to the sum of the numbers so far: what comes after it is lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from benchmarks.unlearning import random_model
from negatives.events import silent
from negatives.learn.request import completed
from negatives.learn.train import train
from negatives.models.causal_lm import CausalLM
from negatives.recipe import load_recipe

TERMS: Final = 6
LONGEST: Final = 5 * TERMS
"""Tokens of a solution, at most; one of five steps has 25 and its end."""
_EQUATION: Final = re.compile(r"(\d+) \+ (\d+) = (\d+)")
Numbers = tuple[int, ...]


def questions(count: int, seed: int) -> list[Numbers]:
    """Distinct questions, drawn by chance."""
    draw = np.random.default_rng(seed)
    found: dict[Numbers, None] = {}
    while len(found) < count:
        found[(int(draw.integers(0, 31)), *draw.integers(0, 10, TERMS - 1).tolist())] = None
    return [*found]


def asked(numbers: Numbers) -> str:
    """The prompt."""
    return " + ".join(map(str, numbers))


def solved(numbers: Numbers) -> list[str]:
    """The right solution, a step an element."""
    sums = [*accumulate(numbers)]
    return [f"{a} + {b} = {c}" for a, b, c in zip(sums, numbers[1:], sums[1:], strict=False)]


def steps_of(text: str) -> list[str]:
    """The steps of what a model wrote, which has no line breaks."""
    return [found[0] for found in _EQUATION.finditer(text)]


def well_formed(text: str) -> bool:
    """Whether it is a step for each addition, and nothing else."""
    return len(steps_of(text)) == TERMS - 1 and not _EQUATION.sub("", text).strip()


def wrong_from(numbers: Numbers, steps: Sequence[str]) -> int:
    """The first step, from 1, that is not as it should be; 0: all are right."""
    right = solved(numbers)
    lost = [at for at, (own, true) in enumerate(zip(steps, right, strict=False), 1) if own != true]
    if lost:
        return lost[0]
    return 0 if len(steps) == len(right) else min(len(steps), len(right)) + 1


def ends_right(numbers: Numbers, text: str) -> bool:
    """Whether what was written comes to the sum in the end."""
    steps = steps_of(text)
    return bool(steps) and int(steps[-1].split()[-1]) == sum(numbers) and well_formed(text)


@cache
def vocabulary() -> tuple[str, ...]:
    """All words of the task."""
    return ("+ =", *(str(number) for number in range(100)))


def written(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Rows as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def learned(
    out: Path, model: Path, source: Path, *, steps: int, rate: float, batch: int, seed: int,
    recipe: str = "default", changes: Sequence[str] = ("learn.kind=likelihood",),
) -> Path:  # fmt: skip
    """A training of this library, whose last step is kept; what is done is not done again."""
    if (out / "model.safetensors").is_file():
        return out
    settings = (
        *changes, f"train.steps={steps}", f"train.batch_size={batch}",
        f"train.learning_rate={rate}", "train.schedule=constant", "train.warmup=0",
    )  # fmt: skip
    chosen = completed(load_recipe(recipe), str(model), "language-model", settings)
    train(source, out, model=str(model), recipe=chosen, seed=seed, look=False, threads=1,
          device="cpu", overwrite=True, emit=silent)  # fmt: skip
    return out


def begun(
    out: Path, rows: Iterable[dict[str, Any]], *, steps: int, seed: int, more: Sequence[str] = ()
) -> Path:
    """A model of two layers that learned some rows from random weights; it reads `more`, too."""
    random = random_model(out.with_name(f"{out.name}-random"), [*vocabulary(), *more], seed)
    source = written(out.with_name(f"{out.name}.jsonl"), rows)
    return learned(out, random, source, steps=steps, rate=1e-3, batch=16, seed=seed)


def opened(model: Path) -> CausalLM:
    """A model as it is asked."""
    return CausalLM(str(model), device="cpu", threads=1)


def answers(
    model: CausalLM, prompts: Sequence[str], *, temperature: float = 0.0, seed: int = 0,
    longest: int = LONGEST,
) -> list[str]:  # fmt: skip
    """What a model writes after each prompt and a line break: the most probable, or drawn."""
    made: list[str] = []
    drawn: dict[str, Any] = {"do_sample": False}
    if temperature:
        drawn = {"do_sample": True, "temperature": temperature, "top_k": 0}
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(seed)
        for start in range(0, len(prompts), 100):
            rows = [[piece.token for piece in model.pieces(f"{prompt}\n")]
                    for prompt in prompts[start : start + 100]]  # fmt: skip
            tokens, mask = model.padded(rows)
            found = model.net.generate(
                input_ids=tokens, attention_mask=mask, max_new_tokens=longest,
                pad_token_id=2, **drawn,
            )  # fmt: skip
            made += [model.text(row) for row in found[:, tokens.shape[1] :].tolist()]
    return made


def accuracy(model: Path, tested: Sequence[Numbers]) -> float:
    """How often the most probable solution comes to the right sum."""
    said = answers(opened(model), [asked(numbers) for numbers in tested])
    return float(np.mean([ends_right(d, text) for d, text in zip(tested, said, strict=True)]))
