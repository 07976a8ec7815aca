"""What is known of each recipe of the package: its figures, its tests, and the state that follows.

A state is computed, never typed. A recipe is *working* when it has a measured figure
(`recipes/figures.json`, written by `python -m benchmarks recipes`), of a trained model where it
says how one is trained; when a test is about its numbers (`recipes/tested.json`, which
`scripts/tested.py` writes from the marks of the tests); and when it says what differs from its
paper, if it has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from negatives.recipe import Recipe

WORKING: Final = "working"
FALSE_SHARE: Final = "false share"
"""What figures of negatives are of, without a model that was trained with them."""


class Figure(msgspec.Struct, frozen=True, kw_only=True, rename={"source": "from"}):
    """One measured figure of a recipe, beside that of a baseline under the same means."""

    stage: str
    title: str
    metric: str
    model: str
    seeds: int
    value: float
    naive: float
    source: str
    """The page, and the place in it, where it stands among the others."""
    beside: str = "naive top"
    """The baseline, of which `naive` is the value."""
    seconds: float | None = None
    p: float | None = None
    """Of the difference from the baseline, corrected for the number of recipes."""
    coverage: float | None = None
    hardness: float | None = None

    def __str__(self) -> str:
        sure = "" if self.p is None else f", p = {self.p:.4f}"
        return (
            f"{self.metric} {self.value:.4f}, {self.beside} {self.naive:.4f}{sure} "
            f"({self.title}; {self.model}, {self.seeds} seed{'s' if self.seeds != 1 else ''})"
        )


@dataclass(frozen=True)
class State:
    """What is there of a recipe, and what is missing.

    >>> State((), ("tests/pick/test_chances.py::test_the_worked_numbers_of_simans",), True).word
    'no figure'
    """

    figures: tuple[Figure, ...]
    tests: tuple[str, ...]
    told: bool
    """Whether it says what differs from its paper, or follows none."""
    trains: bool = False
    """Whether it says how a model is trained, so that figures of its negatives are not enough."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What it lacks to be working."""
        lacks = {
            "no figure": not self.figures,
            "no figure of a trained model": bool(self.figures) and self.trains and self._mined,
            "no test of its numbers": not self.tests,
            "not said what differs": not self.told,
        }
        return tuple(name for name, lacking in lacks.items() if lacking)

    @property
    def _mined(self) -> bool:
        return all(figure.metric == FALSE_SHARE for figure in self.figures)

    @property
    def word(self) -> str:
        """`working`, or what is missing."""
        return ", ".join(self.missing) or WORKING


def state_of(recipe: Recipe) -> State:
    """The state of a recipe; one that is not of the package has neither figures nor tests."""
    figures, tests = _known()
    return State(
        figures=figures.get(recipe.name, ()),
        tests=tests.get(recipe.name, ()),
        told=bool(recipe.differs or not recipe.paper),
        trains=recipe.trains,
    )


@cache
def _known() -> tuple[Mapping[str, tuple[Figure, ...]], Mapping[str, tuple[str, ...]]]:
    return (
        msgspec.json.decode(_packaged("figures.json"), type=dict[str, tuple[Figure, ...]]),
        msgspec.json.decode(_packaged("tested.json"), type=dict[str, tuple[str, ...]]),
    )


def _packaged(name: str) -> bytes:
    return (files("negatives") / "recipes" / name).read_bytes()


def as_plain(state: State) -> dict[str, Any]:
    """Plain values, JSON-able."""
    return {
        "state": state.word,
        "figures": msgspec.to_builtins(state.figures),
        "tests": list(state.tests),
    }
