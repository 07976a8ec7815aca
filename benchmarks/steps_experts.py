"""Useful steps of an expert that failed: what they are worth to a weaker agent.

A task is a sum, an action the next line of its solution; it is solved where the last line has the
right sum. The expert is the agent's own model that learned longer; it is sampled, and fails some
tasks. The agent learns, at equal steps, from what the expert solved alone, with what `learnable`
keeps of its failures, or with all that it did in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.chains import (
    Numbers,
    answers,
    asked,
    ends_right,
    learned,
    opened,
    steps_of,
    written,
)
from benchmarks.steps_lost import Parts, start
from negatives.learn.steps.trajectories import Failure, learnable
from negatives.models.causal_lm import CausalLM

FURTHER: Final = 60
"""Steps that the expert has learned behind the agent's."""
TASKS: Final = 250
"""That the expert tries."""
FAILURES: Final = 40
ACTION: Final = 5
"""Tokens of an action."""
STEPS, BATCH, RATES = 60, 16, (1e-4, 5e-4)
TEMPERATURE: Final = 0.7
Figures = dict[str, float]


@dataclass
class Adding:
    """The task: the question is seen at first, and nothing new after an action."""

    numbers: Numbers
    said: list[str] = field(default_factory=list)

    def begin(self) -> str:
        """The question."""
        self.said = []
        return asked(self.numbers)

    def act(self, action: str) -> tuple[str, bool, bool]:
        """Nothing; over after a step for each addition, and solved where it is right to the end."""
        self.said.append(action)
        over = len(self.said) == len(self.numbers) - 1
        return "", over, over and ends_right(self.numbers, "\n".join(self.said))


def rows_of(numbers: Numbers, actions: Sequence[str]) -> list[dict[str, Any]]:
    """Each action behind all that was seen and done before."""
    task = Adding(numbers)
    text, made = task.begin(), []
    for action in actions:
        made.append({"prompt": text, "response": action, "label": True})
        text = f"{text}\n{action}\n{task.act(action)[0]}"
    return made


def played(
    model: CausalLM, tasks: Iterable[Numbers], seed: int, temperature: float = 0.0
) -> list[tuple[list[str], bool]]:
    """What a model does in each of some tasks, all at once, and whether that solves it."""
    games = [Adding(numbers) for numbers in tasks]
    texts = [game.begin() for game in games]
    done: list[list[str]] = [[] for _ in games]
    solves: list[bool] = []
    for turn in range(len(games[0].numbers) - 1):
        said = answers(model, texts, temperature=temperature, seed=10 * seed + turn, longest=ACTION)
        after = [game.act(action) for game, action in zip(games, said, strict=True)]
        for own, action in zip(done, said, strict=True):
            own.append(action)
        texts = [
            f"{text}\n{action}\n{seen}"
            for text, action, (seen, _, _) in zip(texts, said, after, strict=True)
        ]
        solves = [solved_it for _, _, solved_it in after]
    return list(zip(done, solves, strict=True))


def success(model: Path, tasks: Sequence[Numbers]) -> float:
    """How often the most probable actions solve a task."""
    return float(np.mean([well for _, well in played(opened(model), tasks, 0)]))


def studied(work: Path, seed: int) -> dict[str, Figures]:
    """What each arm comes to, and what is kept of the failures."""
    parts, folder = Parts.of(seed), work / str(seed)
    agent = start(work, parts, seed)
    expert = learned(
        folder / "expert", agent, folder / "start.jsonl", steps=FURTHER, rate=1e-3, batch=BATCH,
        seed=seed + 1,
    )  # fmt: skip
    tasks = parts.drawn[:TASKS]
    tried = list(zip(tasks, played(opened(expert), tasks, seed, 1.0), strict=True))
    solved_rows = [row for numbers, (actions, well) in tried if well
                   for row in rows_of(numbers, actions)]  # fmt: skip
    failed = [(numbers, actions) for numbers, (actions, well) in tried if not well][:FAILURES]
    weak = opened(agent)

    def act(text: str, attempt: int) -> str:
        return answers(
            weak, [text], temperature=TEMPERATURE, seed=1000 * seed + attempt, longest=ACTION
        )[0]

    kept = learnable(
        [Failure(Adding(numbers), actions) for numbers, actions in failed], act, every=1
    )
    useful = [{"prompt": row["prompt"], "response": row["response"], "label": True}
              for row in kept.to_dicts()]  # fmt: skip
    all_of = [row for numbers, actions in failed for row in rows_of(numbers, actions)]
    # In one response what follows on itself: an action does not end a solution.
    arms = {
        "what the expert solved": solved_rows,
        "and useful steps of its failures": [*solved_rows, *useful],
        "and all steps of its failures": [*solved_rows, *all_of],
    }
    by_expert = [row for row in kept.to_dicts() if row["by"] == "expert"]
    made: dict[str, Figures] = {
        "failures": {
            "failures": float(len(failed)),
            "of tasks": float(len(tried)),
            "actions": float(len(all_of)),
            "right": float(np.mean([sound(row) for row in all_of])),
            "kept of the expert": float(len(by_expert)),
            "kept of the expert, right": float(np.mean([sound(row) for row in by_expert]))
            if by_expert else float("nan"),
            "added of the agent": float(len(useful) - len(by_expert)),
            "added of the agent, right": float(
                np.mean([sound(row) for row in kept.to_dicts() if row["by"] == "agent"])
            ) if len(useful) > len(by_expert) else float("nan"),
        },
        "the expert": {"success": success(expert, parts.tested), "rows": 0.0, "rate": 0.0},
        "the agent": {"success": success(agent, parts.tested), "rows": 0.0, "rate": 0.0},
    }  # fmt: skip
    for name, rows in arms.items():
        plain = name.replace(" ", "-")
        once = {(row["prompt"], row["response"]): row for row in joined(rows)}
        source = written(folder / f"{plain}.jsonl", once.values())
        found = []
        for rate in RATES:
            out = learned(folder / f"{plain}-{rate}", agent, source, steps=STEPS, rate=rate,
                          batch=BATCH, seed=seed)  # fmt: skip
            found.append((success(out, parts.chosen), -rate, out))
        _, less, best = max(found)
        made[name] = {
            "success": success(best, parts.tested), "rows": float(len(once)), "rate": -less,
        }  # fmt: skip
    return made


def joined(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Actions that follow on one another as one response behind what was before the first."""
    made: list[dict[str, Any]] = []
    goes_on = ""
    for row in rows:
        if made and row["prompt"] == goes_on:
            made[-1] = {**made[-1], "response": f"{made[-1]['response']}\n{row['response']}"}
        else:
            made.append(dict(row))
        goes_on = f"{row['prompt']}\n{row['response']}\n"
    return [row for row in made if row["response"].strip()]


def sound(row: dict[str, Any]) -> bool:
    """Whether an action comes to the sum of the numbers so far."""
    lines = str(row["prompt"]).split("\n")  # the question; an action and what is seen, each
    numbers = [int(word) for word in lines[0].split(" + ")]
    found = steps_of(row["response"])
    return bool(found) and int(found[0].split()[-1]) == sum(numbers[: (len(lines) - 1) // 2 + 2])
