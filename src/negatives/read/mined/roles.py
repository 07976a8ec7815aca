"""The columns of a file by the roles that their names give them, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from negatives.errors import DataError
from negatives.read.mined.columns import Column
from negatives.read.mined.names import Role, plain, role_of

MEND: Final = (
    "name the columns query and positive, and negative (or negative_1, negative_2 ...) where there "
    "are negatives; or query, pos, neg; or a query, a document and a label"
)

TEXTS: Final[tuple[Role, ...]] = ("query", "positive", "negative", "document")
"""The roles of columns that are named as texts."""


class Roles:
    """The columns of one file; messages name `where` it is."""

    def __init__(self, columns: Mapping[str, Column], where: str) -> None:
        self._columns, self._where = columns, where
        self._names = {plain(name): name for name in reversed([*columns])}
        self._roles: dict[Role, list[Column]] = {}
        for name, column in columns.items():
            role = role_of(name)
            if role:
                self._roles.setdefault(role, []).append(column)
        there = {*self._names}
        completed = {"prompt", "completion"} <= there and "query" not in self._roles
        if {"chosen", "rejected", "prompt"} <= there or completed:
            self._roles.setdefault("query", []).append(columns[self._names["prompt"]])

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

    def _missing(self, what: str, free: list[Column] | None = None) -> DataError:
        listed = ", ".join(map(repr, self._columns))
        if free:
            held = "; ".join(f"{column.name!r} holds {column}" for column in free[:5])
            said = f"no column for the {what} among {listed}: {held}"
            inner = [c for c in free if any(role_of(name) in TEXTS[:3] for name in c.fields)]
            if inner:
                name = inner[0].name
                return self._refused(
                    said, f"take the fields of {name!r} out (for example: jq -c '.{name}')"
                )
        else:
            said = f"no column for the {what} among {listed}"
        return self._refused(said)

    def _refused(self, what: str, fix: str = MEND) -> DataError:
        return DataError(what, where=self._where, fix=fix)

    def _sideless(self, column: Column) -> DataError:
        return self._refused(
            f"column {column.name!r} holds {column}, and it is not known on which side they are",
            "name it positive or negative (or pos, neg), add a column of labels, or leave it out",
        )

    def _is_id(self, column: Column) -> bool:
        """Whether a column named as texts holds ids: whole numbers, and so do all the others."""
        if column.holds == "whole":
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
