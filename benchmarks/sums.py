"""Right and wrong sums, written by a model itself: which losses learn to tell them, and which do so
although labels are wrong.

Where `responses` has solutions of gsm8k, which are too hard for a model that is trained in minutes,
here a number below 31 and five digits are added, step by step, and the truth is known. A Llama of
random weights (128 numbers wide, two layers, a number a token) learns 1,000 sums for 200 steps, and
is the *start* of all arms. Of 2,400 other questions it draws eight solutions each at temperature 1;
those questions stay of which some are right and some are wrong, with at most two of each side.
They are parted (55, 15 and 30%), anew for every seed. Each arm has 120 steps of 8 responses (a pair
is two), its recipe as it is shipped but for model, steps, batch and learning rate, of which three
are tried at the first seed without errors, on the verifier of the validation part. Columns are
those of `responses`: of the test part, which nothing else sees, the negative log-likelihood of a
token of right and of wrong solutions; the *gap* of the two; the *verifier*, how often a right
solution has the higher mean log-probability than a wrong one of its question (.5 is chance). Labels
are turned round, right to wrong and wrong to right alike, in the train part only.

NEGATIVES_BENCH_SEEDS says how often (3), NEGATIVES_BENCH_PLANTED how many of the shares 0, .2 and
.1 of labels are turned (3), NEGATIVES_BENCH_TOY=1 cuts all steps to a few. Figures are kept in
.cache/benchmarks/sums, seed by seed, and what is there is not done again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch

from benchmarks.chains import (
    Numbers,
    answers,
    asked,
    begun,
    ends_right,
    opened,
    questions,
    solved,
    steps_of,
    well_formed,
    wrong_from,
)
from benchmarks.data import CACHE
from benchmarks.figures import package
from benchmarks.page import write_page
from benchmarks.solutions import Solution, by_question
from benchmarks.told_responses import lines, packaged
from benchmarks.verifying import ARMS, PLANTED, PUT_IN, START, Task
from negatives.store.atomic import write_json

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
TOY = bool(os.environ.get("NEGATIVES_BENCH_TOY"))
WORK = CACHE / ("sums-toy" if TOY else "sums")
LEARNED, DRAWN = (1000, 300) if TOY else (1000, 2400)
"""Questions that the start learns, and those that it draws solutions of."""
BEGINNING, STEPS = (200, 2) if TOY else (200, 120)
TRIES, EACH = 8, 2
"""Solutions that are drawn of a question, and how many of a side are kept."""
RATES = (1e-5, 1e-4, 1e-3)
TRIED = int(os.environ.get("NEGATIVES_BENCH_PLANTED", "3"))


@dataclass(frozen=True)
class Sum(Solution):
    """A solution of known truth: a number is a word."""

    numbers: Numbers = ()

    @property
    def pair(self) -> tuple[str, str]:
        """The prompt and the response, as a model reads them."""
        return self.question, self.text

    def row(self) -> dict[str, Any]:
        """A line of JSON; of one that is labelled wrong and is not, the last step is."""
        lost = wrong_from(self.numbers, self.steps) or len(self.steps)
        labels = [self.right or at < lost for at in range(1, len(self.steps) + 1)]
        return {"prompt": self.question, "steps": [*self.steps], "labels": labels}


def start(folder: Path, seed: int) -> Path:
    """The model that all arms of a seed begin with."""
    rows = ({"prompt": asked(each), "response": "\n".join(solved(each)), "label": True}
            for each in questions(LEARNED + DRAWN, seed)[:LEARNED])  # fmt: skip
    return begun(folder / "start", rows, steps=BEGINNING, seed=seed, more=PUT_IN)


def drawn(seed: int) -> Iterator[Sum]:
    """Solutions of the right form that the start drew: some of each side of each question."""
    folder = WORK / str(seed)
    kept = folder / "drawn.json"
    asked_for = questions(LEARNED + DRAWN, seed)[LEARNED:]
    if not kept.is_file():
        model, prompts = opened(start(folder, seed)), [asked(each) for each in asked_for]
        every = (answers(model, prompts, temperature=1.0, seed=TRIES * seed + at)
                 for at in range(TRIES))  # fmt: skip
        write_json(kept, [list(texts) for texts in zip(*every, strict=True)])
    for numbers, texts in zip(asked_for, msgspec.json.decode(kept.read_bytes()), strict=True):
        wrote = [text for text in dict.fromkeys(texts) if well_formed(text)]
        sides = [[text for text in wrote if ends_right(numbers, text) == right]
                 for right in (True, False)]  # fmt: skip
        for side, right in zip(sides, (True, False), strict=True):
            for text in side[:EACH] if all(sides) else ():
                steps = tuple(steps_of(text))
                reference = tuple(solved(numbers))
                yield Sum(asked(numbers), steps, right, START, reference, numbers)


def parts(seed: int) -> dict[str, list[Solution]]:
    """Train, validation and test: no question is in two of them."""
    every: dict[str, list[Solution]] = {}
    for each in drawn(seed):
        every.setdefault(each.question, []).append(each)
    return by_question(every, seed)


TASK = Task(WORK, STEPS, RATES, start, parts)


def main() -> None:
    """Measure, and write the page."""
    os.environ["NEGATIVES_CACHE"] = str(WORK / "store")
    torch.set_num_threads(1)
    for share in PLANTED[:TRIED]:
        every = [TASK.figures(seed, share) for seed in range(SEEDS)]
    told = ["## sums", "", *lines(every, [*ARMS], PLANTED, START, authors=False)]
    if not TOY:
        package("sums", packaged(every, ARMS, "sums", "Right and wrong sums of a model itself"))
        write_page("sums", "Right and wrong sums", __doc__, told)
    print("\n".join(told))
