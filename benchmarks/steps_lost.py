"""Where a wrong solution was lost, and what a model learns that is told so.

The step that lost it is asked of rollouts, of SPARE's rules beside a right solution, and, as
controls, of the model's own least probable step and of nothing at all (the last step).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.chains import (
    Numbers,
    accuracy,
    answers,
    asked,
    begun,
    ends_right,
    learned,
    opened,
    questions,
    solved,
    steps_of,
    well_formed,
    written,
    wrong_from,
)
from negatives.learn.steps.reference_labels import labelled, labelled_row
from negatives.learn.steps.rollouts import Sampler, explored
from negatives.models.causal_lm import CausalLM

TRIES: Final = (4, 8)
DRAWN, TEMPERATURE = 3, 0.7
"""Solutions that the model draws of each question, and how."""
WRONG: Final = 60
"""Wrong solutions that are looked at, one of a question."""
STEPS, BATCH = 60, 16
RATES: Final = {"likelihood": (1e-4, 5e-4), "dpo": (3e-6, 1e-5, 3e-5)}
Figures = dict[str, float]


@dataclass(frozen=True)
class Parts:
    """Questions that the start learned, those it is sampled on, and those that choose and test."""

    start: list[Numbers]
    drawn: list[Numbers]
    chosen: list[Numbers]
    tested: list[Numbers]

    @classmethod
    def of(cls, seed: int) -> Parts:
        """The questions of a seed; none is in two parts."""
        sizes = (1000, 350, 150, 300)
        found = questions(sum(sizes), seed)
        edges = np.cumsum((0, *sizes)).tolist()
        return cls(*(found[a:b] for a, b in pairwise(edges)))


def start(work: Path, parts: Parts, seed: int) -> Path:
    """The model that all arms of a seed begin with."""
    rows = ({"prompt": asked(each), "response": "\n".join(solved(each)), "label": True}
            for each in parts.start)  # fmt: skip
    return begun(work / str(seed) / "start", rows, steps=270, seed=seed)


@dataclass(frozen=True)
class Solution:
    """One that the model wrote, of the right form."""

    numbers: Numbers
    steps: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether it comes to the right sum."""
        return ends_right(self.numbers, "\n".join(self.steps))

    @property
    def lost(self) -> int:
        """The first wrong step, from 1."""
        return wrong_from(self.numbers, self.steps)


def drawn_by(model: CausalLM, asked_for: Sequence[Numbers], seed: int) -> list[Solution]:
    """Distinct solutions of the right form, question by question."""
    prompts = [asked(each) for each in asked_for]
    every = [answers(model, prompts, temperature=TEMPERATURE, seed=100 * seed + at)
             for at in range(DRAWN)]  # fmt: skip
    found: dict[Solution, None] = {}
    for at, numbers in enumerate(asked_for):
        for texts in every:
            if well_formed(texts[at]):
                found[Solution(numbers, tuple(steps_of(texts[at])))] = None
    return [*found]


def studied(work: Path, seed: int) -> dict[str, Figures]:
    """Figures of one seed: which step is found, and what the arms come to."""
    parts = Parts.of(seed)
    base = start(work, parts, seed)
    model = opened(base)
    every = drawn_by(model, parts.drawn, seed)
    right = [each for each in every if each.right]
    by_question = groupby((each for each in every if not each.right), lambda each: each.numbers)
    wrong = [next(group) for _, group in by_question][:WRONG]
    roll = Sampler(model, tries=max(TRIES), longest=30, temperature=TEMPERATURE, seed=seed)
    rolled = Rolled({prefix: texts for each in wrong for prefix, texts
                     in zip(prefixes(each), roll(prefixes(each)), strict=True)})  # fmt: skip
    told = {
        "the last step": [len(each.steps) for each in wrong],
        "the least probable step": [least_probable(model, each) for each in wrong],
        **{f"rollouts, {tries}": [pit(each, rolled.first(tries))[0] for each in wrong]
           for tries in TRIES},
        **{name: [by_rule(each) for each in wrong] for name, by_rule in RULES.items()},
    }  # fmt: skip
    sound = [each for each in right if not each.lost]
    alarms = {name: float(np.mean([by_rule(each) > 0 for each in sound]))
              for name, by_rule in RULES.items()}  # fmt: skip
    found = {name: shares(wrong, at) | {"alarms": alarms[name]} if name in alarms
             else shares(wrong, at) for name, at in told.items()}  # fmt: skip
    arms = rows_of(right, wrong, rolled)
    before = accuracy(base, parts.tested)
    made: dict[str, Figures] = {"the start": {"accuracy": before, "rows": 0.0, "rate": 0.0}}
    for name, (rows, settings) in arms.items():
        made[name] = arm(work / str(seed), name, base, rows, settings, parts, seed)
    sizes = {"wrong": len(wrong), "right": len(sound), "steps right": _steps_right(wrong)}
    return {"sizes": sizes, **{f"step: {name}": each for name, each in found.items()},
            **{f"arm: {name}": each for name, each in made.items()}}  # fmt: skip


def _steps_right(wrong: Sequence[Solution]) -> float:
    return float(np.mean([each.lost - 1 for each in wrong]))


@dataclass(frozen=True)
class Rolled:
    """What rollouts went on with, by prefix: an `Explore` that writes nothing anew."""

    texts: dict[str, list[str]]

    def __call__(self, asked_for: Sequence[str]) -> list[list[str]]:
        """Of each prefix, its texts."""
        return [self.texts[prefix] for prefix in asked_for]

    def first(self, tries: int) -> Rolled:
        """As if only so many had been tried."""
        return Rolled({prefix: texts[:tries] for prefix, texts in self.texts.items()})


def prefixes(solution: Solution) -> list[str]:
    """The question and the steps before each step, as `explored` gives them."""
    heads = ("".join(f"{step}\n" for step in solution.steps[:at])
             for at in range(len(solution.steps)))  # fmt: skip
    return [f"{asked(solution.numbers)}\n{head}" for head in heads]


def pit(solution: Solution, rolled: Rolled) -> tuple[int, list[dict[str, Any]]]:
    """The step that rollouts find to have lost it, 0: none, and the pair that begins there."""
    right = partial(ends_right, solution.numbers)
    values, rows = explored(asked(solution.numbers), solution.steps, right, rolled)
    return values.pit, rows


def least_probable(model: CausalLM, solution: Solution) -> int:
    """The step with the least probable token, by the model that wrote it."""
    text = "\n".join(solution.steps)
    (found,) = model.continuations([(f"{asked(solution.numbers)}\n", text)])
    each = found.log_probs[: 5 * len(solution.steps)].reshape(-1, 5).min(1)
    return int(each.argmin()) + 1


def by_reference(solution: Solution, reference: Sequence[str], words: bool = False) -> int:
    """The first step that SPARE's rules call wrong; 0: none."""
    own: Sequence[str] = solution.steps
    if words:
        own, reference = ([_in_words(step) for step in side] for side in (own, reference))
    return next((each.step for each in labelled(own, reference) if not each.right), 0)


def _in_words(step: str) -> str:
    return step.replace("+", "and").replace("=", "make")


def in_another_order(numbers: Numbers) -> list[str]:
    """A right solution that adds from the other end."""
    return solved(numbers[::-1])


RULES: Final[dict[str, Callable[[Solution], int]]] = {
    "SPARE, as it is written": lambda each: by_reference(each, solved(each.numbers)),
    "SPARE, in words": lambda each: by_reference(each, solved(each.numbers), words=True),
    "SPARE, a reference in another order": lambda each: by_reference(
        each, in_another_order(each.numbers)
    ),
    "SPARE, in words, in another order": lambda each: by_reference(
        each, in_another_order(each.numbers), words=True
    ),
}


def shares(wrong: Sequence[Solution], told: Sequence[int]) -> Figures:
    """How often the step that is named is the one that lost it, or stands before or behind it."""
    true = np.array([each.lost for each in wrong])
    said = np.array(told)
    return {
        "found": float((said == true).mean()),
        "too early": float(((said < true) & (said > 0)).mean()),
        "too late": float((said > true).mean()),
        "none": float((said == 0).mean()),
    }


Arm = tuple[list[dict[str, Any]], tuple[str, ...]]
"""Rows to learn from, and settings of the recipe `negative-gradient`."""


def rows_of(right: Sequence[Solution], wrong: Sequence[Solution], rolled: Rolled) -> dict[str, Arm]:
    """What each arm learns from; all of it was written by the model itself."""
    whole, at_pit, at_truth, by_spare = [], [], [], []
    of: dict[Numbers, Solution] = {}
    for each in right:
        of.setdefault(each.numbers, each)
    for each in wrong:
        prompt = asked(each.numbers)
        at_pit += pit(each, rolled.first(8))[1]
        at_truth += from_truth(each, rolled.first(8))
        if each.numbers in of:
            chosen = of[each.numbers].steps
            whole.append({"prompt": prompt, "chosen": "\n".join(chosen),
                          "rejected": "\n".join(each.steps)})  # fmt: skip
            row = labelled_row(prompt, each.steps, solved(each.numbers))
            if not all(row["labels"]):
                by_spare += [row, labelled_row(prompt, chosen, chosen)]
    good = [{"prompt": asked(each.numbers), "response": "\n".join(each.steps), "label": True}
            for each in right]  # fmt: skip
    return {
        "right ones alone": (good, ("learn.kind=likelihood",)),
        "DPO, whole solutions": (whole, ()),
        "DPO from the step that rollouts find": (at_pit, ()),
        "DPO from the step that SPARE finds": (by_spare, ("train.from_wrong_step=true",)),
        "DPO from the step that lost it in truth": (at_truth, ()),
    }


def from_truth(solution: Solution, rolled: Rolled) -> list[dict[str, Any]]:
    """The pair that begins at the true step, where a rollout from there ended right: the bound."""
    at = solution.lost - 1
    head = "".join(f"{step}\n" for step in solution.steps[:at])
    (texts,) = rolled([f"{asked(solution.numbers)}\n{head}"])
    good = next((text for text in texts if ends_right(solution.numbers, head + text)), None)
    if good is None:
        return []
    prompt = f"{asked(solution.numbers)}\n{head}".removesuffix("\n")
    return [{"prompt": prompt, "chosen": good, "rejected": "\n".join(solution.steps[at:])}]


def arm(
    folder: Path, name: str, base: Path, rows: list[dict[str, Any]], settings: tuple[str, ...],
    parts: Parts, seed: int,
) -> Figures:  # fmt: skip
    """Held-out accuracy of an arm, at the rate that is best on the questions that choose."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in name)
    source = written(folder / f"{plain}.jsonl", rows)
    loss = "likelihood" if "learn.kind=likelihood" in settings else "dpo"
    examples = BATCH if loss == "likelihood" else BATCH // 2
    found = []
    for rate in RATES[loss]:
        out = learned(
            folder / f"{plain}-{rate}", base, source, steps=STEPS, rate=rate,
            batch=examples, seed=seed, recipe="negative-gradient", changes=settings,
        )  # fmt: skip
        found.append((accuracy(out, parts.chosen), -rate, out))
    _, less, best = max(found)
    return {"accuracy": accuracy(best, parts.tested), "rows": float(len(rows)), "rate": -less}
