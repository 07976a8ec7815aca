"""Whether a collection has what a stage, an encoder or a reader needs, said before any work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.schema import CONTENT, Collection, Needs, Side
from negatives.stage import Stage

TOLD: Final = 0.05
"""The share of documents or queries without a field from which on the user is told."""


def check_needs(
    collection: Collection, needs: Needs, who: str, *, where: str = "", fix: str = ""
) -> None:
    """Raise `DataError` where a collection has not what `who` needs: before any work is done."""
    either = (needs.either,) if needs.either else ()
    both: tuple[tuple[Side, str, list[tuple[str, ...]]], ...] = (
        ("docs", "documents", [*either, *((name,) for name in needs.docs)]),
        ("queries", "queries", [*either, *((name,) for name in needs.queries)]),
    )
    for side, said, needed in both:
        for names in needed:
            if any(collection.has(side, name) for name in names):
                continue
            name = " or ".join(names)
            there = [column for column in CONTENT if collection.has(side, column)]
            held = CONTENT[there[0]] if there else "nothing but their ids"
            unread = _unread(collection, names)
            raise DataError(
                f"{who} needs the {name} of the {said}, and these have "
                + (held if names[0] in CONTENT else "none")
                + (f": {unread}" if unread else ""),
                where=", ".join(filter(None, (where, f"collection {collection.name!r}"))),
                fix="write it in a way that is understood, or leave the stage out"
                if unread
                else fix or f"give every one of the {said} a {name}",
            )


def _unread(collection: Collection, names: tuple[str, ...]) -> str:
    """The note of a field that is there and could not be read; empty where there is none."""
    notes = (note for note in collection.notes for name in names if _begins(note, name))
    return next(notes, "")


def _begins(note: str, name: str) -> bool:
    return note.startswith(f"field {name!r} is not read")


def partly_unmet(stages: Iterable[Stage], collection: Collection) -> list[str]:
    """Sentences about fields that stages read and that many documents or queries lack.

    A stage says nothing of a pair whose side lacks the field, and so lets it through: that is
    told, for otherwise a rule that read a tenth of its pairs would look like one that read all.
    """
    readers: dict[tuple[str, str], list[str]] = {}
    for stage in stages:
        for said, names in (("documents", stage.needs.docs), ("queries", stage.needs.queries)):
            for name in names:
                kinds = readers.setdefault((said, name), [])
                kinds += [] if stage.kind in kinds else [stage.kind]
    sides = {
        "documents": collection.corpus,
        "queries": collection.queries[collection.mined_queries],
    }
    told = []
    for (said, name), kinds in readers.items():
        table = sides[said]
        if name in CONTENT or name not in table.columns:
            continue
        without = _lacking(table[name])
        if without and without >= TOLD * len(table):
            told.append(
                f"{without:,} of {len(table):,} {said} ({without / len(table):.0%}) have no "
                f"{name}, which {' and '.join(kinds)} read{'s' if len(kinds) == 1 else ''}"
            )
    return told


def _lacking(values: pl.Series) -> int:
    """How many are null, or texts of nothing."""
    if values.dtype == pl.String:
        return int((values.fill_null("").str.strip_chars() == "").sum())
    return values.null_count()


def refuse_unmet(stages: Iterable[Stage], collection: Collection) -> None:
    """Raise `DataError` where a collection has not what a stage needs: before any work is done."""
    for stage in stages:
        check_needs(
            collection,
            stage.needs,
            stage.kind,
            where=f"{stage.section} {stage.kind}",
            fix=stage.needs.instead.replace("{stage}", f"{stage.section}.{stage.kind}"),
        )
