"""Who hears what the library says while it works, where the caller has named nobody.

A person who watches sees bars: in a terminal, or in a notebook. Where nobody watches, as in a
script whose output goes to a file, no progress is shown. What should be known and stops nothing is
a Python warning, a `NegativesWarning`, in any case. Nothing else is ever printed.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from negatives.arguments import check_arguments
from negatives.errors import NegativesWarning
from negatives.events import Emit, Event, Progress, Warned
from negatives.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

VARIABLE: Final = "NEGATIVES_PROGRESS"
"""0 in this environment variable: no progress is shown, by the command line neither."""

_PACKAGE: Final = str(Path(__file__).parent)
_EVERY: Final = 0.2
"""Seconds between two pictures of the progress in a notebook."""
_LONGEST: Final = 18
"""Characters of a stage's name beside its bar."""

P = ParamSpec("P")
R = TypeVar("R")

_wanted = True


def show_progress(on: bool = True) -> None:
    """Show progress in terminals and notebooks, as from the start; or never, with False.

    For the whole process. The environment variable NEGATIVES_PROGRESS=0 does the same from outside;
    `emit=negatives.silent` silences one call, its warnings too.

    >>> import negatives as neg
    >>> neg.show_progress(False)
    >>> neg.show_progress()
    """
    global _wanted
    _wanted = on


def shown(event: Event) -> None:
    """The listener of whoever names none: a warning is a Python warning.

    The verbs that users call (`watched`) have bars drawn besides, where somebody watches.
    """
    if isinstance(event, Warned):
        warnings.warn(printable(event.text), NegativesWarning, stacklevel=_outside())


def watched(verb: Callable[P, R]) -> Callable[P, R]:
    """`verb`, whose progress is shown where it is called without a listener of its own."""

    @wraps(verb)
    def call(*args: P.args, **options: P.kwargs) -> R:
        check_arguments(verb, args, options)
        if options.get("emit", shown) is not shown:
            return verb(*args, **options)
        with _audience() as emit:
            options["emit"] = emit
            return verb(*args, **options)

    return call


def progress_wanted() -> bool:
    """Whether progress is to be shown at all."""
    return _wanted and os.environ.get(VARIABLE, "") not in ("0", "false", "no", "off")


@contextmanager
def bars_on_stderr() -> Iterator[TerminalBars]:
    """Bars on a terminal, for the time of one piece of work; what is printed stands above them."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    columns = (
        TextColumn("{task.description}", table_column=Column(max_width=_LONGEST, no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=4)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[unit]}", table_column=Column(no_wrap=True)),
        TimeRemainingColumn(elapsed_when_finished=True, table_column=Column(no_wrap=True)),
    )
    with Bars(*columns, console=Console(stderr=True), expand=True) as bars:
        yield TerminalBars(bars)


class TerminalBars:
    """A bar for each stage; warnings are left to others."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self._tasks: dict[str, Any] = {}

    def __call__(self, event: Event) -> None:
        """Draw how far a stage is."""
        if not isinstance(event, Progress):
            return
        total = event.total or None
        if event.stage not in self._tasks:
            name = printable(event.stage)
            self._tasks[event.stage] = self.bars.add_task(name, total=total, unit=event.unit)
        self.bars.update(self._tasks[event.stage], completed=event.done, total=total)

    def say(self, text: str) -> None:
        """A line above the bars."""
        self.bars.console.print(text, style="yellow", markup=False, highlight=False)


class NotebookBars:
    """A bar for each stage, as a picture in the output of a notebook's cell that changes."""

    def __init__(self) -> None:
        self._stages: dict[str, tuple[Progress, float, float]] = {}
        self._handle: Any = None
        self._drawn = 0.0

    def __call__(self, event: Event) -> None:
        """Keep how far a stage is, and draw it now and then."""
        if not isinstance(event, Progress):
            return
        now = time.monotonic()
        began = self._stages[event.stage][1] if event.stage in self._stages else now
        self._stages[event.stage] = event, began, now
        if now - self._drawn >= _EVERY:
            self.draw()

    def draw(self) -> None:
        """Show how far everything is."""
        from IPython.display import display

        if self._handle is None:
            self._handle = display(self, display_id=True)
        else:
            self._handle.update(self)
        self._drawn = time.monotonic()

    def __repr__(self) -> str:
        return "\n".join(
            f"{name}: {how_far(event)}" for name, (event, _, _) in self._stages.items()
        )

    def _repr_html_(self) -> str:
        rows = []
        for name, (event, began, last) in self._stages.items():
            bar = f'<progress value="{event.done}" max="{event.total}"></progress>'
            told = f"{how_far(event)}, {last - began:.1f} s"
            rows.append(
                f"<tr><td>{escape(printable(name))}</td>"
                f"<td>{bar if event.total else ''}</td><td>{escape(told)}</td></tr>"
            )
        return f"<table>{''.join(rows)}</table>"


def how_far(event: Progress) -> str:
    """`12 of 225 queries`."""
    total = f" of {event.total:,}" if event.total else ""
    return f"{event.done:,}{total} {event.unit}".rstrip()


@contextmanager
def _audience() -> Iterator[Emit]:
    """A listener for the time of one call."""
    if not progress_wanted():
        yield shown
    elif _in_notebook():
        drawn = NotebookBars()
        try:
            yield _both(drawn)
        finally:
            if drawn._stages:
                drawn.draw()
    elif sys.stderr is not None and sys.stderr.isatty():
        with bars_on_stderr() as bars:
            yield _both(bars)
    else:
        yield shown


def _both(bars: Emit) -> Emit:
    def hear(event: Event) -> None:
        bars(event)
        shown(event)

    return hear


def _in_notebook() -> bool:
    """Whether this is the kernel of a notebook, which shows what is displayed."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def _outside() -> int:
    """How many frames above its caller the code lies that has called this package."""
    frame, level = sys._getframe(2), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level
