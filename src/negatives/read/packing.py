"""Packed files: by which name and which first bytes each kind is known, and how it is unpacked.

gzip, bzip2, xz and LZMA are read as they are. zstd is read where Python brings it (3.14) or the
package `backports.zstd` is installed. What cannot be read is named, with the command that unpacks
it; and so is a file whose name and content say different things.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any, Final, cast

from negatives.errors import DataError
from negatives.read.other_programs import HEAD, refuse_workbook

Opener = Callable[[IO[bytes]], Any]


def _zstd() -> Opener | None:
    for module in ("compression.zstd", "backports.zstd"):
        with suppress(ImportError):
            return cast("Opener", importlib.import_module(module).open)
    return None


class _Streams(io.RawIOBase):
    """Packed streams one after another, perhaps with zero bytes between them, as one file.

    The readers of `bz2` and `lzma` take what follows a stream and is none for the end of the file:
    all that a padded or a broken second stream holds would be missing without a word. `begins` is
    what each stream begins with.
    """

    def __init__(self, made: Callable[[], Any], begins: bytes, file: IO[bytes]) -> None:
        super().__init__()
        self._begins = begins
        self._made, self._file, self._stream = made, file, made()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Unpack some bytes into `buffer`; none at the end of the last stream."""
        piece = b""
        while not piece:
            if self._stream.eof:
                rest = self._stream.unused_data.lstrip(b"\0")
                while not rest:
                    block = self._file.read(_BLOCK)
                    if not block:
                        return 0
                    rest = block.lstrip(b"\0")
                if rest[: len(self._begins)] != self._begins[: len(rest)]:
                    raise _Followed
                self._stream = self._made()
            else:
                rest = self._file.read(_BLOCK) if self._stream.needs_input else b""
                if not rest and self._stream.needs_input:
                    raise EOFError
            piece = self._stream.decompress(rest, len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


class _Followed(Exception):
    """Behind a finished stream something else follows."""


def _streams(made: Callable[[], Any], begins: bytes, file: IO[bytes]) -> IO[bytes]:
    return io.BufferedReader(_Streams(made, begins, file), _BLOCK)


@dataclass(frozen=True, slots=True)
class Packing:
    """One kind: its name, the ending of its files, how they begin, and how they are unpacked."""

    name: str
    ending: str
    begins: re.Pattern[bytes]
    command: str
    opener: Callable[[], Opener | None] = lambda: None
    instead: str = ""


_UNSIGNED: Final = re.compile(rb"(?!)")
"""Of files that begin in no way of their own: their name is believed."""

PACKINGS: Final = (
    Packing("gzip", ".gz", re.compile(rb"\x1f\x8b"), "gunzip", lambda: gzip.open),
    Packing("gzip", ".gzip", re.compile(rb"\x1f\x8b"), "gunzip -S .gzip", lambda: gzip.open),
    Packing(
        "bzip2",
        ".bz2",
        re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
        "bunzip2",
        lambda: partial(_streams, bz2.BZ2Decompressor, b"BZh"),
    ),
    Packing(
        "xz",
        ".xz",
        re.compile(rb"\xfd7zXZ\x00"),
        "unxz",
        lambda: partial(_streams, partial(lzma.LZMADecompressor, lzma.FORMAT_XZ), b"\xfd7zXZ\x00"),
    ),
    Packing(
        "LZMA",
        ".lzma",
        re.compile(rb"\x5d\x00\x00"),
        "unlzma",
        lambda: partial(_streams, partial(lzma.LZMADecompressor, lzma.FORMAT_ALONE), b"\x5d\0\0"),
    ),
    Packing(
        "zstd",
        ".zst",
        re.compile(rb"\x28\xb5\x2f\xfd"),
        "zstd -d --rm",
        _zstd,
        ", or pip install backports.zstd",
    ),
    Packing("zip", ".zip", re.compile(rb"PK\x03\x04"), "unzip"),
    Packing("7-Zip", ".7z", re.compile(rb"7z\xbc\xaf\x27\x1c"), "7z x"),
    Packing("LZ4", ".lz4", re.compile(rb"\x04\x22\x4d\x18"), "lz4 -d --rm"),
    Packing("compress", ".z", re.compile(rb"\x1f\x9d"), "uncompress"),
    Packing("Snappy", ".sz", re.compile(rb"\xff\x06\x00\x00sNaPpY"), "snzip -d"),
    Packing("Brotli", ".br", _UNSIGNED, "brotli -d --rm"),
)
_MODULES_ERRORS: Final = (gzip.BadGzipFile, zlib.error, lzma.LZMAError)
_BLOCK: Final = 1 << 20


def plain_name(path: Path) -> str:
    """The name of a file without the ending of its packing: `a.jsonl.gz` is `a.jsonl`."""
    packing = packing_of(path)
    return path.name if packing is None else path.name[: -len(packing.ending)]


def packing_of(path: Path) -> Packing | None:
    """How a file is packed, by its name."""
    name = path.name.lower()
    return next((packing for packing in PACKINGS if name.endswith(packing.ending)), None)


def packing_within(head: bytes) -> Packing | None:
    """How bytes that begin with `head` are packed."""
    return next((packing for packing in PACKINGS if packing.begins.match(head)), None)


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The file, open for reading, unpacked; `DataError` where that cannot be done.

    What the system says of opening and reading (`OSError`) is passed on.
    """
    named = packing_of(path)
    with path.open("rb") as file:
        head = file.peek(HEAD)[:HEAD]
        refuse_workbook(path, head)
        found = packing_within(head)
        if named and not head:
            raise _cut_off(path, named)
        if named and named.begins is _UNSIGNED:
            found = named
        if (found and found.name) != (named and named.name):
            raise _misnamed(path, named, found)
        if found is None:
            yield file
            return
        opener = found.opener()
        if opener is None:
            raise DataError(
                f"the file is packed with {found.name}, which is not read here",
                where=str(path),
                fix=f"unpack it first: {found.command} {path.name}{found.instead}",
            )
        try:
            with opener(file) as inside:
                yield inside
        except EOFError:
            raise _cut_off(path, found) from None
        except Exception as error:
            if not _is_unsound(error):
                raise
            # That its first stream is gzip was seen above, so this is said of what follows it.
            followed = isinstance(error, _Followed) or "Not a gzipped file" in str(error)
            said = f"behind its end follows what is not {found.name}" if followed else error
            raise DataError(
                f"not a sound {found.name} file: {said}",
                where=str(path),
                fix="copy or download it again"
                + ", or cut off what does not belong to it" * followed,
            ) from None


def _is_unsound(error: Exception) -> bool:
    """Whether an unpacker says that the content is broken; bzip2's is an `OSError` of no number."""
    return (
        isinstance(error, (*_MODULES_ERRORS, _Followed))
        or (isinstance(error, OSError) and error.errno is None)
        or type(error).__name__ == "ZstdError"
    )


def _cut_off(path: Path, packing: Packing) -> DataError:
    return DataError(
        f"the {packing.name} file ends too early: it was cut off",
        where=str(path),
        fix="copy or download it again",
    )


def _misnamed(path: Path, named: Packing | None, found: Packing | None) -> DataError:
    if named and found:
        what = f"the file is named as packed with {named.name}, and is packed with {found.name}"
    elif named:
        what = f"the file is named as packed with {named.name}, and is not packed"
    else:
        what = (
            f"the file is packed with {found.name if found else ''}, and its name does not say so"
        )
    right = plain_name(path) + (found.ending if found else "")
    return DataError(
        what,
        where=str(path),
        fix=f"rename it to {right!r}, or copy or download it again",
    )


def one_each(paths: list[Path]) -> list[Path]:
    """`paths` without packed copies of a file beside it; `DataError` where the two differ."""
    by_name: dict[tuple[Path, str], Path] = {}
    for path in sorted(paths, key=lambda path: (packing_of(path) is not None, path)):
        first = by_name.setdefault((path.parent, plain_name(path)), path)
        if first is not path and not _same(first, path):
            raise DataError(
                f"{first.name} and {path.name} are not the same, unpacked",
                where=str(path.parent),
                fix="keep the one that is meant",
            )
    return sorted(by_name.values())


def _same(one: Path, other: Path) -> bool:
    try:
        stats = [path.stat() for path in (one, other)]
        return _same_content(one, other, *((stat.st_size, stat.st_mtime_ns) for stat in stats))
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(one)) from None


@lru_cache(maxsize=64)
def _same_content(one: Path, other: Path, *_stats: tuple[int, int]) -> bool:
    with unpacked(one) as left, unpacked(other) as right:
        while True:
            mine, theirs = left.read(_BLOCK), right.read(_BLOCK)
            if mine != theirs or not mine:
                return mine == theirs
