"""Shows the library's events on stderr: bars with an ETA on a terminal, plain lines elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from negatives.cli.telling import telling
from negatives.events import Counted, Emit, Event, Noted, Progress, Spent, Took, Warned, silent
from negatives.listening import bars_on_stderr, how_far, progress_wanted
from negatives.printable import printable

_EVERY = 15.0  # seconds between lines where there is no terminal
_LONGEST = 300  # characters of what a stage has measured
_BRIEF = 0.05  # seconds that are not worth a line


@contextmanager
def listening() -> Iterator[Emit]:
    """A listener for the time of one command, which tells as much as is asked for."""
    asked = telling()
    if asked.quiet and not asked.verbose:
        yield silent
    elif asked.quiet or not progress_wanted():
        yield _notes(_say, verbose=asked.verbose)
    elif sys.stderr.isatty():
        with bars_on_stderr() as bars:
            yield _each(bars, _notes(bars.say, verbose=asked.verbose))
    else:
        yield _each(_Lines(), _notes(_say, verbose=asked.verbose))


def _each(*listeners: Emit) -> Emit:
    def hear(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return hear


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _notes(say: Callable[[str], None], *, verbose: bool) -> Emit:
    """Tells warnings and, where asked, what stages took and measured."""

    def hear(event: Event) -> None:
        if isinstance(event, Warned):
            say(f"note: {printable(event.text)}")
        elif verbose and (text := _detail(event)):
            say(printable(text))

    return hear


def _detail(event: Event) -> str:
    """What only those hear who ask for everything."""
    if isinstance(event, Took):
        return f"took: {event.stage}, {event.seconds:,.1f} s" if event.seconds >= _BRIEF else ""
    if isinstance(event, Spent):
        return f"spent: {event.calls:,} calls, {event.tokens:,} tokens"
    if isinstance(event, Noted):
        return f"measured: {event.name} = {_plain(event.value)}"
    if isinstance(event, Counted):
        return f"counted: {event.name} = {_plain(dict(event.figures))}"
    return ""


def _plain(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


class _Lines:
    """One line when a stage begins, ends, and now and then between, with the time it will take."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}
        self.said = 0.0

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Progress):
            return
        now = time.monotonic()
        began = self.began.setdefault(event.stage, now)
        finished = event.total > 0 and event.done >= event.total
        if not finished and now - self.said < _EVERY and began != now:
            return
        self.said = now
        _say(f"{printable(event.stage)}: {how_far(event)}{_left(event, now - began)}")


def _left(event: Progress, elapsed: float) -> str:
    if not event.total or event.done >= event.total or not event.done or elapsed < 1:
        return ""
    return f", about {elapsed / event.done * (event.total - event.done):,.0f} s left"
