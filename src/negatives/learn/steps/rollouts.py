"""Advantages of steps by rollouts, and pairs that begin at the step that lost the solution.

Setlur et al. 2024, RL on Incorrect Synthetic Data: from each prefix of a solution a model goes on n
times, and the share of those that end right is the value of the prefix,

    Q_i = right endings / n,   Q_0 from the prompt alone,   A_i = Q_i - Q_(i-1)

The *pit* is the first step that loses more than chance explains and after which nothing is won
back. There the state is the prompt with the steps before it; what the wrong solution goes on with
is rejected, a rollout from the same state that ended right is chosen, and DPO on such pairs is
advantage-weighted reinforcement learning. A difference of two shares of n has a standard deviation
of up to sqrt(2 Q (1 - Q) / n), .32 at n = 5: few rollouts find only deep pits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles
from negatives.errors import DataError, InputError
from negatives.models.causal_lm import CausalLM
from negatives.optional import torch

Check = Callable[[str], bool]
"""Whether a whole response, all its steps, is right."""
Explore = Callable[[Sequence[str]], Sequence[Sequence[str]]]
"""Prefixes -> of each, the texts that several rollouts from it went on with."""
PAIRS: Final = {"prompt": pl.String, "chosen": pl.String, "rejected": pl.String, "step": pl.Int64}


@dataclass(frozen=True)
class StepValues:
    """What each step of one response won or lost.

    values: float64[1 + steps], Q of the prompt alone and after each step; the last is whether the
    response is right. advantages: float64[steps]. pit: the step that lost it, from 1; 0: none.
    """

    values: Doubles
    advantages: Doubles
    pit: int


def step_values(values: Sequence[float], tries: int, *, least: float = 0.2) -> StepValues:
    """Advantages, and the pit.

    values: Q of the prompt and after each step, each of `tries` rollouts but the last. A step is
    the pit where it loses more than `least`, and more than one standard deviation of the two
    estimates, and no later value comes back to within `least` of the one before it.

    >>> from negatives.learn.steps.rollouts import step_values
    >>> found = step_values([0.5, 0.5, 0.6, 0.6, 0.1], tries=100)
    >>> found.advantages.round(6).tolist(), found.pit
    ([0.0, 0.1, 0.0, -0.5], 4)
    """
    q = np.asarray(values, np.float64)
    if len(q) < 2 or not ((q >= 0) & (q <= 1)).all():
        raise DataError(
            f"{len(q)} values of prefixes, which are shares of right rollouts",
            fix="give that of the prompt alone and one after each step, from 0 to 1",
        )
    if tries < 1 or not least >= 0:
        raise InputError(f"tries = {tries}, least = {least:g}", fix="tries from 1, least from 0")
    advantages = np.diff(q)
    middle = (q[1:] + q[:-1]) / 2
    noise = np.sqrt(2 * middle * (1 - middle) / tries)
    later = np.maximum.accumulate(q[:0:-1])[::-1]
    lost = (-advantages > np.maximum(least, noise)) & (later < q[:-1] - least)
    return StepValues(q, advantages, int(np.argmax(lost)) + 1 if lost.any() else 0)


@dataclass(frozen=True)
class Sampler:
    """Rollouts by a local causal model: `tries` texts that go on from each prefix.

    longest: tokens written, at most. The draws depend on `seed` and on the prefix's place.
    """

    model: CausalLM
    tries: int = 8
    longest: int = 128
    temperature: float = 0.7
    seed: int = 0

    def __post_init__(self) -> None:
        if self.tries < 1 or self.longest < 1 or not 0 < self.temperature < math.inf:
            raise InputError(
                f"tries = {self.tries}, longest = {self.longest}, temperature = "
                f"{self.temperature:g}",
                where="Sampler",
                fix="at least one try of at least one token, at a temperature above 0",
            )

    def __call__(self, prefixes: Sequence[str]) -> list[list[str]]:
        """Of each prefix, what it was gone on with."""
        return [self._from(prefix, place) for place, prefix in enumerate(prefixes)]

    def _from(self, prefix: str, place: int) -> list[str]:
        model = self.model
        read = [piece.token for piece in model.pieces(prefix)]
        room = model.longest - self.longest
        if room < 1:
            raise InputError(
                f"{self.longest:,} tokens cannot be written: the model reads {model.longest:,}",
                where=model.name,
                fix="ask for fewer tokens",
            )
        first = model.start
        tokens, mask = model.padded([read[-room:] or ([] if first is None else [first])])
        ends = [*model.ends] or None
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            torch.manual_seed(self.seed * 1_000_003 + place)
            made = model.net.generate(
                input_ids=tokens,
                attention_mask=mask,
                do_sample=True,
                temperature=self.temperature,
                top_k=0,
                num_return_sequences=self.tries,
                max_new_tokens=self.longest,
                pad_token_id=ends[0] if ends else 0,
                eos_token_id=ends,
            )
        return [model.text(row) for row in made[:, tokens.shape[1] :].tolist()]


def explored(
    prompt: str,
    steps: Sequence[str],
    right: Check,
    explore: Explore,
    *,
    least: float = 0.2,
) -> tuple[StepValues, list[dict[str, Any]]]:
    """The values of a response's steps, and the pair that begins at its pit: none or one row.

    steps: the response, a step a line. explore: a `Sampler`, or any function that goes on from
    prefixes. right: tells of a whole response. The row has `prompt` (with the steps before the
    pit), `chosen`, `rejected` and `step`. A line break stands between prompt and response, and
    between steps, as it does in training by default (`train.between`): both sides of a pair have
    the same tokens before them, those that the rollouts had.
    """
    if not steps or any("\n" in step or not step.strip() for step in steps):
        raise DataError(
            "a step is empty or has several lines", fix="give the steps of a response, a line each"
        )
    heads = ["".join(f"{step}\n" for step in steps[:at]) for at in range(len(steps))]
    rolled = explore([f"{prompt}\n{head}" for head in heads])
    if len(rolled) != len(heads):
        raise DataError(
            f"{len(heads)} prefixes were gone on from, and there are rollouts of {len(rolled)}",
            fix="give the rollouts of each prefix, in order",
        )
    judged = [
        [right(f"{head}{text}") for text in texts]
        for head, texts in zip(heads, rolled, strict=True)
    ]
    if not all(judged):
        raise DataError("from one of the prefixes nothing was tried", fix="try each, and equally")
    ended = right("\n".join(steps))
    shares = [float(np.mean(each)) for each in judged]
    found = step_values([*shares, float(ended)], min(map(len, judged)), least=least)
    if not found.pit or ended:
        return found, []
    at = found.pit - 1
    rejected = "\n".join(steps[at:])
    good = (
        text.strip("\n")
        for text, well in zip(rolled[at], judged[at], strict=True)
        if well and text.strip() and text.strip("\n") != rejected
    )
    chosen = next(good, None)
    if chosen is None:
        return found, []
    said = f"{prompt}\n{heads[at]}".removesuffix("\n")
    row = {"prompt": said, "chosen": chosen, "rejected": rejected, "step": found.pit}
    return found, [row]


def per_step_pairs(
    solutions: Sequence[tuple[str, Sequence[str], Check]],
    explore: Explore,
    *,
    least: float = 0.2,
) -> pl.DataFrame:
    """Pairs of many wrong responses: each a prompt, its steps, and what tells of a right one.

    A frame of prompt, chosen, rejected and step (from 1), one row for each response with a pit;
    none for a response that is right, nor for a prompt that is never or always solved.
    """
    rows: list[dict[str, Any]] = []
    for prompt, steps, right in solutions:
        rows += explored(prompt, steps, right, explore, least=least)[1]
    return pl.DataFrame(rows, schema=PAIRS)
