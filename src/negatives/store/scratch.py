"""Folders that are needed only while a piece of work goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from negatives.store.atomic import beside, explained, in_use, remove_abandoned


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield an empty folder for temporary files, which is gone afterwards.

    It is named, and held, as a half-written folder `negatives` among the system's temporary files
    would be: so the next one is made only after those of killed processes are removed.
    """
    named = Path(gettempdir()) / "negatives"
    remove_abandoned(named)
    with explained(named.parent):
        folder = Path(mkdtemp(prefix="negatives-"))
    try:
        with in_use(folder, os.O_RDONLY):  # before it has a name by which others would remove it
            folder = folder.rename(beside(named))
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
