"""A finished run at a second place, so that another policy can be tried beside the first."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from negatives.errors import RunError
from negatives.store.atomic import TEMPORARY, prepare_folder, refuse_dead_link, writing_folder
from negatives.store.lock import NAME as LOCK
from negatives.store.lock import holder, shared
from negatives.store.run import WORK, Run

_LEFT: Final = shutil.ignore_patterns(LOCK, WORK, f"{TEMPORARY}*")


def copied(run: Run, out: Path) -> Path:
    """Copy a finished run to `out`; `RunError` where something is there already.

    Tables are replaced and never written into, so they are linked where the file system has links:
    a ledger takes its room once. All else, to which something may be added, is copied. The run may
    lie where nobody may write; the copy may be written to all the same.
    """
    refuse_dead_link(out)
    if out.resolve().is_relative_to(run.path.resolve()):
        raise RunError(
            "a run is not copied into its own folder",
            where=str(out),
            fix=f"choose another --out, such as {run.path}-2",
        )
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise RunError(
            "something is there already",
            where=str(out),
            fix=f"choose another --out, or: negatives pick {out}",
        )
    prepare_folder(out)
    tables = {run.path / name for name in run.manifest.files}

    def place(source: str, target: str) -> None:
        if Path(source) in tables:
            with suppress(OSError):  # another file system, or one without links
                os.link(source, target)
                return
        shutil.copy2(source, target)
        _open_to_writing(Path(target))

    with _held(run.path), writing_folder(out) as folder:
        shutil.copytree(
            run.path,
            folder,
            dirs_exist_ok=True,
            ignore=_LEFT,
            copy_function=place,
            ignore_dangling_symlinks=True,
        )
        for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            _open_to_writing(each)
    return out


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep a run as it is; where it cannot be written to, see that no other process works on it."""
    if os.access(folder, os.W_OK):
        with shared(folder):
            yield
        return
    if owner := holder(folder):
        raise RunError(
            f"another process is working on this run (process {owner})",
            where=str(folder),
            fix="wait for it to end",
        )
    yield


def _open_to_writing(path: Path) -> None:
    """Let its owner write to a copy of what was closed to writing."""
    mode = path.stat().st_mode
    if not mode & stat.S_IWUSR:
        path.chmod(mode | stat.S_IWUSR)
