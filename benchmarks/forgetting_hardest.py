"""Worst-case forget sets: whether the items that are found hardest to forget are harder to forget.

Part of the benchmark `forgetting`, whose original begins. Sets of a third of all answers are
forgotten as in its table, by NPO with what is kept: the set that
`worst_case` finds by steps of another kind, the answers that the original knows best, and sets
drawn by chance.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any, Final

import numpy as np
import torch

from benchmarks.forgetting_ways import as_read, begun, nll, opened, sides
from benchmarks.unlearning import ARMS, FORGET, WORK, learned, written
from negatives.learn.unlearn.worst_case import worst_case
from negatives.measure.responses import at_equal_forgetting

BY: Final = ("NPO + RT",)
CHANCE: Final = 2
STEPS: Final = 40
LEVEL: Final = 3.5
"""Nats a token at which an answer counts as half forgotten, about what it is in the table."""


def losses_of(model: Any) -> Any:
    """The loss of each item by a network: float[items] of what `as_read` made."""
    pairs = [*sides()["forgotten"], *sides()["kept"]]
    longest = max(len(model.pieces(a + b)) for a, b in pairs)
    read = as_read(model, pairs, longest)
    tokens, counts = read[:, 0], read[:, 1]

    def losses(net: Any) -> Any:
        states = net.model(
            input_ids=tokens.clamp(min=0), attention_mask=(tokens >= 0).long(), use_cache=False
        ).last_hidden_state
        row, place = counts.nonzero(as_tuple=True)
        each = torch.nn.functional.cross_entropy(
            net.lm_head(states[row, place]), tokens[row, place + 1], reduction="none"
        )
        summed = torch.zeros(len(tokens)).index_add(0, row, each)
        return summed / counts.sum(1)

    return losses


def figures(seed: int) -> dict[str, Any]:
    """The sets of one seed, and how they are forgotten."""
    original = begun(seed)[1]
    model = opened(original)
    pairs = [*sides()["forgotten"], *sides()["kept"]]
    before = np.array(nll(model, pairs))
    hardest = worst_case(
        model.net, losses_of(model), FORGET, rounds=10, steps=5, sign_rate=3e-4, seed=seed
    )
    draw = np.random.default_rng(seed)
    sets = {
        "the worst case": np.sort(hardest.items),
        "known best": np.sort(np.argsort(before, kind="stable")[:FORGET]),
        **{f"by chance {at}": np.sort(draw.choice(len(pairs), FORGET, replace=False))
           for at in range(CHANCE)},
    }  # fmt: skip
    found: dict[str, Any] = {
        "items": {name: items.tolist() for name, items in sets.items()},
        "words": {name: mean(len(pairs[at][1].split()) for at in items)
                  for name, items in sets.items()},
    }  # fmt: skip
    for name, items in sets.items():
        for by in BY:
            found[f"{name}, {by}"] = forgotten(original, name, items.tolist(), by, seed)
    return found


def forgotten(
    original: Path, name: str, items: Sequence[int], by: str, seed: int
) -> dict[str, float | None]:
    """When a set is half forgotten, what is kept then, and both in the end."""
    pairs, lost = [*sides()["forgotten"], *sides()["kept"]], {*items}
    plain = f"{name} {by}".lower().replace(" + ", "-").replace(" ", "-")
    source = written(
        WORK / str(seed) / f"{plain}.jsonl",
        [(prompt.strip(), answer, at not in lost) for at, (prompt, answer) in enumerate(pairs)],
    )
    out = learned(
        plain, original, source, seed, STEPS, *ARMS[by], "train.evaluate=4",
        "train.learning_rate=0.0003", dev=source,
    )  # fmt: skip
    seen = json.loads((out / "training.json").read_text())["figures"]
    half = at_equal_forgetting(seen, LEVEL)
    return {
        "steps": None if half is None else half["step"],
        "kept": None if half is None else half["right_nll"],
        "forgotten at the end": seen[-1]["wrong_nll"],
        "kept at the end": seen[-1]["right_nll"],
    }
