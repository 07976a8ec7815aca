"""Shows the library's events on stderr: bars with an ETA on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from negatives.events import Emit, Event, Progress, Warned, silent
from negatives.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

_EVERY = 15.0  # seconds between lines where there is no terminal


@contextmanager
def listening(*, quiet: bool = False) -> Iterator[Emit]:
    """A listener for the time of one command."""
    if quiet:
        yield silent
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (
            TextColumn("{task.description:<18}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        with Bars(*columns, console=Console(stderr=True)) as bars:
            yield _Terminal(bars)
    else:
        yield _Lines()


class _Terminal:
    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self.tasks = {task.description: task.id for task in bars.tasks}

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warned):
            self.bars.console.print(f"note: {printable(event.text)}", style="yellow", markup=False)
        if not isinstance(event, Progress):
            return
        total = event.total or None
        if event.stage not in self.tasks:
            self.tasks[event.stage] = self.bars.add_task(event.stage, total=total, unit=event.unit)
        self.bars.update(self.tasks[event.stage], completed=event.done, total=total)


class _Lines:
    """One line when a stage begins, ends, and now and then between, with the time it will take."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}
        self.said = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warned):
            print(f"note: {printable(event.text)}", file=sys.stderr, flush=True)
        if not isinstance(event, Progress):
            return
        now = time.monotonic()
        began = self.began.setdefault(event.stage, now)
        finished = event.total > 0 and event.done >= event.total
        if not finished and now - self.said < _EVERY and began != now:
            return
        self.said = now
        print(
            f"{event.stage}: {_amount(event)}{_left(event, now - began)}",
            file=sys.stderr,
            flush=True,
        )


def _amount(event: Progress) -> str:
    total = f" of {event.total:,}" if event.total else ""
    return f"{event.done:,}{total} {event.unit}"


def _left(event: Progress, elapsed: float) -> str:
    if not event.total or event.done >= event.total or not event.done or elapsed < 1:
        return ""
    return f", about {elapsed / event.done * (event.total - event.done):,.0f} s left"
