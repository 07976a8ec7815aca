"""Loops compiled by numba where it is installed; numpy gives the same bits where it is not."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

from negatives.optional import require

Engine = Literal["auto", "numpy", "numba"]

Function = TypeVar("Function", bound=Callable[..., Any])


ROOM: Final = 256 * 2**20
"""Memory below which the compiler is not started: its libraries and what it makes take 150 MB."""

_room = True


def leave_room(memory: int) -> None:
    """Say how much memory the work of this process may take, from now on."""
    global _room
    _room = memory >= ROOM


def to_compile(engine: Engine = "auto", *, worthwhile: bool = True) -> bool:
    """Whether to run the compiled loop: `auto` does where numba is installed and it is worthwhile.

    And where there is memory for it, or it is in memory already. Raises `MissingExtra` where
    `numba` is asked for and is not installed.
    """
    if engine == "auto":
        if not worthwhile or importlib.util.find_spec("numba") is None:
            return False
        return _room or "numba" in sys.modules
    if engine == "numba":
        require("numba", extra="fast")
    return engine == "numba"


class Paid:
    """Work that was done without the compiler: as much as starting it costs, and it is worthwhile.

    Where nobody knows how many parts follow, at most twice what would have been least is spent.
    """

    def __init__(self, cost: float) -> None:
        self._cost = cost
        self._done = 0.0

    def off(self, work: float, foreseen: float = 0) -> bool:
        """Whether with this work, which is to be done now, as much has been done.

        Or will be: `foreseen` is what is known to come altogether, this work included.
        """
        self._done += work
        started = "numba" in sys.modules  # one loop more then takes about a quarter of the time
        return max(self._done, foreseen) >= (self._cost / 4 if started else self._cost)


def compiled(function: Function) -> Function:
    """`function`, compiled when it is first called, and kept beside its file for the next process.

    It lets other threads run, and does not check bounds.
    """
    njit = require("numba", extra="fast").njit
    try:
        made: Function = njit(cache=True, nogil=True, boundscheck=False)(function)
    except RuntimeError:  # there is nowhere to keep what was compiled
        made = njit(nogil=True, boundscheck=False)(function)
    return made
