"""How a command ends that could not be carried out: a message, and an exit code.

Whatever is raised, foreseen or not, becomes a few lines for a person; -v, or NEGATIVES_TRACEBACK=1,
shows besides where it was raised.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

import cyclopts

from negatives.cli.misread import meant_anywhere, misread
from negatives.errors import InputError, NegativesError, WorkError
from negatives.faults import refused
from negatives.printable import printable

TRACEBACK: Final = "NEGATIVES_TRACEBACK"
RESUMABLE: Final = ("adapt", "mine", "judge", "train", "compare", "bench", "generalise")
LONGEST: Final = 500
"""Characters of a line: a name of thousands is recognised by its beginning and its end."""
_FREE: Final = ("--query-prompt", "--doc-prompt", "--query-vectors", "--doc-vectors", "--api-key")
"""Options for which an empty text is a value."""
_PACKAGE: Final = Path(__file__).parents[1]


class Terminated(BaseException):
    """The process was asked to end (SIGTERM)."""


def told(error: BaseException, command: str, *, traced: bool = False) -> int:
    """Tell what ended a command, such as `data validate`, on stderr; the exit code.

    `traced`: show where an error was raised, too.
    """
    if traced or os.environ.get(TRACEBACK):
        with suppress(Exception):
            traceback.print_exception(error)
    resumable = command in RESUMABLE
    if isinstance(error, KeyboardInterrupt | Terminated):
        how, code = ("stopped", 143) if isinstance(error, Terminated) else ("interrupted", 130)
        then = "; run the same command again to go on from here" if resumable else ""
        _say(f"{how}{then}")
        return code
    if isinstance(error, cyclopts.CycloptsError):
        error = misread(error, command)
    found = understood(error)
    _say(str(found))
    return found.exit_code


def understood(error: BaseException) -> NegativesError:
    """Any exception as an error of this library; one that nobody foresaw asks to be reported."""
    if isinstance(error, NegativesError):
        return error
    if found := refused(error):
        return found
    text = " ".join(str(error).split())
    if isinstance(error, RecursionError):
        return InputError(
            "something is nested too deeply to be read", fix="make the data, or the recipe, flat"
        )
    if isinstance(error, UnicodeEncodeError) and "surrogates" in text:
        return InputError(f"a text is no Unicode: {text}", fix="write it as UTF-8")
    if isinstance(error, ValueError) and "null byte" in text:
        return InputError("a name holds a null byte", fix="write it without")
    if isinstance(error, ConnectionError | TimeoutError):
        return WorkError(f"a connection failed: {text}", fix="run the same command again")
    if isinstance(error, ImportError):
        return WorkError(
            f"a library cannot be loaded: {text}", fix="install it again; see negatives doctor"
        )
    return WorkError(
        f"a fault that was not foreseen: {type(error).__name__}: {text}"[:LONGEST],
        where=_place(error),
        fix=f"please report these lines and the command; {TRACEBACK}=1 shows more. It is a fault "
        "of this package",
    )


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` where the process is asked to end, so that it ends in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def check_words(words: Sequence[str]) -> None:
    """Refuse what no option can mean: an empty text for a name, bytes that are no text.

    And `-quiet`, of which the parser takes -q away before it says that it does not know `-uiet`.
    """
    for word in words[: words.index("--") if "--" in words else None]:
        if re.fullmatch(r"-[a-z]{3,}", word) and (near := meant_anywhere(word)):
            raise InputError(f"Unknown option: {word}. Did you mean {near}?", fix="write it so")
    for before, word in zip(["", *words], words, strict=False):
        name = before if before.startswith("-") else "an argument"
        if re.fullmatch(r"--[\w-]+=", word):
            name, word = word[:-1], ""
        if not word and name not in _FREE:
            raise InputError(f"{name} is empty", fix="give it a value, or leave it out")
        if any("\ud800" <= character <= "\udfff" for character in word):
            ascii_only = sys.getfilesystemencoding().lower() != "utf-8"
            raise InputError(
                f"an argument is not UTF-8: {os.fsencode(word)!r}",
                fix="set PYTHONUTF8=1: Python takes names for ASCII here"
                if ascii_only
                else "rename the file: names are kept, and written, as UTF-8",
            )


def _say(text: str) -> None:
    """Print an error; lines of bounded length, without characters that steer a terminal."""
    lines = [_shortened(line) for line in text.split("\n")]
    clean = printable("\n".join(lines))
    print(f"error: {clean}", file=sys.stderr)


def _shortened(line: str) -> str:
    if len(line) <= LONGEST:
        return line
    half = LONGEST // 2
    return f"{line[:half]} ... {line[-half:]}"


def _place(error: BaseException) -> str:
    """The version, and the deepest line of this package in an error's traceback."""
    from negatives import __version__

    place = f"negatives {__version__}"
    for frame in traceback.extract_tb(error.__traceback__):
        file = Path(frame.filename)
        if file.is_relative_to(_PACKAGE):
            name = file.relative_to(_PACKAGE.parent)
            place = f"negatives {__version__}, {name}, line {frame.lineno}, in {frame.name}"
    return place
