"""What the library tells while it works: it emits events, and a caller shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


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


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls made to a service, and tokens it counted; added up in the manifest's cost.

    `money`: in whatever the prices were given in.
    """

    calls: int = 0
    tokens: int = 0
    money: float = 0.0


@dataclass(frozen=True, slots=True)
class Noted:
    """Something measured on the way that the manifest keeps under `name`; plain JSON values."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Counted:
    """Figures of what was done since they were last told; the manifest adds them up by `name`."""

    name: str
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds that a stage took, or one more part of it; the manifest adds them up by `stage`."""

    stage: str
    seconds: float


Event = Progress | Warned | Spent | Noted | Counted | Took
Emit = Callable[[Event], None]


def once(emit: Emit) -> Emit:
    """A listener of several pieces of work, whom `emit` hears through: no warning is told twice."""
    told: set[str] = set()

    def heard(event: Event) -> None:
        if isinstance(event, Warned):
            if event.text in told:
                return
            told.add(event.text)
        emit(event)

    return heard


@dataclass(slots=True)
class Heard:
    """A listener that passes events on, and keeps the warnings."""

    emit: Emit
    warnings: list[str] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Hear an event."""
        if isinstance(event, Warned):
            self.warnings.append(event.text)
        self.emit(event)


def silent(event: Event) -> None:
    """The default listener: hears everything, says nothing."""
