"""The texts a report shows: fetched by id, shortened at a word, or absent with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from negatives.errors import NegativesError
from negatives.run.inputs import collection_of
from negatives.schema import Collection
from negatives.store.run import Run

_READ: Final = ("text", "title")
"""What is shown of a document or a query: its text, or else what it is called."""
LONGEST: Final = 700
"""Characters of a text that are shown, at most."""


@dataclass(frozen=True, slots=True)
class ReportTexts:
    """Texts by id; `collection` is None where they are not at hand, and `why` says why."""

    collection: Collection | None
    why: str = ""

    @staticmethod
    def of(run: Run) -> ReportTexts:
        """The texts of a run; a run whose data is gone still has a report."""
        try:
            return ReportTexts(collection_of(run))
        except NegativesError as error:
            return ReportTexts(None, error.what)

    def queries(self, ids: Iterable[str], longest: int = LONGEST) -> dict[str, dict[str, Any]]:
        """id -> text, characters in all, whether this is the whole; of the ids that resolve."""
        frame = None if self.collection is None else self.collection.queries
        return _texts(frame, "query_id", ids, longest)

    def docs(self, ids: Iterable[str], longest: int = LONGEST) -> dict[str, dict[str, Any]]:
        """id -> text, characters in all, whether this is the whole; of the ids that resolve."""
        frame = None if self.collection is None else self.collection.corpus
        return _texts(frame, "doc_id", ids, longest)


ABSENT: Final[Mapping[str, Any]] = {"text": None, "characters": None, "whole": False}


def shortened(text: str, longest: int = LONGEST) -> str:
    """At most `longest` characters on one line, cut after a word where there is one."""
    line = " ".join(text[: 4 * longest].split())
    if len(line) <= longest:
        return line
    cut = line[:longest]
    space = cut.rfind(" ")
    return (cut[:space] if space > longest // 2 else cut).rstrip()


def _texts(
    frame: pl.DataFrame | None, key: str, ids: Iterable[str], longest: int
) -> dict[str, dict[str, Any]]:
    said = [] if frame is None else [name for name in _READ if name in frame.columns]
    if frame is None or not said:
        return {}
    found = frame.filter(pl.col(key).is_in(sorted(set(ids)))).select(key, said[0]).drop_nulls()
    return {name: _shown(text, longest) for name, text in found.iter_rows()}


def _shown(text: str, longest: int) -> dict[str, Any]:
    short = shortened(text, longest or len(text))
    return {
        "text": short,
        "characters": len(text),
        "whole": len(short.split()) == len(text.split()),
    }
