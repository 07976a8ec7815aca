"""Steps of wrong solutions and of failed attempts, pairs by ratings, and a teacher from the future.

The task is known: a number below 31 and five digits are added, step by step. A Llama of random
weights (128 numbers wide, two layers, a number a token) learns 1,000 sums for so few steps that it
gets a part of new ones wrong; every arm begins with it, has as many steps and as many responses a
step, and chooses its learning rate on 150 sums; 300 others test. *The step that lost it*:
of one wrong solution each of up to 60 sums that the model wrote itself, which step is named: by
rollouts (4 or 8 from each step), by SPARE's rules beside a right solution (as it is written;
with words for + and =, so that no equation can be checked; with a reference that adds from the
other end; both), by the least probable step and by the last one, as controls. *Failed experts*: a
line of a solution is an action, and the expert is the same model that learned longer and still
fails some sums. *Ratings*: made solutions with wrong results, disorder and repetition, rated with
noise. *A teacher from the future*: not the sums but scikit-learn's digits, five a class labelled.

NEGATIVES_BENCH_SEEDS says how often (3). Models and figures are kept in .cache/benchmarks/steps,
seed by seed, and what is there is not done again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from statistics import mean
from typing import Final

import torch

from benchmarks import steps_attributes, steps_experts, steps_future, steps_lost
from benchmarks.data import CACHE
from benchmarks.forgetting import SEEDS, Found, once, spread
from benchmarks.page import write_page

WORK: Final = CACHE / "steps"
RATE: Final = -1
"""Places of a learning rate: it is told as it is."""


def rows(every: Found, names: list[str], keys: tuple[tuple[str, int], ...]) -> Iterator[str]:
    """A row of a table for each name: figures and their places, empty where there is none."""
    for name in names:
        cells = [_cell([each[name][key] for each in every if key in each[name]], places)
                 for key, places in keys]  # fmt: skip
        yield f"| {name.partition(': ')[2] or name} | {' | '.join(cells)} |"


def _cell(values: list[float], places: int) -> str:
    """Rates, which have no places, one by one; of other figures the mean and the range."""
    if not values or not any(values):
        return "" if places == RATE or not values else spread(values, places)
    return ", ".join(f"{each:g}" for each in values) if places == RATE else spread(values, places)


def head(*names: str) -> Iterator[str]:
    """The head of a table."""
    yield from ("", f"| {' | '.join(names)} |", f"|---|{'---|' * (len(names) - 1)}")


def lost(every: Found) -> Iterator[str]:
    """Which step lost a solution, and what is learned from it."""
    sizes = {key: mean(each["sizes"][key] for each in every) for key in every[0]["sizes"]}
    yield from ("## the step that lost it", "")
    yield (
        f"{sizes['wrong']:.0f} wrong solutions a seed, with {sizes['steps right']:.1f} right steps "
        f"of five before the first wrong one; *alarms* are of {sizes['right']:.0f} right ones. "
        "Rollouts name none in a solution that ends right. Shares."
    )
    yield from head("named by", "found", "too early", "too late", "none named", "alarms")
    names = [name for name in every[0] if name.startswith("step: ")]
    keys = (("found", 2), ("too early", 2), ("too late", 2), ("none", 2), ("alarms", 2))
    yield from rows(every, names, keys)
    yield from ("", "## what is learned from it", "")
    yield (
        f"{steps_lost.STEPS} steps of {steps_lost.BATCH} responses, a pair being two. Accuracy: "
        "the most probable solution comes to the right sum. A pair from a step has the steps "
        "before it in its prompt. *In truth* is the bound of what labels of steps can do."
    )
    yield from head("learns from", "rows", "rate", "held-out accuracy")
    names = [name for name in every[0] if name.startswith("arm: ")]
    yield from rows(every, names, (("rows", 0), ("rate", RATE), ("accuracy", 3)))
    yield ""


def experts(every: Found) -> Iterator[str]:
    """What failures of an expert are worth."""
    of = {key: mean(each["failures"][key] for each in every) for key in every[0]["failures"]}
    yield from ("## failed experts", "")
    yield (
        f"{of['failures']:.0f} failures are looked at, of {of['of tasks']:.0f} tasks a seed. "
        f"{of['right']:.0%} of their {of['actions']:.0f} actions are right in truth. Of the "
        f"expert's, {of['kept of the expert']:.0f} are kept, {of['kept of the expert, right']:.0%} "
        f"of them right; the agent's own that finished are {of['added of the agent']:.0f}, "
        f"{of['added of the agent, right']:.0%} right. {steps_experts.STEPS} steps of "
        f"{steps_experts.BATCH} actions."
    )
    yield from head("learns from", "rows", "rate", "held-out success")
    names = [name for name in every[0] if name != "failures"]
    yield from rows(every, names, (("rows", 0), ("rate", RATE), ("success", 3)))
    yield ""


def ratings(every: Found) -> Iterator[str]:
    """Pairs by several ratings."""
    yield from ("## ratings", "")
    yield (
        f"Pairs of {steps_attributes.EACH} made solutions a question, of 350 questions; *agree* is "
        f"the share whose chosen one is better in truth. {steps_attributes.STEPS} steps of 8 pairs "
        "by DPO; held-out pairs by the truth. The start is asked which is more probable."
    )
    yield from head("pairs by", "pairs", "agree", "rate", "held-out pairs right")
    keys = (("pairs", 0), ("agree", 3), ("rate", RATE), ("accuracy", 3))
    yield from rows(every, [*every[0]], keys)
    yield ""


def teachers(every: Found) -> Iterator[str]:
    """A teacher from the future."""
    yield from ("## a teacher from the future", "")
    yield (
        f"{steps_future.STEPS} steps; a step of the teacher from the future costs two gradients. "
        f"The momentum is one of {' and '.join(f'{each:g}' for each in steps_future.MOMENTA)}, "
        "chosen on 100 other digits."
    )
    yield from head("arm", "accuracy", "of the teacher itself", "momentum")
    for name in steps_future.ARMS:
        keys = (name, f"{name}: the teacher itself", f"{name}: momentum")
        cells = (spread([each[key] for each in every]) if key in every[0] else "" for key in keys)
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Measure what is not kept, and write the page."""
    torch.set_num_threads(1)
    os.environ["NEGATIVES_CACHE"] = str((WORK / "store").absolute())
    lines = [
        f"Seeds: {SEEDS}. Of several, means with the smallest and largest. A learning rate that is "
        "the lowest of those tried may still be too high.", "",
        *lost(once("lost", partial(steps_lost.studied, WORK), WORK)),
        *experts(once("experts", partial(steps_experts.studied, WORK), WORK)),
        *ratings(once("attributes", partial(steps_attributes.studied, WORK), WORK)),
        *teachers(once("future", steps_future.studied, WORK)),
    ]  # fmt: skip
    write_page("steps", "Steps, ratings and teachers", __doc__, lines)


if __name__ == "__main__":
    main()
