"""Options and arguments that several commands have, each with its help said once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
"""Given or not: no --no- form, and nothing said of its default."""
RunFolder = Annotated[Path, Parameter(help="A finished run directory.")]
Changes = Annotated[list[str] | None, Parameter(name="--set", negative="")]
"""PATH=VALUE texts; each command says of what."""


def changes(set_: list[str] | None, options: Mapping[str, object]) -> list[str]:
    """What --set says, and what options say that stand for a setting: path -> value or None.

    An option and --set that contradict each other are an error.
    """
    refuse_contradictions(set_, options)
    given = {path: value for path, value in options.items() if value is not None}
    return [*(set_ or []), *(f"{path}={value}" for path, value in given.items())]


def refuse_contradictions(set_: list[str] | None, options: Mapping[str, object]) -> None:
    """Raise where --set says other than an option that stands for the setting."""
    from negatives.recipe_changes import assigned, refuse_contradiction

    said = assigned(set_ or [])
    for path, value in options.items():
        if value is not None and path in said:
            refuse_contradiction(path, [said[path]], value)


def refuse_said(said: Mapping[str, object], why: str, fix: str) -> None:
    """`InputError` where one of these options has a value; `said`: option -> value."""
    from negatives.errors import InputError

    if first := next((option for option, value in said.items() if value), None):
        raise InputError(why, where=first, fix=fix)


Form = Annotated[Literal["table", "label-studio", "argilla"], Parameter(name="--format")]
"""How pairs to be judged are written."""
