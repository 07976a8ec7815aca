"""PDF to paragraphs, by pypdf (the extra `pdf`): the text that is in it; pictures are not read."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from negatives.faults import raise_spent
from negatives.optional import require
from negatives.read.documents.parts import Heading, Part, Unreadable
from negatives.read.documents.plain import shortened
from negatives.read.files import reading

_HYPHEN: Final = re.compile(r"(?<=[^\W\d_])-\n(?=[a-zß-ÿ])")
"""A word parted at the end of a line."""


def pdf_parts(path: Path) -> Iterator[Part]:
    """The parts of a PDF file: its title, where it names one, and its pages' paragraphs.

    All are read before the first is given, for a file may turn out broken at its last page.
    """
    pypdf = require("pypdf", extra="pdf")
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what is odd in a file it tells aloud
    with reading(path), path.open("rb") as file:
        if not file.read(1024).strip():
            raise Unreadable("empty")
        try:
            reader = pypdf.PdfReader(file)
            if reader.is_encrypted and not reader.decrypt(""):
                raise Unreadable("PDF with a password")
            title = (reader.metadata.title if reader.metadata else None) or ""
            made: list[Part] = [Heading(0, shortened(title))] if title.strip() else []
            for page in reader.pages:
                made += _paragraphs(page.extract_text())
        except (Unreadable, OSError):
            raise
        except Exception as error:  # a broken file may raise anything there
            raise_spent(error)
            raise Unreadable("PDF that cannot be read") from None
    yield from made


def _paragraphs(page: str) -> Iterator[str]:
    """The paragraphs of a page: lines are joined, and empty ones part them."""
    for block in re.split(r"\n\s*\n", _HYPHEN.sub("", page.replace("\0", ""))):
        if text := " ".join(block.split()):
            yield text
