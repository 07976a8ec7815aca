"""Where a command writes its file: the one that is named, or standard output, which is `-`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, TextIO

from cyclopts import Parameter

from negatives.cli.streams import copy_out
from negatives.errors import InputError, RunError
from negatives.store.atomic import prepare_file, prepare_folder
from negatives.store.scratch import scratch_folder

STANDARD: Final = "-"


def _a_folder(_: object, value: Path | None) -> None:
    if value is not None and str(value) == STANDARD:
        raise ValueError("a folder cannot go to standard output: name one")
    if value is not None and any(above.is_file() for above in value.parents):
        raise RunError(
            "a part of the path is a file, not a folder", where=str(value), fix="check the path"
        )
    if value is not None:
        prepare_folder(value)


def _writable(_: object, value: Path | None) -> None:
    if value is not None and str(value) != STANDARD:
        prepare_file(value)


_NAMES: Final = ("--out", "-o")
OutFolder = Annotated[Path, Parameter(name=_NAMES, allow_leading_hyphen=True, validator=_a_folder)]
"""The folder to make."""
OtherFolder = Annotated[Path, Parameter(validator=_a_folder)]
"""A further folder to make."""
OptionalOutFolder = Annotated[
    Path | None, Parameter(name=_NAMES, allow_leading_hyphen=True, validator=_a_folder)
]
OutFile = Annotated[Path, Parameter(name=_NAMES, allow_leading_hyphen=True, validator=_writable)]
"""The file to write, `-` for standard output."""
OptionalOutFile = Annotated[
    Path | None, Parameter(name=_NAMES, allow_leading_hyphen=True, validator=_writable)
]
"""The same, where none need be written."""
OptionalFile = Annotated[Path | None, Parameter(validator=_writable)]
"""A file that is written besides."""


@contextmanager
def output(out: Path, ending: str, *, json: bool = False) -> Iterator[Path]:
    """The file to write; what is written for `-` is a text of this `ending`, and goes to stdout.

    It goes there whole, or not at all. `json`: whether something else is printed there already.
    """
    if str(out) != STANDARD:
        yield out
        return
    if json:
        raise InputError("--json and -o - both write to standard output", fix="-o FILE")
    with scratch_folder() as folder:
        file = folder / f"rows{ending}"
        yield file
        copy_out(file)


def named(out: Path) -> str:
    """What the file is called in what is told of it."""
    return "FILE" if str(out) == STANDARD else str(out)


def beside(out: Path | None) -> TextIO:
    """Where a command tells what it has written: on stderr where the rows are on stdout."""
    return sys.stderr if out is not None and str(out) == STANDARD else sys.stdout
