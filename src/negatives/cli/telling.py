"""How much a command tells beside its result: two options that every command has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Final

from cyclopts import Group, Parameter

GROUP: Final = Group("Every command", sort_key=99)


@Parameter(name="*", group=GROUP)
@dataclass(frozen=True, slots=True)
class Telling:
    """What goes to stderr; the result, on stdout, is the same."""

    quiet: Annotated[
        bool,
        Parameter(
            name=("--quiet", "-q"),
            negative="",
            show_default=False,
            help="Show neither progress nor notes, only the result and errors.",
        ),
    ] = False
    verbose: Annotated[
        bool,
        Parameter(
            name=("--verbose", "-v"),
            negative="",
            show_default=False,
            help="Tell also what each stage took and measured, what libraries warn of, and "
            "where an error was raised.",
        ),
    ] = False


PLAIN: Final = Telling()

_NOW: ContextVar[Telling] = ContextVar("telling", default=PLAIN)


def telling() -> Telling:
    """What was asked for, for the command that is carried out."""
    return _NOW.get()


@contextmanager
def told_so(asked: Telling) -> Iterator[None]:
    """`asked` holds for the time of one command."""
    before = _NOW.set(asked)
    try:
        yield
    finally:
        _NOW.reset(before)
