"""Useful steps of failed trajectories: where a weaker agent succeeds only after them.

Lan et al. 2025, Exploring Expert Failures (EEF): an expert's trajectory that failed is replayed up
to every l-th of its actions, and from each of these states the agent tries to finish. Where it
fails from one state and succeeds from the next, the expert's actions between the two were what was
lacking: these are learned, with what the agent did to finish, and the rest is not. A reconstruction
from the abstract; an agent that succeeds once may have been lucky, so that it tries several times,
and the share of its successes must rise by a `margin`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import polars as pl

from negatives.arrays import Bools
from negatives.errors import DataError, InputError

Agent = Callable[[str, int], str]
"""What was seen and done so far, and the number of the try -> the next action."""
ROWS: Final = {"prompt": pl.String, "response": pl.String, "by": pl.String}


class Environment(Protocol):
    """A task that can be begun again, and comes to the same states by the same actions."""

    def begin(self) -> str:
        """Begin anew; what is seen at first."""

    def act(self, action: str) -> tuple[str, bool, bool]:
        """What is seen after an action, whether it is over, and whether the task is solved."""


@dataclass(frozen=True)
class Failure:
    """An expert's trajectory that came to nothing: its actions, and where they were performed.

    seen: what the expert saw at first and after each action, to tell whether a replay comes to the
    same; empty: not known.
    """

    environment: Environment
    actions: Sequence[str]
    seen: Sequence[str] = ()


def useful(successes: Sequence[float], *, margin: float = 0.5) -> Bools:
    """bool[segments]: whether the expert's actions between two states are what was lacking.

    successes: float[1 + segments], the agent's share of successes from each state, from the
    beginning on. Of several rises the first counts, which needs the least of the expert; an agent
    that succeeds from the beginning needs nothing of it.

    >>> from negatives.learn.steps.trajectories import useful
    >>> useful([0, 0, 1, 1]).tolist(), useful([1, 1, 1]).tolist(), useful([0, 0]).tolist()
    ([False, True, False], [False, False], [False])
    """
    q = np.asarray(successes, np.float64)
    if not 0 < margin <= 1:
        raise InputError(f"a margin of {margin:g}", where="margin", fix="above 0, at most 1")
    if not ((q >= 0) & (q <= 1)).all():
        raise DataError(
            "a share of successes is not from 0 to 1", fix="give the successes divided by the tries"
        )
    rises = np.diff(q) >= margin
    if not rises.any() or q[0] >= margin:
        return np.zeros(len(rises), bool)
    return np.asarray(np.arange(len(rises)) == np.argmax(rises))


def learnable(
    failures: Sequence[Failure],
    agent: Agent,
    *,
    every: int = 4,
    tries: int = 3,
    margin: float = 0.5,
    longest: int = 50,
) -> pl.DataFrame:
    """Rows to learn from: each useful action of an expert, and each of the agent's that finished.

    A frame of prompt (all that was seen and done before), response (the action) and by (expert or
    agent). Observations and useless actions are in prompts alone, which are never predicted. every:
    actions between two states that are tried from. longest: actions of the agent, at most. Raises
    `DataError` where a replay sees something else than the expert saw.
    """
    if every < 1 or tries < 1 or longest < 1:
        raise InputError(
            f"every = {every}, tries = {tries}, longest = {longest}", fix="each is from 1"
        )
    rows: list[dict[str, Any]] = []
    for number, failure in enumerate(failures):
        starts = [*range(0, len(failure.actions), every)]
        shares: list[float] = []
        finished: list[dict[str, str]] = []
        for start in starts:
            ways = [_finish(failure, start, agent, at, longest, number) for at in range(tries)]
            done = [way for way in ways if way is not None]
            shares.append(len(done) / tries)
            if shares[-1] >= margin and done:
                finished = min(done, key=len)
                break  # from later states on it would need more of the expert
        kept = np.flatnonzero(useful(shares, margin=margin))
        if not len(kept):
            continue
        first = starts[int(kept[-1])]
        history = _replayed(failure, starts[len(shares) - 1], number)[1]
        rows += [
            {"prompt": before, "response": action, "by": "expert"}
            for before, action in history[first:]
        ]
        rows += [{**row, "by": "agent"} for row in finished]
    return pl.DataFrame(rows, schema=ROWS)


def _replayed(failure: Failure, stop: int, number: int) -> tuple[str, list[tuple[str, str]], bool]:
    """The text after `stop` actions of the expert, each with what was before it; whether it goes
    on.
    """
    text, history, over = failure.environment.begin(), [], False
    _refuse_other(failure, 0, text, number)
    for at, action in enumerate(failure.actions[:stop]):
        history.append((text, action))
        seen, over, _ = failure.environment.act(action)
        _refuse_other(failure, at + 1, seen, number)
        text = f"{text}\n{action}\n{seen}"
    return text, history, not over


def _finish(
    failure: Failure, start: int, agent: Agent, attempt: int, longest: int, number: int
) -> list[dict[str, str]] | None:
    """The agent's actions from a state on, each behind what was before it; None: not solved."""
    text, _, goes_on = _replayed(failure, start, number)
    made: list[dict[str, str]] = []
    while goes_on and len(made) < longest:
        action = agent(text, attempt)
        made.append({"prompt": text, "response": action})
        seen, over, solved = failure.environment.act(action)
        if solved:
            return made
        text, goes_on = f"{text}\n{action}\n{seen}", not over
    return None


def _refuse_other(failure: Failure, at: int, seen: str, number: int) -> None:
    if failure.seen and (at >= len(failure.seen) or failure.seen[at] != seen):
        raise DataError(
            f"trajectory {number:,}, replayed, comes after {at} actions to another state than the "
            "expert's",
            fix="give an environment that begins again as it began, and does the same on the same "
            "actions",
        )
