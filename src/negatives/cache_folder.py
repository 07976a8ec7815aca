"""Where the cache is that all runs of a user share, which NEGATIVES_CACHE names."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from negatives.errors import InputError

VARIABLE: Final = "NEGATIVES_CACHE"
OFF: Final = "off"


def cache_folder() -> Path | None:
    """The folder of the cache; None where NEGATIVES_CACHE is `off`.

    Raises `InputError` where a home folder is needed and the system knows none.
    """
    named = os.environ.get(VARIABLE, "")
    if named.lower() == OFF:
        return None
    try:
        return Path(named).expanduser() if named else _user_cache() / "negatives"
    except RuntimeError:
        raise InputError(
            "no home folder is known", fix=f"set {VARIABLE} to a folder, or to {OFF}"
        ) from None


def in_cache(path: Path) -> bool:
    """Whether a path lies in the cache."""
    try:
        folder = cache_folder()
    except InputError:
        return False
    return folder is not None and path.absolute().is_relative_to(folder.absolute())


def _user_cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    named = os.environ.get(variable, "")
    return Path(named) if named else Path.home() / ".cache"
