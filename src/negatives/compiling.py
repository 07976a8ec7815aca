"""Loops compiled by numba where it is installed; numpy gives the same bits where it is not."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from negatives.optional import require

Engine = Literal["auto", "numpy", "numba"]

Function = TypeVar("Function", bound=Callable[..., Any])


def to_compile(engine: Engine = "auto", *, worthwhile: bool = True) -> bool:
    """Whether to run the compiled loop: `auto` does where numba is installed and it is worthwhile.

    Raises `MissingExtra` where `numba` is asked for and is not installed.
    """
    if engine == "auto":
        return worthwhile and importlib.util.find_spec("numba") is not None
    if engine == "numba":
        require("numba", extra="fast")
    return engine == "numba"


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
