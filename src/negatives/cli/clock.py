"""Where the time of a command went: what its stages say they took, in one line for a person."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from negatives.events import Emit, Event, Progress, Took

FIND: Final = "find"
_JUDGE: Final = "judge"
_OPEN: Final = "open "
_TILES: Final = "search in tiles"
_LEAST: Final = 0.05
"""Seconds below which a stage is not worth its name."""


class Clock:
    """Runs from when it is made, and adds up what this command, not an earlier one, spent."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._took: dict[str, float] = {}
        self._finding: tuple[float, float] | None = None

    def hearing(self, emit: Emit) -> Emit:
        """A listener that hears what stages took, and passes everything on to `emit`."""

        def hear(event: Event) -> None:
            if isinstance(event, Took):
                self._add(event.stage, event.seconds)
            elif isinstance(event, Progress) and event.stage == FIND:
                now = time.perf_counter()
                self._finding = (self._finding or (now, now))[0], now
            emit(event)

        return hear

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what happens inside as one stage."""
        began = time.perf_counter()
        yield
        self._add(name, time.perf_counter() - began)

    def line(self, sources: Sequence[str]) -> str:
        """Seconds in all, those of each stage, the rest, and the peak of memory.

        `sources`: their labels, which are told apart within the finding.
        """
        total = time.perf_counter() - self._began
        stages, parts = self._grouped(sources)
        told = []
        for name, seconds in stages.items():
            if seconds >= _LEAST:
                within = parts if name == FIND and len(parts) > 1 else {}
                each = ", ".join(f"{part} {_figure(took)}" for part, took in within.items())
                told.append(f"{name} {_figure(seconds)}" + (f" ({each})" if each else ""))
        told.append(f"the rest {_figure(max(0.0, total - self._named(stages)))}")
        from negatives.run.account import peak_memory
        from negatives.wording import megabytes

        peak = megabytes(peak_memory() / 2**20)
        return f"{_figure(total)} s: {', '.join(told)}; peak {peak}"

    def _add(self, name: str, seconds: float) -> None:
        self._took[name] = self._took.get(name, 0.0) + seconds

    @staticmethod
    def _named(stages: dict[str, float]) -> float:
        return sum(seconds for seconds in stages.values() if seconds >= _LEAST)

    def _grouped(self, sources: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
        """Seconds of the stages, in the order of the work; and, within finding, of each source.

        What is opened counts to the stage that it is opened for. Sources that are asked by several
        processes at a time may have taken more than has passed: they share what has.
        """
        asked = {label: self._took.get(f"{FIND} {label}", 0.0) for label in sources}
        passed = self._finding[1] - self._finding[0] if self._finding else 0.0
        share = min(1.0, passed / sum(asked.values())) if any(asked.values()) else 1.0
        parts = {
            label: seconds * share + self._took.get(f"{_OPEN}{label}", 0.0)
            for label, seconds in asked.items()
        }
        stages: dict[str, float] = {}
        for name, seconds in self._took.items():
            stage = _stage(name, sources)
            stages[stage] = stages.get(stage, 0.0) + seconds
        if FIND in stages:
            stages[FIND] = sum(parts.values()) + self._took.get(_TILES, 0.0)
        return dict(sorted(stages.items(), key=lambda item: _place(item[0]))), parts


_ORDER: Final = ("read", FIND, _JUDGE, "prepare", "fit", "estimate", "make", "relabel", "pick")


def _stage(name: str, sources: Sequence[str]) -> str:
    """The stage that something counts to, such as `open bm25` to `find`."""
    what = name.removeprefix(_OPEN).removeprefix(f"{FIND} ")
    if what in sources or name == _TILES:
        return FIND
    if name.startswith(_OPEN):
        return "estimate" if what == "estimate" else _JUDGE
    return name


def _place(stage: str) -> int:
    return _ORDER.index(stage) if stage in _ORDER else len(_ORDER)


def _figure(seconds: float) -> str:
    return f"{seconds:,.1f}" if seconds < 99.95 else f"{seconds:,.0f}"
