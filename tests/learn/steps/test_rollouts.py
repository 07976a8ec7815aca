"""Advantages of steps by rollouts: the page's numbers, a maze that is known, and a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import NegativesError
from negatives.learn.request import completed
from negatives.learn.sequence.examples import Responses, compared
from negatives.learn.sequence.preference import DPO
from negatives.learn.steps.rollouts import Sampler, explored, per_step_pairs, step_values
from negatives.learn.train import train
from negatives.models.causal_lm import CausalLM
from negatives.read import load
from negatives.recipe import load_recipe
from tests.models.tiny_lm import tiny_llama

MAZE = {"a": "bc", "b": "de", "c": "e", "d": "*", "e": "."}
"""From d it is solved, from e lost: the value of a is 1/4 of b's two ways, and c has none."""


@pytest.mark.method("per-step-negatives")
def test_advantages_add_up_and_the_pit_is_the_step_that_lost_most() -> None:
    found = step_values([0.5, 0.5, 0.6, 0.6, 0.1], tries=100)
    assert found.advantages.round(9).tolist() == [0, 0.1, 0, -0.5]
    assert found.pit == 4
    assert step_values([0.5, 0.1, 0.6, 0.0], tries=100).pit == 3, "what was won back is no pit"
    assert step_values([0.5, 0.25, 0.0], tries=2).pit == 0, "two rollouts cannot tell"
    for values, tries in (([0.5], 4), ([0.5, 1.2], 4), ([0.5, 0.2], 0)):
        with pytest.raises(NegativesError):
            step_values(values, tries)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_the_sum_of_advantages_is_what_was_won_in_all(values: list[float]) -> None:
    found = step_values(values, tries=10)
    assert found.advantages.sum() == pytest.approx(values[-1] - values[0])
    naive = [
        at
        for at in range(1, len(values))
        if values[at - 1] - values[at]
        > max(0.2, (2 * (m := (values[at] + values[at - 1]) / 2) * (1 - m) / 10) ** 0.5)
        and all(later < values[at - 1] - 0.2 for later in values[at:])
    ]
    assert found.pit == (naive[0] if naive else 0)


def walks(prefixes: Sequence[str], tries: int = 400) -> list[list[str]]:
    """Random walks in the maze, from where a prefix ends."""
    draw = np.random.default_rng(0)
    made: list[list[str]] = []
    for prefix in prefixes:
        texts = []
        for _ in range(tries):
            at, path = prefix.strip().split("\n")[-1], []
            while at not in "*.":
                at = str(draw.choice([*MAZE[at]]))
                path.append(at)
            texts.append("\n".join(path))
        made.append(texts)
    return made


def solved(response: str) -> bool:
    return response.strip().endswith("*")


def test_in_a_maze_the_pit_is_the_edge_that_leaves_what_can_be_solved() -> None:
    found, rows = explored("a", ["b", "e", "."], solved, walks)
    assert found.values[:2].tolist() == pytest.approx([0.25, 0.5], abs=0.08)
    assert found.values[2:].tolist() == [0, 0]
    assert found.pit == 2
    (row,) = rows
    assert (row["prompt"], row["rejected"], row["step"]) == ("a\nb", "e\n.", 2)
    assert row["chosen"] == "d\n*"
    assert explored("a", ["b", "d", "*"], solved, walks)[1] == [], "nothing was lost"
    assert explored("c", ["e", "."], solved, walks)[1] == [], "nothing could be won"


def test_pairs_are_read_with_the_steps_before_them_in_the_prompt(tmp_path: Path) -> None:
    frame = per_step_pairs([("a", ["b", "e", "."], solved)] * 2, walks).unique()
    frame.write_ndjson(tmp_path / "pairs.jsonl")
    found = compared(Responses.of(load(tmp_path / "pairs.jsonl")), DPO(), 1)
    assert found.of(0) == ("a\nb", ["d\n*"], ["e\n."])


@pytest.mark.slow
def test_a_model_that_learned_to_count_finds_the_step_that_miscounts(tmp_path: Path) -> None:
    rows = [{"prompt": f"{n}?", "response": f"{n}\n{n + 1}\n{n + 2}"} for n in range(7)]
    path = tmp_path / "count.jsonl"
    path.write_text("".join(json.dumps({**row, "label": True}) + "\n" for row in rows), "utf-8")
    changes = (
        "learn.kind=likelihood", "train.steps=150", "train.batch_size=7",
        "train.learning_rate=0.005", "train.schedule=constant",
    )  # fmt: skip
    chosen = completed(load_recipe("default"), tiny_llama(), "language-model", changes)
    out = tmp_path / "m"
    train(
        path, out, model=tiny_llama(), recipe=chosen, threads=1, device="cpu", look=False,
        emit=lambda _: None,
    )  # fmt: skip
    roll = Sampler(CausalLM(str(out), device="cpu"), tries=8, longest=8, temperature=0.5)
    found, pairs = explored("3?", ["3", "9", "5x"], lambda said: said.strip() == "3\n4\n5", roll)
    assert found.values[0] > 0.7
    assert found.pit == 2
    assert pairs == [{"prompt": "3?\n3", "chosen": "4\n5", "rejected": "9\n5x", "step": 2}]


@pytest.mark.slow
def test_rollouts_are_the_same_again_and_leave_other_draws_alone() -> None:
    import torch

    roll = Sampler(CausalLM(tiny_llama(), device="cpu"), tries=3, longest=5)
    torch.manual_seed(1)
    before = torch.rand(1).item()
    torch.manual_seed(1)
    first = roll(["one", ""])
    assert torch.rand(1).item() == before
    assert first == roll(["one", ""])
    assert [len(each) for each in first] == [3, 3]
    assert len({*first[0]}) > 1
    with pytest.raises(NegativesError, match="cannot be written"):
        Sampler(CausalLM(tiny_llama(), device="cpu"), longest=600)(["x"])
