"""Writing a file so that it is there whole or not at all.

A unique temporary name in the same folder, fsync, rename, fsync of the folder. A failed write
leaves nothing behind, and a full disk becomes one clear error.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from glob import escape
from pathlib import Path
from typing import Final

import msgspec

from negatives.errors import DiskFull, InputError, NegativesError, RunError
from negatives.faults import refused

TEMPORARY = ".partial-"


@contextmanager
def writing(path: Path, *, new: bool = False) -> Iterator[Path]:
    """Yield a temporary path; on success it becomes `path`, on failure it is removed.

    `new`: nothing is replaced, not even what another process has written there meanwhile;
    `InputError` then.
    """
    temporary = beside(path)
    try:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with in_use(temporary, os.O_RDWR | os.O_CREAT):
                yield temporary
                sync(temporary)
                if new:
                    _place_new(temporary, path)
                else:
                    temporary.replace(path)
            sync(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _place_new(temporary: Path, path: Path) -> None:
    """Give a file its name if nothing has it: a link is refused where a rename would replace."""
    try:
        os.link(temporary, path)
        return
    except FileExistsError:
        there = True
    except OSError:  # a file system without links
        there = path.exists()
    if there:
        raise InputError(
            "another process has written this file meanwhile",
            where=str(path),
            fix="choose another file",
        )
    temporary.replace(path)


@contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder; on success it becomes `path`, which nothing is in.

    Where `path` is a link, what it leads to is made: a link is not replaced.
    """
    folder = path.resolve()
    remove_abandoned(folder)
    temporary = beside(folder)
    try:
        with explained(path):
            temporary.mkdir(parents=True)
            with in_use(temporary, os.O_RDONLY):
                yield temporary
                # A rename replaces an empty folder, and fails if one was filled meanwhile.
                temporary.rename(folder)
            sync(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def prepare_file(path: Path) -> None:
    """Raise `RunError`, before any work, where no file can be written at `path`; remove what killed
    writers of it left.

    A device or a pipe is refused: a file would take its place, that of /dev/null among them. The
    nearest folder above it that is there is tried out: permissions alone do not tell.
    """
    if path.is_dir():
        raise RunError(
            "this is a folder, and a file is to be written",
            where=str(path),
            fix=f"name a file in it, such as {path / 'FILE'}",
        )
    if path.exists() and not path.is_file():
        raise RunError(
            "this is a device, a pipe or a socket, whose place a file would take",
            where=str(path),
            fix="name a file",
        )
    _try_out(path)
    remove_abandoned(path)


def prepare_folder(path: Path) -> None:
    """Raise `RunError`, before any work, where no folder can be made at `path`."""
    with explained(path), suppress(FileNotFoundError):
        path.stat()  # what leads to it is no circle of links, and no name too long
    if not path.exists():
        _try_out(path)


def refuse_dead_link(folder: Path) -> None:
    """Raise `RunError` for a link that leads nowhere: folders would be made where it points."""
    if folder.is_symlink() and not folder.exists():
        raise RunError(
            f"a link to {folder.readlink()}, which is not there",
            where=str(folder),
            fix="make the folder that it leads to, or choose another --out",
        )


def _try_out(path: Path) -> None:
    """Write something into the nearest folder above `path` that is there, and remove it."""
    there = next(above for above in path.absolute().parents if above.exists())
    try:
        with tempfile.TemporaryFile(dir=there, prefix=TEMPORARY):
            return
    except OSError as error:
        found = refused(error, path, wrong=RunError, do="write")
        said = os.strerror(error.errno or 0)
    if isinstance(found, InputError | DiskFull):
        raise found
    raise RunError(f"cannot write: {said}", where=str(path), fix="choose another place")


def remove_abandoned(path: Path) -> None:
    """Remove what killed writers of `path` left beside it, in a folder that is not ours alone."""
    _remove_unused(path.parent.glob(f"{TEMPORARY}*-{escape(path.name)}"))


def remove_abandoned_in(folder: Path) -> None:
    """Remove what killed writers left in a folder and below; not what others are writing."""
    _remove_unused(folder.rglob(f"{TEMPORARY}*"))


def _remove_unused(found: Iterable[Path]) -> None:
    for left in list(found):
        flags = os.O_RDONLY | os.O_NONBLOCK  # a pipe would block
        with suppress(OSError, ImportError), in_use(left, flags, ask=True):
            _remove(left)


@contextmanager
def in_use(temporary: Path, flags: int, ask: bool = False) -> Iterator[None]:
    """Open a temporary file or folder, and let other processes know that it is not abandoned.

    `ask`: raise `OSError` where another process has it, and where none could be told.
    """
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with nullcontext() if ask else suppress(OSError, ImportError):
            import fcntl  # absent on Windows

            fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if ask else 0))
        if ask or temporary.exists():
            yield
        else:  # another process took it for abandoned, in the moment before it was held
            with in_use(temporary, flags):
                yield
    finally:
        os.close(descriptor)


def beside(path: Path) -> Path:
    """A new name for what is to become `path`, in the same folder; see `remove_abandoned`."""
    return path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}-{path.name}")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the operating system's reasons for not writing `path` into this library's errors."""
    try:
        yield
    except NegativesError:
        raise
    except Exception as error:  # polars and numpy wrap a full disk in errors of their own
        found = refused(error, path, wrong=RunError, do="write")
        if found is None:
            raise
        raise found from None


def write_text(path: Path, text: str) -> None:
    """Write a small text file atomically."""
    with writing(path) as temporary:
        temporary.write_text(text, "utf-8")


def write_json(path: Path, value: object, *, new: bool = False) -> None:
    """Write plain values or a struct as JSON that people can read, atomically; `new`: where it
    replaces nothing.
    """
    with writing(path, new=new) as temporary:
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2))


def make_folder(folder: Path) -> Path:
    """Make a folder, and those above it, unless they are there."""
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def sync(path: Path) -> None:
    """Make the bytes of a file durable, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_partial(folder: Path) -> None:
    """Remove what killed writers left in `folder` and below."""
    for left in list(folder.rglob(f"{TEMPORARY}*")):
        _remove(left)


def _remove(left: Path) -> None:
    if left.is_dir() and not left.is_symlink():
        shutil.rmtree(left, ignore_errors=True)
    else:
        left.unlink(missing_ok=True)


_LARGE: Final = 1 << 26
"""Bytes of vectors and of models, which several ask for. No other such file is written within the
step of a clock, so that the file system's times tell them apart."""
_KNOWN: Final[dict[tuple[str, int, int, int, int], str]] = {}


def file_hash(path: Path) -> str:
    """Blake2b-128 of a file, hexadecimal; a large one that is as it was is not read again."""
    now = path.stat()
    if now.st_size < _LARGE:
        return _hashed(path)
    as_it_is = (str(path.absolute()), now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
    if as_it_is not in _KNOWN:
        _KNOWN[as_it_is] = _hashed(path)
    return _KNOWN[as_it_is]


def _hashed(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
