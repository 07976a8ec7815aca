"""The bytes of a document as text, a piece at a time, so that its size is of no matter.

A document is UTF-8 unless it says otherwise: by a byte order mark, or, of HTML, by its charset. One
that is not is passed over whole, and never half read: it is gone through once before any of it is
given. Nothing is guessed; the encoding of old files is for the user to name.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from negatives.errors import InputError
from negatives.read.documents.parts import Unreadable
from negatives.read.files import reading
from negatives.read.limits import pieces
from negatives.read.packing import unpacked

PIECE: Final = 1 << 20
"""Bytes read at a time."""
HEAD: Final = 4096
"""Bytes at the beginning of an HTML file in which its charset is looked for."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHARSET: Final = re.compile(
    rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE
)


def check_encoding(name: str) -> str:
    """The name of an encoding of texts; `InputError` where Python knows none of that name."""
    try:
        codec = codecs.lookup(name)
        b"".decode(codec.name)  # a codec of bytes to bytes, such as base64, is none
    except (LookupError, ValueError):
        raise InputError(
            f"there is no encoding {name!r}",
            where="--encoding",
            fix="name one such as cp1252, latin-1, shift_jis or gb18030",
        ) from None
    return codec.name


def text_of(path: Path, encoding: str = "utf-8", *, html: bool = False) -> Iterator[str]:
    """The text of a file in pieces, line ends as `\\n`.

    `encoding`: of what does not say its own. Raises `Unreadable` before the first piece.
    """
    first, kept, size = b"", list[str](), 0
    for raw in _bytes(path):
        first = raw
        break
    if not first:
        raise Unreadable("empty")
    declared = _declared(first, html)
    decoded = _decoded(path, declared or encoding, fixable=declared is None)
    for text in decoded:
        size += len(text)
        if size <= PIECE:
            kept.append(text)
    if size <= PIECE:  # most files: they need not be read again
        yield from kept
    else:
        kept.clear()
        yield from _decoded(path, declared or encoding, fixable=declared is None)


def _declared(first: bytes, html: bool) -> str | None:
    """The encoding that a document itself names."""
    for mark, name in _MARKS:
        if first.startswith(mark):
            return name
    found = _CHARSET.search(first[:HEAD]) if html else None
    if found is None:
        return None
    name = found[1].decode("ascii", "replace")
    try:
        codec = codecs.lookup(name).name
        b"".decode(codec)
    except (LookupError, ValueError):
        raise Unreadable(f"of the unknown encoding {name!r}") from None
    # What names Latin-1 is read as Windows' encoding, as browsers do.
    return "cp1252" if codec == "iso8859-1" else codec


def _decoded(path: Path, encoding: str, *, fixable: bool) -> Iterator[str]:
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    try:
        for raw in _bytes(path):
            if text := decoder.decode(raw):
                if "\0" in text:
                    raise Unreadable("no text: it holds null bytes")
                yield text
        if text := decoder.decode(b"", final=True):
            yield text
    except UnicodeError:
        name = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16"}.get(encoding, encoding)
        fix = "save them as UTF-8, or name what they are, such as --encoding cp1252"
        raise Unreadable(f"not {name}", fix if fixable else "") from None


def _bytes(path: Path) -> Iterator[bytes]:
    with reading(path), unpacked(path) as file:
        yield from pieces(path, file, PIECE)
