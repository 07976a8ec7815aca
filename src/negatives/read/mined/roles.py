"""The columns of a file by the roles that their names give them, and what is said of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from negatives.errors import DataError
from negatives.read.file_options import AS_NAMED, FileOptions
from negatives.read.mined.columns import Column
from negatives.read.mined.names import Role, plain, role_of

MEND: Final = (
    "name the columns query and positive, and negative (or negative_1, negative_2 ...) where there "
    "are negatives; or query, pos, neg; or a query, a document and a label; or say which is which "
    "with --query-column and --positive-column, in Python with query_column and positive_column "
    "of Collection.load"
)

TEXTS: Final[tuple[Role, ...]] = ("query", "positive", "negative", "document")
"""The roles of columns that are named as texts."""


_LIKE_ID: Final = re.compile(r"(^|_)ids?$")
_ROLE_OF_SIDE: Final[dict[str, tuple[Role, Role]]] = {
    "query": ("query", "query_id"),
    "positive": ("positive", "positive_id"),
    "negative": ("negative", "negative_id"),
}
"""The role of texts and that of ids."""


class Roles:
    """The columns of one file; messages name `where` it is."""

    def __init__(
        self,
        columns: Mapping[str, Column],
        where: str,
        options: FileOptions = AS_NAMED,
        ids: frozenset[str] = frozenset(),
    ) -> None:
        self._columns, self._where, self._options, self._ids = columns, where, options, ids
        self._names = {plain(name): name for name in reversed([*columns])}
        self._roles: dict[Role, list[Column]] = {}
        self._side_of = told = options.sides(columns, where)
        self._told = {*told.values()}
        for name, column in columns.items():
            role = self._told_role(told[name], column) if name in told else self._by_name(name)
            if role:
                self._roles.setdefault(role, []).append(column)
        there = {*self._names}
        answered = "prompt" in there and there & {"completion", "response"}
        named = {"chosen", "rejected", "prompt"} <= there or (
            answered and "query" not in self._roles
        )
        if named and "query" not in self._told:
            self._roles.setdefault("query", []).append(columns[self._names["prompt"]])

    def _told_role(self, side: str, column: Column) -> Role:
        """The role of a column whose side was said: its name or what it holds tells ids."""
        own = role_of(column.name) or ""
        by_id = own.endswith("_id") or _LIKE_ID.search(plain(column.name)) is not None
        by_id = by_id or column.holds in ("whole", "fraction") or column.name in self._ids
        return _ROLE_OF_SIDE[side][by_id and column.holds != "object" and not column.is_worded]

    def _by_name(self, name: str) -> Role | None:
        """The role that a name tells, but for texts of a side whose column was said."""
        role = role_of(name)
        side = "positive" if role in ("document", "document_id") else (role or "").split("_")[0]
        apart = side in self._told and not (role or "").endswith(("_scores", "_id"))
        return None if apart else role

    def _refuse_what_holds_no_pairs(self) -> None:
        if not self._columns:
            raise DataError(
                "the file holds no rows",
                where=self._where,
                fix="check that what wrote it came to an end",
            )
        there = {*self._names}
        asked = self._roles.get("query") or self._roles.get("query_id")
        texts = {"text", "contents"} & there
        if texts and (
            "_id" in there
            or (not asked and there & {"id", "docid", "doc_id", "document_id", "pid"})
        ):
            raise DataError(
                "this file holds documents or queries, not pairs or negatives",
                where=self._where,
                fix="name the folder: corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv go together;"
                " or give it as --corpus beside a file of ids",
            )
        if {"queries", "corpus", "relevant_docs"} <= there:
            raise DataError(
                "this file is a dataset of LlamaIndex: queries, documents and which are relevant, "
                "no negatives",
                where=self._where,
                fix="mine it: negatives mine FILE; or export the run in another format: "
                "negatives export RUN --format triplet",
            )
        if {"query_id", "text_ids"} == there or {"text_id", "doc_id"} == there:
            raise DataError(
                "this file holds masks for a batcher, not pairs or negatives",
                where=self._where,
                fix="export the run in another format: negatives export RUN --format triplet",
            )

    def _one(self, role: Role) -> Column | None:
        """The column of a role, where there is one."""
        columns = self._roles.get(role)
        return self._only(role, columns) if columns else None

    def _only(self, role: str, columns: list[Column]) -> Column:
        if len(columns) == 1:
            return columns[0]
        what = "id" if role.endswith("_id") else role.replace("_", " ")
        names = " and ".join(repr(column.name) for column in columns)
        raise self._refused(
            f"several columns could be the {what}: {names}", "leave only one of them, or rename it"
        )

    def _refuse_no_ids(self, user: Column, item: Column) -> None:
        """Ids are no numbers with a fraction: of 12.0 and 12 nobody can say that they are one."""
        for what, column in (("user", user), ("item", item)):
            if column.is_fractions and not column.depth:
                held = f", such as {column.sample[0]}" if column.sample else ""
                raise self._refused(
                    f"column {column.name!r} holds the ids of {what}s as numbers with a fraction"
                    f"{held}, which is how a table writes whole numbers among empty cells",
                    f"write them as whole numbers: df[{column.name!r}].astype('Int64') in pandas",
                )
            if column.depth or column.holds not in ("text", "whole", "nothing"):
                raise self._refused(
                    f"column {column.name!r} holds {column}, and no ids",
                    "write one interaction a row: a user, an item",
                )

    def _missing(self, what: str, free: list[Column] | None = None) -> DataError:
        listed = ", ".join(map(repr, self._columns))
        if free:
            held = "; ".join(f"{column.name!r} holds {column}" for column in free[:5])
            said = f"no column for the {what} among {listed}: {held}"
            inner = [c for c in free if any(role_of(name) in TEXTS[:3] for name in c.fields)]
            if inner:
                return self._refused(said, _taken_out(inner))
        else:
            said = f"no column for the {what} among {listed}"
        return self._refused(said)

    def _refused(self, what: str, fix: str = MEND) -> DataError:
        return DataError(what, where=self._where, fix=fix)

    def _sideless(self, column: Column) -> DataError:
        return self._refused(
            f"column {column.name!r} holds {column}, and it is not known on which side they are",
            "name it positive or negative (or pos, neg), say which it is with --positive-column or "
            "--negative-column, add a column of labels, or leave it out",
        )

    def _unclear(self, column: Column) -> DataError:
        return self._refused(
            f"column {column.name!r} holds {column}, and may say which documents are relevant",
            "name it label (above 0 is a positive, 0 a negative), leave it out, or say that all "
            "are positives (--positive-column)",
        )

    def _is_id(self, column: Column) -> bool:
        """Whether a column named as texts holds ids: whole numbers, and so do all the others."""
        if column.holds == "whole" or column.name in self._ids:
            return True
        return self._all_ids() and column.is_numbers

    def _all_ids(self) -> bool:
        there = [column for role in TEXTS for column in self._roles.get(role, [])]
        told = [column for column in there if column.holds != "nothing"]
        return len(told) > 1 and all(column.is_numbers for column in told)

    def _refuse_written(self, column: Column) -> None:
        if column.is_written_list:
            raise self._refused(
                f"column {column.name!r} holds lists or objects written as text, such as "
                f"{column.sample[0][:60]!r}",
                "save the file as JSON lines or Parquet, which hold lists as lists",
            )


def _taken_out(columns: Sequence[Column]) -> str:
    """How the rows that lie in `columns` of objects become rows of their own."""
    names = [column.name for column in columns]
    paths = [f".{name}" if name.isidentifier() else f".[{json.dumps(name)}]" for name in names]
    if len(columns) > 1 and len({frozenset(column.fields) for column in columns}) == 1:
        return "write the object of each name as a row of its own (for example: jq -c '.[]')"
    if any(column.depth for column in columns):
        return f"take the rows of {names[0]!r} out (for example: jq -c '{paths[0]}[]')"
    said = " and ".join(map(repr, names))
    return f"take the fields of {said} out (for example: jq -c '{' + '.join(paths)}')"
