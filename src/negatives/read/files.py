"""Bytes and lines of a file, plain or packed, in blocks of whole lines; never a whole file at once.

Every way in which opening or reading can fail becomes one `DataError`.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from negatives.bounded import check_ordinary
from negatives.errors import DataError, nearest_path
from negatives.faults import raise_spent, refused
from negatives.read.findings import NOT_UTF8, Findings, shown
from negatives.read.limits import LONGEST_LINE, pieces, too_long
from negatives.read.other_programs import instead_of
from negatives.read.packing import one_each, packing_of, packing_within, plain_name, unpacked

BLOCK: Final = 2 << 20
"""Bytes read at a time: large enough for the decoder, small beside the collection."""

BOM: Final = b"\xef\xbb\xbf"
_ARCHIVES: Final = (".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".rar")
UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
UTF_32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_HEAD: Final = 1 << 16
"""Bytes by which the encoding and the ends of lines are told: no block read is smaller."""


def stem(path: Path) -> str:
    """The name of a file without its endings: `a.jsonl.gz` is `a`."""
    return plain_name(path).rsplit(".", 1)[0]


def ending(path: Path) -> str:
    """The ending that tells the format, lower case: `a.jsonl.gz` is `.jsonl`."""
    return Path(plain_name(path)).suffix.lower()


def matching(folder: Path, *patterns: str) -> list[Path]:
    """Files of a folder whose names fit one of the patterns, in name order; hidden ones left out.

    Names are taken without the ending of a packing, and in lower case. A file that lies there plain
    and packed is one file; `DataError` where the two differ, or a name leads nowhere.
    """
    _leads_somewhere(folder)
    return one_each(
        [
            path
            for path in (sorted(folder.iterdir()) if folder.is_dir() else [])
            if not path.name.startswith(".")
            and any(fnmatchcase(plain_name(path).lower(), pattern) for pattern in patterns)
            and (_leads_somewhere(path) and path.is_file())
        ]
    )


def first_existing(folder: Path, *names: str) -> Path | None:
    """The first of `names` that is a file in `folder`, plain or packed."""
    found = (matching(folder, name.lower()) for name in names)
    return next((paths[0] for paths in found if paths), None)


def _leads_somewhere(path: Path) -> bool:
    if path.is_symlink() and not path.exists():
        raise dead_link(path)
    return True


def dead_link(path: Path) -> DataError:
    """The error for a link to what is not there."""
    return DataError(
        f"a link to {path.readlink()}, which is not there",
        where=str(path),
        fix="copy or download what it leads to again, or remove the link",
    )


def unknown_format(path: Path, read: str) -> DataError:
    """The error for a file whose ending tells no format; `read`: what is read instead."""
    packing = packing_of(path)
    archive = packing is not None or path.suffix.lower() in _ARCHIVES
    name = "".join(path.suffixes[-2:]) if packing else path.suffix
    return DataError(
        f"a file ending in {name!r} is of no known format"
        if name
        else "a file whose name has no ending is of no known format",
        where=str(path),
        fix="unpack it, and name what was in it" if archive else instead_of(path) or read,
    )


def blocks(path: Path, size: int = BLOCK) -> Iterator[bytes]:
    """The bytes of `path`, unpacked, in blocks that end where a line ends (the last may not).

    Lines may also all end in a carriage return alone, as on old computers; a line feed is given.
    """
    with reading(path), unpacked(path) as file:
        parts: list[bytes] = []
        start, old = True, False
        for block in pieces(path, file, size):
            if start:
                check_head(path, block[:_HEAD])
                block, start = block.removeprefix(BOM), False
                old = b"\r" in block[:_HEAD] and b"\n" not in block[:_HEAD]
                if not block:
                    continue
            if old:
                block = block.replace(b"\r", b"\n")
            cut = block.rfind(b"\n") + 1
            if not cut:  # one line longer than a block
                parts.append(block)
                if sum(map(len, parts)) > LONGEST_LINE:
                    raise too_long(path)
                continue
            yield b"".join([*parts, block[:cut]])
            parts = [block[cut:]] if cut < len(block) else []
        if parts:
            yield b"".join(parts)


def check_head(path: Path, head: bytes) -> None:
    """`DataError` where a file that begins with `head` is no text in UTF-8, but plainly another."""
    code = next((name for name, is_so in _ENCODINGS.items() if is_so(head)), "")
    if code:
        raise DataError(
            f"the file is {code.upper()}, and not UTF-8",
            where=str(path),
            fix=f"save it as UTF-8 (for example: iconv -f {code} -t utf-8)",
        )
    if head.startswith(b"version https://git-lfs."):
        raise DataError(
            "the file is a pointer of Git LFS, and not what it points to",
            where=str(path),
            fix="fetch the content: git lfs pull, or download the file itself",
        )
    if packing := packing_within(head):
        raise DataError(
            f"the file is packed twice: what was unpacked is packed with {packing.name}",
            where=str(path),
            fix=f"unpack it once: {packing.command} {path.name}; or pack it only once",
        )
    if head[257:262] == b"ustar":
        raise DataError(
            "the file is an archive of tar, and no text",
            where=str(path),
            fix=f"unpack it, and name what was in it: tar -xf {path.name}",
        )
    if head.startswith(b"PAR1"):
        raise DataError(
            "the file is Parquet, and its name does not say so",
            where=str(path),
            fix=f"rename it to '{stem(path)}.parquet'",
        )


_ENCODINGS: Final[dict[str, Callable[[bytes], bool]]] = {
    "utf-32": lambda head: head.startswith(UTF_32),
    "utf-16": lambda head: head.startswith(UTF_16),
    "utf-16le": lambda head: len(head) > 3 and all(head[0:4:2]) and not any(head[1:4:2]),
    "utf-16be": lambda head: len(head) > 3 and all(head[1:4:2]) and not any(head[0:4:2]),
}


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the reasons for not reading `path` into `DataError`."""
    check_ordinary(path)
    try:
        yield
    except FileNotFoundError:
        raise DataError("no such file", where=str(path), fix=nearest_path(path)) from None
    except OSError as error:
        found = refused(error, path, wrong=DataError, do="read")
        raise found or DataError(f"cannot be read: {error}", where=str(path)) from None


@contextmanager
def telling(
    what: str, where: Path | str, fix: str, kinds: tuple[type[Exception], ...] = (Exception,)
) -> Iterator[None]:
    """What a library says of what it cannot read, in errors of `kinds`, becomes one `DataError`."""
    try:
        yield
    except DataError:
        raise
    except kinds as error:
        raise_spent(error)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"{what}: {reason}", where=str(where), fix=fix) from None


class Lines:
    """The lines of a text file, each with its line end; `number` is that of the last one given."""

    def __init__(self, path: Path, findings: Findings) -> None:
        self.number = 0
        self._path = path
        self._findings = findings
        self._file = findings.file(path)

    def __iter__(self) -> Iterator[str]:
        for numbers, texts, is_whole in self.in_blocks():
            last = texts.pop() if texts and not is_whole else ""
            for self.number, text in zip(numbers, texts, strict=False):
                yield text + "\n"
            if last:
                self.number = numbers[-1]
                yield last

    def in_blocks(self) -> Iterator[tuple[Sequence[int], list[str], bool]]:
        """Numbers and texts of many lines, without their ends, and whether the last one has one."""
        number = offset = 0
        for block in blocks(self._path):
            is_whole = block.endswith(b"\n")
            after = number + block.count(b"\n") + (not is_whole)
            numbers: Sequence[int] = range(number + 1, after + 1)
            try:
                texts = block.decode().split("\n")[: len(numbers)]
            except UnicodeDecodeError:
                sound = self._sound(numbers, block.split(b"\n"), offset)
                is_whole = is_whole or after not in sound
                numbers, texts = [*sound], [*sound.values()]
            yield numbers, texts, is_whole
            number, offset = after, offset + len(block)
            self._findings.enough()

    def _sound(self, numbers: Sequence[int], lines: list[bytes], offset: int) -> dict[int, str]:
        """The lines that can be decoded, by their numbers; the others are reported."""
        found = {}
        for number, raw in zip(numbers, lines, strict=False):
            try:
                found[number] = raw.decode()
            except UnicodeDecodeError as error:
                not_utf8(self._findings, self._file, number, raw, offset, error)
            offset += len(raw) + 1
        return found


def not_utf8(
    findings: Findings, file: int, number: int, raw: bytes, offset: int, error: UnicodeDecodeError
) -> None:
    """Add a line of broken UTF-8; `offset` is where in the unpacked file the line begins."""
    readable = raw.decode(errors="backslashreplace").rstrip("\r\n")
    reason = f"byte {offset + error.start:,} of the file is 0x{raw[error.start]:02x}"
    findings.add(NOT_UTF8, file, number, f"{reason}: {shown(readable)}", readable)
