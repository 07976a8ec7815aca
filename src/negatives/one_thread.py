"""Matrix products by one thread, so that their rounding does not follow the number of threads.

How many threads a product takes is a property of the process, not of the thread that asks for it.
So it is counted who asked: were each to put back what it found, the first to end would give threads
back to those who still multiply, in the midst of a product of theirs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import threadpoolctl

_turn = threading.Lock()
_held = ExitStack()
_inside = 0


@contextmanager
def one_thread() -> Iterator[None]:
    """Products of matrices take one thread each until the last block of this kind has ended.

    It holds for the libraries that are loaded when the first block begins: what multiplies by
    SciPy imports it before.
    """
    global _inside
    with _turn:
        if not _inside:
            _in_charge()
            _held.enter_context(threadpoolctl.threadpool_limits(limits=1, user_api="blas"))
        _inside += 1
    try:
        yield
    finally:
        with _turn:
            _inside -= 1
            if not _inside:
                _in_charge()
                _held.close()


def _in_charge() -> None:
    """Since threadpoolctl 3.8 all but the thread that first set a number are silently ignored."""
    openblas = getattr(threadpoolctl, "OpenBLASController", None)
    if forget := getattr(openblas, "clear_controlling_thread", None):
        forget(force=True)
