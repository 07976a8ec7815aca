"""What a column of documents is made of: texts, ids, objects, and lists of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from negatives.read.mined.columns import Column
from negatives.read.mined.names import PASSAGE_ID, PASSAGE_SCORE, PASSAGE_TEXT, plain

Kind = Literal["text", "id", "passage"]
Form = Literal["plain", "passages", "systems", "table", "messages"]


@dataclass(frozen=True, slots=True)
class Part:
    """A column with documents of one side: one a row, or a list of them.

    `form`: values as they are; objects; an object of lists by system; an object of parallel lists;
    conversations. `text`, `title`, `id`, `score`: names of fields of objects. `scores`: the column
    of scores beside it.
    """

    column: str
    kind: Kind
    listed: bool
    form: Form = "plain"
    text: str = ""
    title: str = ""
    id: str = ""
    score: str = ""
    scores: str = ""
    systems: tuple[str, ...] = ()
    inner: Form = "plain"
    depth: int = 0


def of_objects(column: Column) -> Part | None:
    """A part of objects: passages, one or many, by system, or as an object of parallel lists."""
    fields = {plain(name): each for name, each in column.fields.items()}
    if {"role", "content"} <= {*fields}:
        return Part(column.name, "text", column.depth > 1, "messages", depth=column.depth)
    named = {
        key: next((fields[name] for name in names if name in fields), None)
        for key, names in (
            ("text", PASSAGE_TEXT),
            ("title", ("title",)),
            ("id", PASSAGE_ID),
            ("score", PASSAGE_SCORE),
        )
    }
    if named["text"] or named["id"]:
        return _passages(column, named)
    if column.depth or not column.fields:
        return None
    inner = [each for each in column.fields.values() if each.holds != "nothing"]
    if not all(each.depth == 1 for each in inner):
        return None
    systems = tuple(column.fields)
    if all(each.holds in ("whole", "text") for each in inner):
        kind: Kind = "text" if any(each.is_worded for each in inner) else "id"
        return Part(column.name, kind, True, "systems", systems=systems)
    if all(each.holds == "object" for each in inner):
        made = of_objects(inner[0])
        if made is not None and made.form == "passages":
            return Part(
                column.name, made.kind, True, "systems", made.text, made.title, made.id,
                made.score, systems=systems, inner="passages",
            )  # fmt: skip
    return None


def _passages(column: Column, named: Mapping[str, Column | None]) -> Part | None:
    depths = {each.depth for key, each in named.items() if each and key in ("text", "id")}
    kind: Kind = "passage" if named["text"] else "id"
    names = {key: each.name if each else "" for key, each in named.items()}
    for key, good in (("text", ("text",)), ("id", ("text", "whole")), ("title", ("text",)),
                      ("score", ("whole", "fraction"))):  # fmt: skip
        each = named[key]
        if each is not None and each.holds not in (*good, "nothing"):
            if key in ("text", "id"):
                return None
            names[key] = ""
    if depths == {0} and column.depth <= 1:
        return Part(column.name, kind, column.depth == 1, "passages", depth=column.depth, **names)  # type: ignore[arg-type]
    if depths == {1} and column.depth == 0:
        return Part(column.name, kind, True, "table", **names)  # type: ignore[arg-type]
    return None
