"""What is given in the place of a recipe's stages and is none: refused by name, with the fix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from negatives.errors import RecipeError
from negatives.kinds import kinds
from negatives.stage import Stage, stage_class


def stages_of(section: str, given: Any, where: str = "") -> tuple[Any, ...]:
    """Stages of a section, as they were given; `RecipeError` where they are none, or not a list."""
    if isinstance(given, str | Stage | type) or not isinstance(given, Iterable):
        raise RecipeError(
            f"{section} takes a list of stages, and {given!r:.60} is none",
            where=where,
            fix=f"give [{type(given).__name__}(...)]"
            if isinstance(given, Stage)
            else _instead(given, section),
        )
    stages = tuple(given)
    refuse_misplaced(section, stages, where)
    return stages


def refuse_misplaced(section: str, stages: Sequence[Any], where: str = "") -> None:
    """Raise `RecipeError` where one of them is no stage of the section."""
    for each in stages:
        if not isinstance(each, Stage) or each.section != section:
            what = f"{each!r:.60} is no stage of [{section}]"
            raise RecipeError(what, where=where, fix=_instead(each, section))


def _instead(given: object, section: str) -> str:
    """How to give a stage of `section` in the place of something that is none."""
    if isinstance(given, type) and issubclass(given, Stage) and given.section == section:
        return f"call it: {given.__name__}()"
    if isinstance(given, Stage):
        return f"it is a stage of [{given.section}]: give it there"
    if isinstance(given, str) and given in kinds(section):
        return f"name its class: {stage_class(section, given).__name__}() of the package negatives"
    return f"give stages of the package negatives, such as those of [{section}] in a recipe"
