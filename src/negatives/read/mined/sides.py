"""The columns of each role, made into what a layout is made of: queries, sides, labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from negatives.read.grades import is_number
from negatives.read.mined.columns import Column
from negatives.read.mined.names import Role, number_of
from negatives.read.mined.parts import Form, Part, of_objects
from negatives.read.mined.roles import Roles

_IDS: Final = ("text", "whole", "fraction", "nothing")
"""What ids may be held as: whole numbers among null are numbers with a fraction in many tables."""


class Sides(Roles):
    """A file's columns by their roles, and the query, documents and labels that they hold."""

    def _query(self) -> tuple[str, str, Form]:
        """The columns of the query's text and id, one of them perhaps empty."""
        asked, ids = self._one("query"), self._one("query_id")
        if asked is None and self._messages():
            asked = self._columns[self._names["messages"]]
        form: Form = "plain"
        if asked is not None:
            if asked.holds == "object" and asked.depth == 1 and "role" in asked.fields:
                form = "messages"
            elif self._is_id(asked):
                asked, ids = None, ids or asked
            elif asked.holds not in ("text", "nothing") or asked.depth:
                raise self._refused(f"column {asked.name!r} holds {asked}, and no query")
            else:
                self._refuse_written(asked)
        if ids is not None and (ids.depth or ids.holds not in _IDS):
            raise self._refused(f"column {ids.name!r} holds {ids}, and no id of a query")
        if asked is None and ids is None:
            raise self._missing("query")
        return asked.name if asked else "", ids.name if ids else "", form

    def _messages(self) -> bool:
        return "messages" in self._names and bool(
            self._roles.get("positive") or self._roles.get("negative")
        )

    def _positives(self) -> tuple[Part, ...]:
        """The parts of the positives; a document that is on no side by its name is one."""
        texts: Role = "positive" if self._roles.get("positive") else "document"
        ids: Role = "positive_id" if self._roles.get("positive_id") else "document_id"
        return self._sides(texts, ids)

    def _sides(self, role: Role, id_role: Role) -> tuple[Part, ...]:
        """The parts of one side: its texts, and its ids; the one that is numbered is many."""
        columns, ids = (
            sorted(self._roles.get(each, []), key=lambda c: (number_of(c.name), c.name))
            for each in (role, id_role)
        )
        if not role.startswith("negative"):
            columns = [self._only(role, columns)] if columns else []
            ids = [self._only(id_role, ids)] if ids else []
        by_id = self._one("query") is None and not self._messages() and "query_id" in self._roles
        texts = [self._part(c, by_id and c.holds == "text" and not c.is_worded) for c in columns]
        beside = [self._part(c, True) for c in ids]
        scores = self._one("negative_scores" if role == "negative" else "positive_scores")
        if scores is not None and len(texts or beside) == 1 and role != "document":
            at = texts or beside
            at[0] = replace(at[0], scores=scores.name)
        if any(part.kind == "passage" for part in texts):
            beside = []
        return (*texts, *beside)

    def _part(self, column: Column, by_id: bool) -> Part:
        """What a column of documents is made of; `DataError` where it is no documents."""
        name, listed = column.name, column.depth > 0
        if column.depth > 1 and column.holds != "object":
            raise self._refused(f"column {name!r} holds {column}")
        if column.holds == "object" and (made := of_objects(column)) is not None:
            return made
        by_id = by_id or self._is_id(column)
        if column.holds not in (_IDS if by_id else ("text", "whole", "nothing")):
            raise self._refused(f"column {name!r} holds {column}, and no documents")
        self._refuse_written(column)
        return Part(name, "id" if by_id else "text", listed, depth=column.depth)

    def _labels_beside(self, has_negatives: bool) -> tuple[str, str]:
        """The columns of the positives' relevance, and of scores of all documents of a row."""
        for role in ("label", "score"):
            column = self._one(role)
            if column is None:
                continue
            if column.depth:
                return "", column.name
            if column.is_fractions and has_negatives:
                return "", ""  # the margin that a teacher sees: no judgement
            if role == "label" or not has_negatives:
                return self._label(column).name, ""
        return "", ""

    def _label(self, column: Column) -> Column:
        """A column of labels, one a row; `DataError` where it cannot be one."""
        sample = column.sample
        words = column.holds == "text" and sample != () and not any(map(_is_label, sample))
        if column.depth or column.holds in ("object", "other") or words:
            said = repr(sample[0]) if words else str(column)
            raise self._refused(
                f"column {column.name!r} holds {said}, and no labels",
                "write whole numbers, or true and false: above 0 is a positive, 0 a negative; "
                "classes such as 'entailment' do not say which is which",
            )
        return column


def _is_label(text: str) -> bool:
    return text.strip().lower() in ("true", "false", "") or is_number(text)
