"""Folders that are needed only while a piece of work goes on."""

from __future__ import annotations

import atexit
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
        made, folder = Path(mkdtemp(prefix="negatives-")), beside(named)

    def remove() -> None:
        for each in (made, folder):
            shutil.rmtree(each, ignore_errors=True)

    atexit.register(remove)  # an interruption may come while it is removed
    try:
        with in_use(made, os.O_RDONLY):  # before it has a name by which others would remove it
            made.rename(folder)
            yield folder
    finally:
        remove()
        atexit.unregister(remove)
