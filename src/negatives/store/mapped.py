"""Arrays of the library's own files, mapped into memory, and letting go of what was touched.

A page of a mapped file that was once touched counts as memory of the process for as long as the
array is open, though nothing is lost where it is taken out: the file still has it.
"""

from __future__ import annotations

import mmap
import weakref
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from negatives.errors import DataError, RunError
from negatives.faults import raise_spent
from negatives.store.headers import check_npy

_OPEN: Final[weakref.WeakSet[mmap.mmap]] = weakref.WeakSet()


def open_array(path: Path) -> NDArray[Any]:
    """An array of the library's own, memory-mapped; `RunError` where its file is damaged."""
    try:
        check_npy(path)
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (DataError, ValueError, EOFError, OSError) as error:
        raise_spent(error)
        why = error.what if isinstance(error, DataError) else str(error)
        raise RunError(
            f"a file of this run's work is damaged: {why}",
            where=str(path),
            fix="remove it, and run the same command again: it is made anew",
        ) from None
    return remembered(array)


def remembered(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, of which `let_go_of_all` takes the pages as well."""
    if (owner := _owner(array)) is not None:
        _OPEN.add(owner)
    return array


def let_go(array: NDArray[Any]) -> None:
    """Take the touched pages of a mapped file out of this process's memory; none is lost."""
    if (owner := _owner(array)) is not None:
        _let_go(owner)


def let_go_of_all() -> None:
    """The same of every array of `open_array`, or `remembered`, that is still in use."""
    for owner in list(_OPEN):
        _let_go(owner)


def _owner(array: NDArray[Any]) -> mmap.mmap | None:
    """The mapping that an array lies in; one of no numbers is not mapped."""
    owner: object = array.base
    return owner if isinstance(owner, mmap.mmap) else None


def _let_go(owner: mmap.mmap) -> None:
    if hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)
