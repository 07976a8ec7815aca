"""Which model writes for which query, and asking again until a passage is hard."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import negatives as neg
from negatives.arrays import Doubles
from negatives.generator import written
from negatives.make.worth import worth
from negatives.schema import Collection
from negatives.stats.kernel_ucb import KernelUCB
from tests.build import collection, context
from tests.models.chat_server import ChatServer, completion, shown

DOCS = {
    "a": "how heat does pass: heat does pass slowly, and how slowly does heat pass",
    "b": "when dough does rise: bread dough does rise warm, and when does dough rise",
}
TIMES = ("now", "here", "then", "again", "today", "well")
ASKED = {f"q{n}": f"how does heat pass {word}" for n, word in enumerate(TIMES)} | {
    f"r{n}": f"when does dough rise {word}" for n, word in enumerate(TIMES)
}
JUDGED = [(name, "a" if name[0] == "q" else "b", 1) for name in ASKED]


@pytest.fixture
def data() -> Collection:
    """Queries of two sorts."""
    return collection(DOCS, ASKED, JUDGED)


def naive_bound(seen: list[tuple[Doubles, float]], x: Doubles, explore: float) -> float:
    """Mean and doubt by the formulas, from kernels written out."""

    def kernel(one: Doubles, two: Doubles) -> float:
        return float(np.exp(-float(((one - two) ** 2).sum()) / (2 * 0.5**2)))

    inner = np.array([[kernel(a, b) for b, _ in seen] for a, _ in seen])
    near = np.array([kernel(x, a) for a, _ in seen])
    solved = np.linalg.solve(inner + 0.1 * np.eye(len(seen)), near)
    mean = float(solved @ np.array([reward for _, reward in seen]))
    return mean + explore * float(np.sqrt(1 - near @ solved))


def test_a_bound_is_the_mean_of_the_kernel_and_what_is_not_known() -> None:
    draw = np.random.default_rng(0)
    at = draw.normal(size=(9, 3))
    at /= np.linalg.norm(at, axis=1, keepdims=True)
    earned = draw.random(8)
    bandit = KernelUCB(2, ridge=0.1, width=0.5)
    for part in (slice(0, 3), slice(3, 8)):
        bandit.learn(np.zeros(len(earned[part]), np.int64), at[part], earned[part])
    expected = naive_bound(list(zip(at[:8], earned.tolist(), strict=True)), at[8], 0.7)
    assert bandit.bounds(at[8:], 0.7)[0].tolist() == pytest.approx([expected, 0.7])


def test_it_learns_which_arm_is_best_where() -> None:
    draw = np.random.default_rng(1)
    at = draw.normal(size=(300, 2))
    at /= np.linalg.norm(at, axis=1, keepdims=True)
    best = (at[:, 0] > 0).astype(np.int64)
    bandit = KernelUCB(2, ridge=0.1, width=0.5)
    for start in range(0, 80, 4):
        part = slice(start, start + 4)
        arm = bandit.choose(at[part], 0.5)
        bandit.learn(arm, at[part], (arm == best[part]) * 0.5 + draw.random(4) * 0.2)
    assert (bandit.choose(at[80:]) == best[80:]).mean() > 0.9


def test_what_is_too_near_to_the_positive_is_worth_nothing() -> None:
    near, same = np.array([0.4, 0.8, 0.4, -0.1]), np.array([0.1, 0.1, 0.99, 0.1])
    positive = np.full(4, 0.8)
    args = [each.astype(np.float32) for each in (near, positive, same)]
    assert worth(args[0], args[1], args[2], 0.95) == pytest.approx([0.5, 0, 0, 0])


@pytest.mark.recipe("generator-bandit")
def test_each_sort_of_query_is_given_to_the_model_that_writes_hard_ones_for_it(
    server: ChatServer, data: Collection, tmp_path: Path
) -> None:
    good = {"heat": "warm", "dough": "bread"}

    def reply(call: int, body: dict[str, Any]) -> Any:
        query = " ".join(shown(body, "query"))
        mine = {"warm": "heat", "bread": "dough"}[body["model"]]
        text = f"how {mine} is sold in shops" if mine in query else "the parliament met on Monday"
        return 200, completion(json.dumps({"passages": [text]}))

    server.script = reply
    address = server.spec.rpartition("#")[0]
    models = [f"{address}#{name}" for name in good.values()]
    stage = neg.GeneratorBandit(writers=models, explore=6, together=2, encoder="static")
    made = written(stage, context(data, tmp_path), data.mined_queries)
    asked = data.query_texts(made["query"].to_numpy())
    right = Counter(
        model.endswith(next(good[word] for word in good if word in query))
        for model, query in zip(made["model"], asked, strict=True)
    )
    assert right[True] >= 9, "but for a few that were explored"
    some = data.mined_queries[::3]
    alone = written(stage, context(data, tmp_path), some)
    assert alone.equals(made.filter(made["query"].is_in(some.tolist()))), "whatever is beside it"


@pytest.mark.recipe("iterative-deepening-sampling")
def test_more_is_asked_for_only_where_nothing_hard_was_written(
    server: ChatServer, data: Collection, tmp_path: Path
) -> None:
    def reply(call: int, body: dict[str, Any]) -> Any:
        query = " ".join(shown(body, "query"))
        deep = "Write 1 " not in body["messages"][-1]["content"]
        hard = "heat" in query or deep
        word = "heat" if "heat" in query else "dough"
        text = f"how {word} is sold in shops" if hard else "the parliament met on Monday"
        return 200, completion(json.dumps({"passages": [text]}))

    server.script = reply
    stage = neg.IterativeDeepening(model=server.spec, depth=3, hard=0.3, rejected=1.0)
    made = written(stage, context(data, tmp_path), data.mined_queries)
    calls = Counter("heat" in " ".join(shown(body, "query")) for body in server.bodies)
    assert calls == {True: 6, False: 12}
    assert len(made) == 12
    assert not made["text"].str.contains("parliament").any()
