"""Folders that lie beside the store of vectors, by their names: replies, exported models."""

from __future__ import annotations

import re
from pathlib import Path


def kept_folders(place: Path, name: re.Pattern[str]) -> list[Path]:
    """The folders in a place that are called so, sorted; none where there is no such place."""
    try:
        inside = sorted(place.iterdir())
    except OSError:
        return []
    return [path for path in inside if name.fullmatch(path.name) and path.is_dir()]
