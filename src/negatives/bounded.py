"""Reading what a user names without being held up by it: no device, no pipe, no giant.

/dev/zero has no end, and a pipe that nobody writes to never begins.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, Final

from negatives.errors import DataError, nearest_path

SMALL: Final = 64 * 2**20
"""Bytes of a file that is read at once: recipes and settings are far smaller."""


def check_ordinary(path: Path) -> None:
    """Raise `DataError` where `path` is there and is neither a file nor a folder."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # not there, or not even a name: for whoever opens it
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise DataError(
            f"not a file but a {_sort(mode)}",
            where=str(path),
            fix="name a file that can be read again from its beginning: write it to disk first",
        )


def _sort(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "pipe"
    return "socket" if stat.S_ISSOCK(mode) else "device"


def read_small(path: Path, most: int = SMALL) -> str:
    """The text of a small file; `DataError` where it is no file, too large, or not UTF-8."""
    check_ordinary(path)
    if path.is_dir():
        raise DataError("a folder where a file was expected", where=str(path), fix="name a file")
    try:
        with path.open("rb") as file:
            held = file.read(most + 1)
        if len(held) > most:
            raise DataError(
                f"the file is larger than {most / 2**20:,.0f} MB", where=str(path),
                fix="name the file that was meant: nothing of this kind is so large",
            )  # fmt: skip
        return held.decode()
    except OSError as error:
        raise DataError(
            error.strerror or str(error), where=str(path), fix=nearest_path(path)
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"not UTF-8: byte {error.start:,} is 0x{held[error.start]:02x}",
            where=str(path),
            fix="save the file as UTF-8",
        ) from None


def read_json(path: Path, most: int = SMALL) -> Any:
    """The value in a small JSON file; `DataError` where it is not one."""
    text = read_small(path, most)
    try:
        return json.loads(text)
    except RecursionError:
        what = "the JSON is nested too deeply"
    except ValueError as error:
        what = f"not JSON: {error}"
    raise DataError(what, where=str(path), fix="copy or write the file again")
