"""What else could have been picked: against the same in plain loops, and what a step gives."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest

from negatives.show.frontier import PRICES, Frontier, at_share, stepped

Row = dict[str, Any]


def ledger(seed: int, queries: int = 12, each: int = 15) -> list[Row]:
    draw = random.Random(seed)
    return [
        {
            "query_id": f"q{query:02}",
            "doc_id": f"d{doc:02}",
            "sources": ["bm25"],
            "verdict": draw.choices(["eligible", "judged-negative", "positive", "rejected"],
                                    [12, 1, 2, 2])[0],
            "hardness": draw.gauss(0, 1),
            "p_relevant": draw.random() ** 6,
            "position": None,
        }
        for query in range(queries)
        for doc in range(each)
    ]  # fmt: skip


def frontier(rows: list[Row], parts: int, **settings: Any) -> Frontier:
    made = Frontier(per_query=3, max_p=0.5, by_leaks=False, pairs=len(rows), **settings)
    frame = pl.DataFrame(rows, schema_overrides={"position": pl.Int16})
    queries = frame["query_id"].unique(maintain_order=True)
    size = -(-len(queries) // parts)
    for start in range(0, len(queries), size):
        made.add(frame.filter(pl.col("query_id").is_in(queries[start : start + size].implode())))
    return made


def picked(rows: list[Row], price: float, max_p: float) -> list[Row]:
    found = []
    for query in sorted({row["query_id"] for row in rows}):
        own = []
        for row in rows:
            kept = row["verdict"] in ("eligible", "judged-negative")
            p = 0.0 if row["verdict"] == "judged-negative" else row["p_relevant"]
            if row["query_id"] == query and kept and p <= max_p:
                own.append({**row, "p": p, "worth": row["hardness"] - price * p})
        found += sorted(own, key=lambda row: -row["worth"])[:3]
    return found


@pytest.mark.parametrize("parts", [1, 4])
def test_each_point_is_what_is_picked_at_its_price(parts: int) -> None:
    rows = ledger(parts)
    for row in rows[::4]:
        row["position"] = 0 if row["verdict"] == "eligible" else None
    made = frontier(rows, parts)
    assert [point["price"] for point in made.points] == list(PRICES)
    careless = {"price": 0.0, "max_p": 1.0, **(made.careless or {})}
    for point in [*({**point, "max_p": 0.5} for point in made.points), careless]:
        expected = picked(rows, point["price"], point["max_p"])
        assert point["picked"] == len(expected)
        assert point["coverage"] == pytest.approx(len(expected) / (3 * 12), rel=1e-5)
        for name, value in (("hardness", "hardness"), ("false_share", "p")):
            mean = sum(row[value] for row in expected) / len(expected)
            assert point[name] == pytest.approx(mean, rel=1e-5, abs=1e-9)
    chosen = [row["hardness"] for row in rows if row["position"] == 0]
    assert made.own_hardness == pytest.approx(sum(chosen) / len(chosen), rel=1e-5)


def test_without_p_relevant_there_is_none() -> None:
    rows = [{**row, "p_relevant": None} for row in ledger(0)]
    made = frontier(rows, 2)
    assert made.points == []
    assert made.careless is None


def test_of_many_pairs_some_whole_queries_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("negatives.show.frontier.PAIRS", 400)
    made = frontier(ledger(3, queries=100), 5)
    assert made.queries == 100
    assert 10 < made.drawn < 45


POINTS = [
    {"hardness": 2.0, "false_share": 0.20, "coverage": 1.0},
    {"hardness": 1.5, "false_share": 0.06, "coverage": 1.0},
    {"hardness": 1.0, "false_share": 0.02, "coverage": 0.9},
]


def test_between_two_points_lies_a_straight_line() -> None:
    found = at_share(POINTS, 0.04)
    assert found == {"max_false": 0.04, "hardness": 1.25, "false_share": 0.04, "coverage": 0.95}
    assert at_share(POINTS, 0.01) is None
    assert at_share(POINTS, 0.5) == {"max_false": 0.5, **POINTS[0]}


def test_a_step_goes_to_the_next_share_that_changes_anything() -> None:
    steps = stepped(POINTS, 0.05, {"hardness": 1.4, "false_share": 0.05})
    assert (steps["easier"] or {})["max_false"] == 0.03
    assert (steps["harder"] or {})["max_false"] == 0.1
    at_the_end = stepped(POINTS, 0.3, {"hardness": 2.0, "false_share": 0.2})
    assert at_the_end["harder"] is None
