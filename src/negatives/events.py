"""What the library tells while it works. It never prints: it emits these, and a caller shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units of a stage are finished (`total` 0: not known)."""

    stage: str
    done: int
    total: int
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the user should know that does not stop the work; also kept in the manifest."""

    text: str


Event = Progress | Warned
Emit = Callable[[Event], None]


def silent(event: Event) -> None:
    """The default listener: hears everything, says nothing."""
