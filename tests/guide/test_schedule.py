"""How strong a guide is at a step."""

from __future__ import annotations

from typing import Any

import pytest

from negatives.errors import DataError
from negatives.guide import Schedule


def test_it_is_whole_from_its_start_to_its_stop_and_nothing_elsewhere() -> None:
    assert [Schedule(0.2, 0.6).share(step, 10) for step in range(10)] == [0, 0, 1, 1, 1, 1] + 4 * [
        0
    ]
    assert sum(Schedule(stop=0.6).share(step, 50) for step in range(50)) == 30
    assert sum(Schedule().share(step, 7) for step in range(7)) == 7
    assert sum(Schedule(stop=0.0).share(step, 7) for step in range(7)) == 0


def test_it_falls_or_rises_between_them() -> None:
    for shape, shares in {
        "falling": [1, 0.75, 0.5, 0.25, 0],
        "rising": [0, 0.25, 0.5, 0.75, 0],
        "cosine": [1, 0.853553, 0.5, 0.146447, 0],
    }.items():
        schedule = Schedule(stop=0.8, shape=shape)  # type: ignore[arg-type]
        assert [schedule.share(step, 5) for step in range(5)] == pytest.approx(shares, abs=1e-6)


def test_a_weight_goes_to_nothing_and_a_scale_to_the_condition() -> None:
    schedule = Schedule(stop=0.5)
    assert [schedule.weight(2.0, step, 2) for step in (0, 1)] == [2.0, 0.0]
    assert [schedule.scale(7.5, step, 2) for step in (0, 1)] == [7.5, 1.0]


def test_it_is_a_value() -> None:
    assert Schedule(stop=0.6) == Schedule(0.0, 0.6, "constant")
    assert len({Schedule(), Schedule(stop=1.0)}) == 1


def test_nonsense_is_refused() -> None:
    for settings in ({"start": 0.7, "stop": 0.6}, {"stop": 1.2}, {"start": -0.1}, {"shape": "x"}):
        given: dict[str, Any] = dict(settings)
        with pytest.raises(DataError, match="schedule"):
            Schedule(**given)
    with pytest.raises(DataError, match="step 5 of 5"):
        Schedule().share(5, 5)
