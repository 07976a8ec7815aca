"""A finished run at a second place, so that another policy can be tried beside the first."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from negatives.errors import RunError
from negatives.store.atomic import TEMPORARY, prepare_folder, writing_folder
from negatives.store.lock import NAME as LOCK
from negatives.store.lock import shared
from negatives.store.run import WORK, Run

_LEFT: Final = shutil.ignore_patterns(LOCK, WORK, f"{TEMPORARY}*")


def copied(run: Run, out: Path) -> Path:
    """Copy a finished run to `out`; `RunError` where something is there already.

    Tables are replaced and never written into, so they are linked where the file system has links:
    a ledger takes its room once. All else, to which something may be added, is copied.
    """
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

    with shared(run.path), writing_folder(out) as folder:
        shutil.copytree(run.path, folder, dirs_exist_ok=True, ignore=_LEFT, copy_function=place)
    return out
