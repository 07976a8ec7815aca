"""One process to a run directory. The kernel drops the lock however its holder dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from negatives.errors import RunError
from negatives.store.atomic import explained

NAME = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process; `RunError` when another process has it."""
    path = folder / NAME
    with explained(path):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _take(descriptor):
            owner = os.read(descriptor, 64).decode("ascii", "replace").strip()
            raise RunError(
                f"another process is working on this run (process {owner or 'unknown'})",
                where=str(folder),
                mend="wait for it to end, or choose another --out",
            )
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        import fcntl  # absent on Windows
    except ImportError:
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
