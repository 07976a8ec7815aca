"""gsm8k's model solutions, right and wrong, as the benchmark `responses` learns from them.

Four models of OpenAI's (6B and 175B, each as it was finetuned and with a verifier) answered the
1,319 questions of gsm8k's test; whether the last number is right is known. The calculator's marks
(`<<16-3=13>>`) are left out, so that a solution is what a reader would see. Only questions that
have a right and a wrong solution of a bounded length are of use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import folder
from negatives.learn.steps.reference_labels import labelled

PARTS = {"train": 0.55, "validation": 0.15, "test": 0.3}
"""Shares of the questions."""
LONGEST_PROMPT, LONGEST = 65, 75
"""In words; a digit is one, and so is a sign."""
_WORD = re.compile(r"[^\W\d]+|\d|[^\w\s]|\n")
_MARK = re.compile(r"<<[^>]*>>")


@dataclass(frozen=True)
class Solution:
    """A solution, step by step, and who wrote it; `reference`: the steps of a right one."""

    question: str
    steps: tuple[str, ...]
    right: bool
    by: str
    reference: tuple[str, ...]

    @property
    def words(self) -> int:
        """How long it is."""
        return len(words_of(self.text))

    @property
    def text(self) -> str:
        """As it is read."""
        return "\n".join(self.steps)

    @property
    def pair(self) -> tuple[str, str]:
        """The prompt and the response, as a model reads them."""
        return spaced(self.question), spaced(self.text)

    def row(self) -> dict[str, Any]:
        """A line of JSON: of a wrong one, where the rule finds no wrong step, it is the last."""
        labels = [True] * len(self.steps)
        if not self.right:
            labels = [label.right for label in labelled(self.steps, self.reference)]
            labels[-1] &= not all(labels)
        return {
            "prompt": spaced(self.question),
            "steps": [spaced(step) for step in self.steps],
            "labels": labels,
        }


def words_of(text: str) -> list[str]:
    """Words, digits and signs of a text."""
    return _WORD.findall(text)


def spaced(text: str) -> str:
    """A text with its digits apart, so that a model of words reads numbers digit by digit."""
    return re.sub(r"(?<=\d)(?=\d)", " ", text)


def written_by_people() -> list[tuple[str, str]]:
    """Question and solution of gsm8k's train, short ones alone."""
    made = [(row["question"], "\n".join(_steps(row["answer"]))) for row in _rows("train")]
    return [
        (prompt, text)
        for prompt, text in made
        if len(words_of(prompt)) <= LONGEST_PROMPT and len(words_of(text)) <= LONGEST
    ]


@cache
def solutions() -> dict[str, list[Solution]]:
    """Of each question that has both, its right and its wrong solutions, each text once."""
    made = {}
    for row in _rows("example_model_solutions"):
        found = {each.text: each for each in _of(row)}.values()
        if (
            len(words_of(row["question"])) <= LONGEST_PROMPT
            and len({each.right for each in found}) > 1
        ):
            made[row["question"]] = [*found]
    return made


def parted(seed: int) -> dict[str, list[Solution]]:
    """Train, validation and test: no question is in two of them."""
    return by_question(solutions(), seed)


def by_question(known: Mapping[str, Sequence[Solution]], seed: int) -> dict[str, list[Solution]]:
    """The parts of solutions that are told by their question."""
    order = np.random.default_rng(seed).permutation([*known])
    ends = np.round(np.cumsum([*PARTS.values()]) * len(order)).astype(int)
    parts = np.split(order, ends[:-1])
    return {
        name: [each for question in part for each in known[str(question)]]
        for name, part in zip(PARTS, parts, strict=True)
    }


def planted(every: Sequence[Solution], share: float, seed: int) -> list[Solution]:
    """The same with a `share` of all labels turned round."""
    turned = np.random.default_rng([seed, 1]).permutation(len(every)) < round(share * len(every))
    return [
        replace(each, right=each.right != bool(turn))
        for each, turn in zip(every, turned, strict=True)
    ]


def written(path: Path, every: Sequence[Solution]) -> Path:
    """As JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(each.row())}\n" for each in every), "utf-8")
    return path


def _of(row: dict[str, Any]) -> Iterator[Solution]:
    reference = _steps(row["ground_truth"])
    for by, found in row.items():
        if not isinstance(found, dict):
            continue
        made = Solution(
            row["question"], _steps(found["solution"]), found["is_correct"], by, reference
        )
        if made.steps and made.words <= LONGEST:
            yield made


def _steps(text: str) -> tuple[str, ...]:
    lines = (line.strip().replace("#### ", "A: ") for line in _MARK.sub("", text).split("\n"))
    return tuple(line for line in lines if line)


def _rows(name: str) -> list[dict[str, Any]]:
    lines = (folder("gsm8k") / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]
