"""Mapped files take no more memory than what is being read of them."""

from __future__ import annotations

import gc
import resource
import sys
from pathlib import Path

import numpy as np
import pytest

from negatives.store.mapped import _OPEN, let_go, let_go_of_all, open_array

NUMBERS = 4_000_000


def touched() -> int:
    """Bytes of files that are in this process's memory."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[2]) * resource.getpagesize()


@pytest.mark.skipif(sys.platform != "linux", reason="counts pages as Linux tells them")
def test_what_was_touched_leaves_the_memory_and_is_there_again_when_asked_for(
    tmp_path: Path,
) -> None:
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", np.arange(NUMBERS, dtype="<f4"))
    first, second = (open_array(tmp_path / f"{number}.npy") for number in range(2))
    before = touched()
    total = first.sum() + second.sum()
    assert touched() - before > 1.9 * first.nbytes
    let_go(first)
    assert touched() - before < 1.1 * first.nbytes
    let_go_of_all()
    assert touched() - before < 0.1 * first.nbytes
    assert first.sum() + second.sum() == total


def test_an_array_that_is_used_no_more_is_not_kept_open(tmp_path: Path) -> None:
    np.save(tmp_path / "few.npy", np.arange(3.0))
    open_before = len(_OPEN)
    array = open_array(tmp_path / "few.npy")
    assert len(_OPEN) == open_before + 1
    del array
    gc.collect()
    assert len(_OPEN) == open_before


def test_arrays_of_no_numbers_and_in_memory_have_nothing_to_let_go(tmp_path: Path) -> None:
    np.save(tmp_path / "none.npy", np.empty((0, 3), np.float32))
    assert open_array(tmp_path / "none.npy").shape == (0, 3)
    let_go(np.ones(3))
    let_go_of_all()
