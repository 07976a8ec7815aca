"""One process to a run directory, or several that share a folder of the embedding store.

The kernel drops a lock however its holder dies.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


@contextmanager
def shared(folder: Path) -> Iterator[None]:
    """Hold `folder` together with others who share it; wait while one has it `locked`.

    Where there are no shared locks (Windows, some network folders), nothing is held.
    """
    descriptor = _share(folder)
    try:
        yield
    finally:
        os.close(descriptor)


def _share(folder: Path) -> int:
    """A descriptor that shares the lock of the folder, made again if it is removed meanwhile."""
    path = folder / NAME
    while True:
        with explained(path):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            except FileNotFoundError:
                continue
        with suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
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
