"""Standard output and error that never fail a command whose work is done, nor steer a terminal.

What a terminal cannot encode is replaced; a reader that went away loses the rest, and only that.
Texts of data, files and services are printed without control characters.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final, TextIO, cast

from negatives.card import Card
from negatives.printable import printable

_ERRORS: Final = "negatives-readable"
_PLAIN: Final = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "…": "...", "’": "'", "‘": "'", "“": '"', "”": '"', "×": "x"}
)


_OWN: Final = ("--help", "-h", "--version")
"""What prints our own words only, in colours that are escape sequences."""


@contextmanager
def streams(words: Sequence[str]) -> Iterator[None]:
    """Standard output and error, for the time of the command `words`, that write what they can."""
    codecs.register_error(_ERRORS, _readable)
    before = sys.stdout, sys.stderr
    own = not words or any(word in _OWN for word in words)
    sys.stdout = _wrapped(before[0], str if own else printable)
    sys.stderr = _wrapped(before[1], forgiven=(OSError, ValueError))  # what it says is no result
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def print_card(card: Card) -> None:
    """Print what a result says of itself, wrapped where it is read on a terminal."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(card.text(width))


def print_json(value: Any) -> None:
    """Print plain values as JSON: as they are where the terminal can show them, escaped else."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(json.dumps(value, ensure_ascii=not encoding.lower().replace("-", "").startswith("utf")))


def own_colours() -> TextIO:
    """Standard output for what is coloured on the way: whoever writes has made texts harmless."""
    if isinstance(sys.stdout, _Forgiving):
        return cast(TextIO, _Forgiving(sys.stdout._stream, str, sys.stdout._forgiven))
    return sys.stdout


def copy_out(file: Path) -> None:
    """The bytes of a text file on standard output, as they are: another program reads them."""
    stream = sys.stdout
    with (
        file.open("rb") as source,
        stream.lost() if isinstance(stream, _Forgiving) else nullcontext(),
    ):
        stream.flush()
        if hasattr(stream, "buffer"):
            shutil.copyfileobj(source, stream.buffer)
            stream.buffer.flush()
        else:
            sys.stdout.write(source.read().decode())


def _wrapped(
    stream: TextIO | None,
    cleaned: Callable[[str], str] = str,
    forgiven: tuple[type[Exception], ...] = (BrokenPipeError,),
) -> TextIO:
    """The stream as it should be; one that nobody reads where it is closed, as `>&-` does."""
    if stream is None:
        return io.StringIO()
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=_ERRORS)
    return cast(TextIO, _Forgiving(stream, cleaned, forgiven))


class _Forgiving:
    """A stream to a reader that may have gone away; everything else is the stream's own.

    `forgiven`: the errors of writing after which the rest is lost, and the command goes on.
    """

    def __init__(
        self,
        stream: TextIO,
        cleaned: Callable[[str], str],
        forgiven: tuple[type[Exception], ...],
    ) -> None:
        self._stream, self._cleaned, self._forgiven = stream, cleaned, forgiven

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, if anybody reads."""
        with self.lost():
            self._stream.write(self._cleaned(text))
        return len(text)

    def flush(self) -> None:
        """Flush, if anybody reads."""
        with self.lost():
            self._stream.flush()

    @contextmanager
    def lost(self) -> Iterator[None]:
        """What a reader that went away does not read is lost, and only that."""
        try:
            yield
        except self._forgiven:
            # Whatever Python still holds back for this stream goes nowhere, at exit too.
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


def _readable(error: UnicodeError) -> tuple[str | bytes, int]:
    """Stands in for what cannot be encoded: plain punctuation, else a question mark each."""
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end].translate(_PLAIN)
    return "".join(c if c.isascii() else "?" for c in text), error.end
