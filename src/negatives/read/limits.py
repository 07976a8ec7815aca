"""What a file of texts may not be: one endless line, or a little packed file that unpacks for ever.

Either would be read until memory is gone. No text that anybody searches is so long, and no real
collection packs so well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from negatives.errors import DataError

LONGEST_LINE: Final = 1 << 27
"""Bytes of one line, at most: 128 MB."""

UNPACKED: Final = 1 << 27
PACKED_BY: Final = 300
"""Bytes from which on, and how many times its packed size, a file is called a bomb."""


def pieces(path: Path, file: IO[bytes], size: int) -> Iterator[bytes]:
    """What `file`, opened from `path` and perhaps unpacking it, holds, `size` bytes at a time."""
    most = max(UNPACKED, PACKED_BY * path.stat().st_size)
    held = 0
    while piece := file.read(size):
        held += len(piece)
        if held > most:
            raise DataError(
                f"the packed file holds more than {PACKED_BY} times its size: no texts pack so "
                "well, it is made to fill a memory",
                where=str(path),
                fix="unpack it yourself if you know what it holds",
            )
        yield piece


def too_long(path: Path) -> DataError:
    """The error for a line that is no row."""
    return DataError(
        f"a line of more than {LONGEST_LINE / 2**20:,.0f} MB",
        where=str(path),
        fix="check what the file is: rows are lines of text, one object or record each",
    )
