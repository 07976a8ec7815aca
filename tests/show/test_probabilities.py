"""p_relevant by bins: counted as in a loop, and a right estimate is told from a wrong one."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from negatives.show.probabilities import EDGES, Probabilities


def counted(rows: list[dict[str, Any]]) -> Probabilities:
    made = Probabilities()
    frame = pl.DataFrame(rows, schema_overrides={"position": pl.Int16, "p_relevant": pl.Float64})
    for start in range(0, len(rows), 70):
        made.add(frame[start : start + 70])
    return made


def drawn(label_rate: float, bias: float = 1.0) -> list[dict[str, Any]]:
    """Pairs of which p are relevant, and `label_rate` of these labelled; told p is p x `bias`.

    As in a ledger, p is that of a pair whose label is not known, given that it has none.
    """
    draw = random.Random(7)
    rows = []
    for _ in range(60_000):
        relevant = draw.random() ** 4
        labelled = draw.random() < relevant * label_rate
        given = (1 - label_rate) * relevant / (1 - label_rate * relevant)
        rows.append(
            {
                "verdict": "positive" if labelled else "eligible",
                "position": None,
                "p_relevant": min(1.0, bias * given),
            }
        )
    return rows


def test_every_pair_is_in_the_bin_of_its_p() -> None:
    draw = random.Random(1)
    rows: list[dict[str, Any]] = [
        {
            "verdict": draw.choice(["eligible", "positive", "judged-negative", "rejected"]),
            "position": draw.choice([None, 0]),
            "p_relevant": draw.choice([None, 0.0, 1.0, 0.001, 0.5, draw.random()]),
        }
        for _ in range(500)
    ]
    tail = counted(rows).tail()
    assert tail is not None
    for place, (low, high) in enumerate(pairwise(EDGES)):
        inside = [
            row
            for row in rows
            if row["p_relevant"] is not None
            and (low <= row["p_relevant"] < high or high == row["p_relevant"] == 1.0)
        ]
        pool = [row for row in inside if row["verdict"] == "eligible"]
        assert tail["series"]["pool"][place] == len(pool)
        assert tail["series"]["negatives"][place] == sum(r["position"] == 0 for r in pool)
        assert tail["series"]["positives"][place] == sum(r["verdict"] == "positive" for r in inside)


def test_known_positives_imply_a_right_p_and_find_a_wrong_one_out() -> None:
    for bias in (1.0, 0.5):
        for each in counted(drawn(0.6, bias)).calibration(0.6):
            if each["known"] >= 200:
                assert each["implied"] == pytest.approx(each["mean"] / bias, rel=0.2)


def test_without_a_label_rate_nothing_is_implied() -> None:
    made = counted(drawn(0.6))
    assert {each["implied"] for each in made.calibration(None)} == {None}
    assert Probabilities().tail() is None
