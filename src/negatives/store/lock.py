"""One process to a run directory, or several that share a folder of the embedding store.

The kernel drops a lock however its holder dies.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from negatives.errors import RunError
from negatives.store.atomic import explained, refuse_dead_link, remove_abandoned_in

NAME = ".lock"
_TRIES = 100
"""Where a folder is gone this many times after it was made, it cannot be made at all."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process; `RunError` when another process has it.

    What a killed holder left half written is removed. The file of the lock is gone afterwards, and
    so is the folder where it was made for the lock and nothing has come to lie in it.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    descriptor = _held(folder, _take)
    try:
        number = str(os.getpid()).encode()
        with explained(folder / NAME):
            os.pwrite(descriptor, number, 0)
            os.truncate(descriptor, len(number))
        remove_abandoned_in(folder)
        yield
    finally:
        with suppress(OSError):
            (folder / NAME).unlink()
        os.close(descriptor)
        with suppress(OSError):
            for each in made:
                each.rmdir()


@contextmanager
def shared(folder: Path) -> Iterator[None]:
    """Hold `folder` together with others who share it; wait while one has it `locked`.

    What killed processes left half written is removed. Where there are no shared locks (Windows,
    some network folders), nothing is held.
    """
    descriptor = _held(folder, _take_shared)
    try:
        remove_abandoned_in(folder)
        yield
    finally:
        os.close(descriptor)


def holder(folder: Path) -> str:
    """The number of another process that has `folder` locked; empty where none has."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would block
    except OSError:
        return ""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except ImportError:
        return ""
    except OSError:
        owner = _owner(descriptor)
        return "" if owner == str(os.getpid()) else owner
    finally:
        os.close(descriptor)
    return ""


def _held(folder: Path, take: Callable[[int], bool]) -> int:
    """A descriptor of the folder's lock, once `take` has it; `RunError` where another has it."""
    while True:
        descriptor = _opened(folder)
        if not take(descriptor):
            owner = _owner(descriptor)
            os.close(descriptor)
            raise RunError(
                f"another process is working on this run (process {owner})",
                where=str(folder),
                fix="wait for it to end, or choose another --out",
            )
        if _current(descriptor, folder):
            return descriptor
        os.close(descriptor)


def _opened(folder: Path) -> int:
    """The file of the lock, made with its folder, and again if they are removed meanwhile."""
    refuse_dead_link(folder)
    for _ in range(_TRIES):
        with explained(folder / NAME), suppress(FileNotFoundError):
            folder.mkdir(parents=True, exist_ok=True)
            return os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    raise RunError("the folder cannot be made", where=str(folder), fix="choose another folder")


def _current(descriptor: int, folder: Path) -> bool:
    """Whether the file is still the folder's lock: its last holder may have removed it."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), (folder / NAME).stat())
    return False


def _owner(descriptor: int) -> str:
    return os.pread(descriptor, 64, 0).decode("ascii", "replace").strip() or "unknown"


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


def _take_shared(descriptor: int) -> bool:
    with suppress(ImportError, OSError):  # where there are no shared locks, nothing is held
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_SH)
    return True
