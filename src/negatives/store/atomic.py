"""Writing a file so that it is there whole or not at all.

A unique temporary name in the same folder, fsync, rename, fsync of the folder. A failed write
leaves nothing behind, and a full disk becomes one clear error.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from negatives.errors import NegativesError, RunError
from negatives.faults import refused

TEMPORARY = ".partial-"


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a temporary path; on success it becomes `path`, on failure it is removed."""
    temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}-{path.name}")
    try:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            descriptor = os.open(temporary, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temporary.replace(path)
            sync_folder(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


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


def make_folder(folder: Path) -> Path:
    """Make a folder, and those above it, unless they are there."""
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_partial(folder: Path) -> None:
    """Remove what killed writers left in `folder` and below."""
    for left in list(folder.rglob(f"{TEMPORARY}*")):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def file_hash(path: Path) -> str:
    """Blake2b-128 of a file's bytes, hexadecimal."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
