"""What a fix takes out of a file, and what it makes of a row that loses some of its negatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any

import polars as pl

from negatives.measure.lint.facts import FileFacts
from negatives.measure.lint.findings import Report
from negatives.measure.lint.rules.counts import constant
from negatives.read.mined.layout import Layout
from negatives.read.mined.parts import Part

_PLACE = ["row", "place"]


@dataclass(frozen=True)
class Remedy:
    """`dropped`: the rows that go (row). `removed`: negatives of rows that stay (row, place)."""

    dropped: pl.DataFrame
    removed: pl.DataFrame
    negatives: int
    """Negatives taken out, those of dropped rows among them."""


def remedy(report: Report) -> Remedy:
    """All that the findings of a report object to, and the rows that have no negative then."""
    facts = report.facts
    dropped = pl.DataFrame(schema={"row": pl.UInt32})
    removed = pl.DataFrame(schema={"row": pl.UInt32, "place": pl.Int32})
    for finding in report.findings:
        if finding.removes == "row":
            dropped = pl.concat([dropped, finding.offences.select("row")])
        elif finding.removes == "negative":
            removed = pl.concat([removed, finding.offences.select(_PLACE)])
    while True:
        left, dropped = _left(facts, dropped, removed)
        # Fewer queries can make of a hub a negative that all of them have.
        now_constant = constant(left).select(_PLACE)
        if now_constant.is_empty():
            break
        removed = pl.concat([removed, now_constant])
    removed = removed.unique().join(dropped, on="row", how="anti").sort(_PLACE)
    return Remedy(dropped.sort("row"), removed, len(facts.negatives) - len(left.negatives))


def _left(
    facts: FileFacts, dropped: pl.DataFrame, removed: pl.DataFrame
) -> tuple[FileFacts, pl.DataFrame]:
    """What is left of the file, and all rows that go, those among them that lost every negative."""
    negatives = facts.negatives.join(removed, on=_PLACE, how="anti", maintain_order="left")
    emptied = removed.select("row").join(negatives, on="row", how="anti")
    dropped = pl.concat([dropped, emptied]).unique()
    queries, positives, negatives = (
        frame.join(dropped, on="row", how="anti", maintain_order="left")
        for frame in (facts.queries, facts.positives, negatives)
    )
    return replace(facts, queries=queries, positives=positives, negatives=negatives), dropped


def mended(record: Mapping[str, Any], layout: Layout, gone: set[int]) -> dict[str, Any]:
    """A row without the negatives at the places `gone`; some negative is left.

    Lists lose them, and so do the lists beside them (of scores, of ids). Where each negative has a
    column, those that are left are repeated in their order, as in an export: no row has fewer.
    """
    made = dict(record)
    if layout.fixed:
        return made | _refilled(made, layout, gone)
    for parts in (_of(layout, "text", "passage"), _of(layout, "id")):
        start = 0
        for part in parts:
            value = record[part.column]
            if isinstance(value, dict):
                made[part.column], start = _object_without(value, part, gone, start)
                continue
            values = [] if value is None else value if isinstance(value, list) else [value]
            for name in {part.column, *_beside(record, layout, len(values))}:
                listed = record[name] if isinstance(record[name], list) else values
                made[name] = [v for at, v in enumerate(listed, start) if at not in gone]
            start += len(values)
    return made


def _object_without(
    value: Mapping[str, Any], part: Part, gone: set[int], start: int
) -> tuple[dict[str, Any], int]:
    """An object of lists without the places `gone`, and the place after it.

    Lists of systems follow one another; those of a table (ids, texts, scores) run side by side.
    """
    made = dict(value)
    if part.form == "table":
        length = len(value[part.id or part.text] or ())
        for name, listed in value.items():
            if isinstance(listed, list) and len(listed) == length:
                made[name] = [v for at, v in enumerate(listed, start) if at not in gone]
        return made, start + length
    for name in part.systems:
        listed = value.get(name) or []
        if listed:
            made[name] = [v for at, v in enumerate(listed, start) if at not in gone]
        start += len(listed)
    return made, start


def _of(layout: Layout, *kinds: str) -> list[Part]:
    return [part for part in layout.negatives if part.kind in kinds]


def _beside(record: Mapping[str, Any], layout: Layout, length: int) -> list[str]:
    """Lists as long as the negatives', and named as theirs or in a row of documents and labels."""
    return [
        name
        for name, value in record.items()
        if isinstance(value, list)
        and len(value) == length
        and (layout.shape == "list" or name.lower().startswith("neg"))
    ]


def _refilled(record: Mapping[str, Any], layout: Layout, gone: set[int]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    order: list[int] = []
    for kind in ("text", "id"):
        columns = [part.column for part in _of(layout, kind)]
        if not columns:
            continue
        left = [
            at for at, name in enumerate(columns) if at not in gone and record[name] is not None
        ]
        order = list(islice(cycle(left), len(columns))) if left else []
        made |= {name: record[columns[at]] for name, at in zip(columns, order, strict=False)}
    scores = record.get(layout.scores)
    if isinstance(scores, list) and len(scores) == len(order) + 1:
        made[layout.scores] = [scores[0], *(scores[at + 1] for at in order)]
    return made
