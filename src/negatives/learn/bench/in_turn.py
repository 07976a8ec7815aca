"""One recipe after another: what is done is kept, and what fails does not stop the others."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

from negatives.errors import NegativesError, WorkError
from negatives.events import Emit, Progress, Warned
from negatives.learn.bench.choice import AGAINST, GIVEN
from negatives.recipe import Recipe
from negatives.store.work_folder import WorkFolder


class Way(Protocol):
    """A way to measure recipes: what it asks of them, what it measures, what it tells."""

    @property
    def folder(self) -> WorkFolder:
        """Where all is kept."""

    def lacking(self, recipe: Recipe) -> str:
        """Why a recipe cannot be measured in this way here; empty: it can."""

    def plan(self) -> dict[str, Any]:
        """The account of the folder; `RunError` where it holds something else."""

    def arms(self, recipes: list[Recipe]) -> Mapping[str, Any]:
        """The recipes with the baselines before them."""

    def made_from(self, arm: Any) -> Any:
        """What the figures of an arm depend on, besides what all share."""

    def measured(self, name: str, arm: Any, plan: dict[str, Any]) -> Any:
        """What comes of an arm."""

    def figures(self, found: Mapping[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
        """All that was measured, in plain values."""


def in_turn(
    way: Way, wanted: list[Recipe], refused: Mapping[str, str], stop_after: float, emit: Emit
) -> dict[str, Any]:
    """The figures of all recipes that apply, and which do not, which failed, which are to come.

    `refused`: recipes that do not apply whatever the data, with the reason.

    After `stop_after` seconds (0: never) no other is begun that is not done already.
    """
    reasons = {**refused, **{each.name: way.lacking(each) for each in wanted}}
    left_out = {name: why for name, why in reasons.items() if why}
    for why in dict.fromkeys(left_out.values()):
        names = [name for name in left_out if left_out[name] == why]
        emit(Warned(f"left out: {', '.join(names)}: {why}"))
    arms = way.arms([each for each in wanted if each.name not in left_out])
    plan = way.plan()
    known = plan.setdefault("arms", {})
    settings = {name: way.made_from(arm) for name, arm in arms.items()}
    way.folder.refuse_other(
        [f"recipe {name}" for name in arms if known.get(name, settings[name]) != settings[name]]
    )
    began, found, failed, not_yet = time.monotonic(), dict[str, Any](), dict[str, str](), []
    for place, (name, arm) in enumerate(arms.items()):
        emit(Progress("bench", place, len(arms), "recipes"))
        late = stop_after and time.monotonic() - began > stop_after
        if late and AGAINST in found and name not in plan.get("measured", []):
            not_yet.append(name)
            continue
        known[name] = settings[name]
        way.folder.write(plan)
        try:
            found[name] = way.measured(name, arm, plan)
        except NegativesError as error:
            if name == AGAINST:
                raise
            failed[name] = error.what
            emit(Warned(f"{name} failed: {error.what}"))
        else:
            plan["measured"] = sorted({*plan.get("measured", []), name})
    emit(Progress("bench", len(arms), len(arms), "recipes"))
    plan["status"] = "running" if not_yet else "done"
    way.folder.write(plan)
    return way.figures(found, plan) | {"left_out": left_out, "failed": failed, "not_yet": not_yet}


def refuse_all_failed(figures: Mapping[str, Any]) -> None:
    """Raise `WorkError` where nothing that was asked for was measured, and something failed."""
    failed = {name: why for name, why in figures["failed"].items() if name not in GIVEN}
    measured = {row["recipe"] for row in figures["rows"]} - GIVEN
    if failed and not measured:
        raise WorkError(
            "no recipe that was asked for could be measured: "
            + "; ".join(f"{name}: {why}" for name, why in failed.items()),
            fix="see to what failed, and run the same command again: what is done is kept",
        )
