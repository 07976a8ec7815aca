"""Which files of a folder, and below it, are documents: by their names, and in name order.

Hidden files and folders are passed over, and links to folders are not followed, so that no circle
of links holds a reader up; a file that is there under two names is read once. What is passed over
is counted by its reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from negatives.errors import DataError
from negatives.read.documents.decoding import text_of
from negatives.read.documents.html import html_parts
from negatives.read.documents.parts import Part, Unreadable
from negatives.read.documents.pdf import pdf_parts
from negatives.read.documents.plain import markdown_parts, text_parts
from negatives.read.files import reading
from negatives.read.packing import packing_of, plain_name

Reader = Callable[[Path, str], Iterator[Part]]

READ: Final[dict[str, Reader]] = {
    **dict.fromkeys((".txt", ".text", ".rst"), lambda path, code: text_parts(text_of(path, code))),
    **dict.fromkeys(
        (".md", ".markdown", ".mdx"), lambda path, code: markdown_parts(text_of(path, code))
    ),
    **dict.fromkeys(
        (".html", ".htm", ".xhtml"), lambda path, code: html_parts(text_of(path, code, html=True))
    ),
    ".pdf": lambda path, _: pdf_parts(path),
}
"""Ending -> how such a file is read."""
FILES: Final = ".txt, .md, .html, .rst and .pdf"
"""What is read, for messages."""
FIRST: Final = 5
"""Names of what was passed over that are kept, of each reason."""


@dataclass
class Skipped:
    """What was passed over: reason -> how many, the first names, and what can be done."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, list[str]] = field(default_factory=dict)
    fixes: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, name: str, fix: str = "", count: int = 1) -> None:
        """Count one more."""
        self.counts[reason] = self.counts.get(reason, 0) + count
        if len(names := self.first.setdefault(reason, [])) < FIRST:
            names.append(name)
        if fix:
            self.fixes[reason] = fix

    def __len__(self) -> int:
        return sum(self.counts.values())

    def told(self) -> str:
        """`2 empty (a.txt, b.txt); 1 not UTF-8 (old.txt): save them as UTF-8, ...`."""
        return "; ".join(
            f"{count:,} {reason} ({self._names(reason)})"
            + (f": {self.fixes[reason]}" if reason in self.fixes else "")
            for reason, count in self.counts.items()
        )

    def _names(self, reason: str) -> str:
        names = self.first[reason]
        return ", ".join(names[:3]) + (", ..." if self.counts[reason] > 3 else "")


def kind_of(path: Path) -> str:
    """The ending that tells how a file is read, lower case, without that of a packing."""
    return Path(plain_name(path)).suffix.lower()


def is_document(path: Path) -> bool:
    """Whether a file is a document by its name."""
    return kind_of(path) in READ


def parts_of(path: Path, encoding: str) -> Iterator[Part]:
    """The parts of a document."""
    if kind_of(path) == ".pdf" and packing_of(path) is not None:
        raise Unreadable("packed PDF", "unpack them")
    return READ[kind_of(path)](path, encoding)


def documents_in(folder: Path, skipped: Skipped) -> list[tuple[str, Path]]:
    """(id, path) of the documents in a folder and below, in the order of their ids.

    The id is the path below the folder, with `/` whatever the system.
    """
    found: list[tuple[str, os.DirEntry[str]]] = []
    left = [folder]
    while left:
        for entry in _entries(left.pop(), folder, skipped):
            name = _name(entry.path, folder)
            if entry.is_dir(follow_symlinks=False) and not _is_hidden(entry.name):
                left.append(Path(entry.path))
            elif reason := _reason_against(entry, name):
                skipped.add(reason, name)
            else:
                found.append((name, entry))
    # Files come before links to them, so that what is there twice goes by its own name.
    found.sort(key=lambda each: (each[1].is_symlink(), each[0]))
    seen: dict[tuple[int, int], tuple[str, Path]] = {}
    for name, entry in found:
        stat = entry.stat()
        place = (stat.st_dev, stat.st_ino)
        if place in seen:
            skipped.add("another name of a file that is read", name)
        else:
            seen[place] = (name, Path(entry.path))
    return sorted(seen.values())


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$", "__MACOSX"))


def _reason_against(entry: os.DirEntry[str], name: str) -> str:
    """Why an entry of a folder is no document; empty where it is one."""
    if _is_hidden(entry.name):
        return "hidden"
    if not os.path.exists(entry.path):  # noqa: PTH110  # a link
        return "a link that leads nowhere"
    if entry.is_dir():
        return "a link to a folder, which is not followed"
    if not entry.is_file():
        return "no file, but a pipe or a device"
    if "\ufffd" in name:
        return "of a name that is not UTF-8"
    kind = kind_of(Path(entry.name))
    return "" if kind in READ else f"of a kind that is not read: {kind or 'no ending'}"


def _entries(folder: Path, top: Path, skipped: Skipped) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        if folder == top:
            with reading(folder):
                raise
        skipped.add(f"a folder that cannot be read: {error.strerror}", _name(str(folder), top))
        return []


def _name(path: str, folder: Path) -> str:
    """The path below the folder; bytes that are no UTF-8 are marked."""
    name = os.path.relpath(path, folder).replace(os.sep, "/")
    return os.fsencode(name).decode("utf-8", "replace")


def refuse_nothing(where: str, skipped: Skipped, held: str) -> DataError:
    """The error where no document could be read."""
    told = skipped.told()
    return DataError(
        f"there is nothing to read in {held}" + (f": passed over were {told}" if told else ""),
        where=where,
        fix=f"give a folder with files of {FILES}; or a JSONL, CSV or Parquet file with a "
        "document a row, in columns such as id, title and text",
    )
