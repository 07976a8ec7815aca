"""How a pass over many items is carried out: one item after another, or several at a time.

A pass is a function of an item: it reads, computes, writes one file and returns what there is to
say of it. It can be pickled, for an engine may send it to other processes: what such a process
needs besides (a collection, an index) the function opens there, once.

An item that fails is tried again, for what failed may have been the process or the machine. One
that fails three times is set aside, so that the others are finished: a single odd query must not
cost a week's work. What this library says itself of the input, of the disk or of a service is said
at once: it would be no other the next time.
"""

from __future__ import annotations

import hashlib
import os
import pickle  # only between a process and the ones it started
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, TypeVar, overload

from negatives.errors import DiskFull, InputError, NegativesError, ServiceError, WorkError
from negatives.faults import AGAIN, raise_spent
from negatives.workers import in_order

Item = TypeVar("Item")
Result = TypeVar("Result")

ATTEMPTS: Final = 3
MOST_SET_ASIDE: Final = 10
"""Items set aside from which on the rest is not tried: then it is not the items."""
FINAL: Final = (InputError, DiskFull, ServiceError)
"""Errors that are not of an item."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """In the place of an item's result: the last error of one that was tried in vain."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Lazily(Sequence[Item]):
    """So many items, each made by its number when it is asked for: all at once may be too large."""

    size: int
    make: Callable[[int], Item]

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, place: int) -> Item: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Item]: ...

    def __getitem__(self, place: int | slice) -> Item | Sequence[Item]:
        numbers = range(self.size)[place]
        return list(map(self.make, numbers)) if isinstance(numbers, range) else self.make(numbers)


class Mapper(Protocol):
    """An engine that has been started; it works on so many items at one time."""

    @property
    def workers(self) -> int:
        """How many items are worked on at one time."""

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, alone: bool = True
    ) -> Iterator[Result | SetAside]:
        """What the function makes of each item, in their order.

        `alone`: one call of it takes all processors that a process has.
        """


class Engine(Protocol):
    """How items are worked on, `workers` of them at a time."""

    @property
    def workers(self) -> int:
        """How many items are worked on at one time."""

    def started(self) -> AbstractContextManager[Mapper]:
        """Ready for any number of passes, and ended afterwards."""


@dataclass(frozen=True, slots=True)
class Local:
    """In this process, with what is open here: by so many threads, or one item after another.

    Threads share what is open, and so they are no `workers`, which have each their own.
    """

    threads: int = 1
    workers: ClassVar[int] = 1

    def started(self) -> AbstractContextManager[Mapper]:
        """Nothing to start."""
        return nullcontext(self)

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, alone: bool = True
    ) -> Iterator[Result | SetAside]:
        """See `Mapper.map`."""
        one = partial(attempted, function)
        if alone or self.threads == 1 or len(items) < 2:
            return map(one, items)
        return in_order(one, items, self.threads)


LOCAL: Final = Local()


def attempted(ask: Callable[[Item], Result], item: Item) -> Result | SetAside:
    """The result, or the last error of three attempts; what is no fault of the item is raised."""
    for attempt in range(ATTEMPTS):
        try:
            return ask(item)
        except FINAL:
            raise
        except Exception as error:
            raise_spent(error)
            if attempt == ATTEMPTS - 1:
                return SetAside(error)
    raise AssertionError


def shipped(
    ask: Callable[[tuple[str, bytes, Any]], Result],
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
) -> Iterator[Result | SetAside]:
    """As `Mapper.map`, where `ask` has another process call `call_shipped`."""
    job = pickle.dumps((Path.cwd(), pickle.dumps(function)))
    name = hashlib.blake2b(job, digest_size=16).hexdigest()
    messages = ((name, job, item) for item in items)
    return in_order(partial(attempted, ask), messages, workers)


_FUNCTION: dict[str, Callable[[Any], Any]] = {}
"""The last function that was sent to this process, by its name: it keeps what it has opened."""


def call_shipped(message: tuple[str, bytes, Item]) -> Any:
    """In a worker: call the function that was sent along with an item."""
    name, job, item = message
    if name not in _FUNCTION:
        _FUNCTION.clear()
        here, function = pickle.loads(job)
        with suppress(OSError):  # what the user names by a relative path lies there
            os.chdir(here)
        _FUNCTION[name] = pickle.loads(function)
    return _FUNCTION[name](item)


def carried_out(
    engine: Mapper,
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    do: str,
    name: Callable[[Item], str],
    where: str = "",
    alone: bool = True,
) -> Iterator[Result]:
    """Results in the order of the items; `WorkError` at the end names those set aside.

    `do`: what was to be done with an item, such as "judge"; `name`: how a user knows it; `alone` is
    as for `Mapper.map`.
    """
    aside: list[tuple[int, Exception]] = []
    for number, result in enumerate(engine.map(function, items, alone=alone)):
        if not isinstance(result, SetAside):
            yield result
            continue
        aside.append((number, result.error))
        if len(aside) == MOST_SET_ASIDE:
            break
    if not aside:
        return
    _, error = aside[-1]
    told = error.what if isinstance(error, NegativesError) else f"{type(error).__name__}: {error}"
    listed = "; ".join(name(items[number]) for number, _ in aside)
    rest = "the rest was not tried" if len(aside) == MOST_SET_ASIDE else "the others are finished"
    rest = f"; {rest}" if len(aside) < len(items) else ""
    raise WorkError(
        f"could not {do} {listed}: {' '.join(told.split())} (tried {ATTEMPTS} times{rest})",
        where=where,
        fix=f"fix what it says, if it can be, and {AGAIN}",
    ) from error
