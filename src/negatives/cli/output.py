"""What a command prints goes through here: texts of data, files and services as plain text."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, cast

from negatives.printable import printable

_OWN = ("--help", "-h", "--version")
"""What prints our own words only, in colours that are escape sequences."""


class _Plain:
    """A stream that writes what `printable` makes of a text, and is the stream otherwise."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(printable(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def plain_output(arguments: Sequence[str]) -> Iterator[None]:
    """Standard output without control characters, for a command given by `arguments`."""
    if not arguments or any(one in _OWN for one in arguments):
        yield
        return
    with redirect_stdout(cast(Any, _Plain(sys.stdout))):
        yield
