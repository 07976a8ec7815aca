"""Whether a collection has what a stage, an encoder or a reader needs, said before any work."""

from __future__ import annotations

from collections.abc import Iterable

from negatives.errors import DataError
from negatives.schema import CONTENT, Collection, Needs, Side
from negatives.stage import Stage


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
            raise DataError(
                f"{who} needs the {name} of the {said}, and these have "
                + (held if names[0] in CONTENT else "none"),
                where=", ".join(filter(None, (where, f"collection {collection.name!r}"))),
                fix=fix or f"give every one of the {said} a {name}",
            )


def refuse_unmet(stages: Iterable[Stage], collection: Collection) -> None:
    """Raise `DataError` where a collection has not what a stage needs: before any work is done."""
    for stage in stages:
        check_needs(
            collection,
            stage.needs,
            stage.kind,
            where=f"{stage.section} {stage.kind}",
            fix=stage.needs.instead,
        )
