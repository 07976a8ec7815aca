"""What a user says of a file, or of a table, besides its name: which column holds what.

Where nothing is said, the names of the columns and what they hold tell it (`mined/names.py`).
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from negatives.errors import DataError, nearest


@dataclass(frozen=True, slots=True)
class FileOptions:
    """The columns of the queries, the positives and the negatives; empty: told by their names.

    `relevant_from`: in a column of scores or ratings, the least that counts as relevant; whatever
    is below it was judged, and is not.
    """

    query_column: str = ""
    positive_column: str = ""
    negative_column: tuple[str, ...] = ()
    relevant_from: float | None = None

    @classmethod
    def of(
        cls,
        query_column: str = "",
        positive_column: str = "",
        negative_column: str | Sequence[str] = (),
        relevant_from: float | None = None,
    ) -> FileOptions:
        """Options as a user gives them: one column of negatives, or several."""
        several = (negative_column,) if isinstance(negative_column, str) else negative_column
        negatives = tuple(name for name in several if name)
        return cls(query_column or "", positive_column or "", negatives, relevant_from)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are named."""
        named = (self.query_column, self.positive_column, *self.negative_column)
        return tuple(filter(None, named))

    def settings(self) -> dict[str, Any]:
        """Those that say something, as plain values: keywords of `load`."""
        said: dict[str, Any] = {}
        for name in ("query_column", "positive_column", "relevant_from"):
            if getattr(self, name) not in ("", None):
                said[name] = getattr(self, name)
        if self.negative_column:
            said["negative_column"] = [*self.negative_column]
        return said

    def sides(self, columns: Names[str], where: str) -> dict[str, str]:
        """Column -> query, positive or negative, of the columns named.

        Raises `DataError` where a column is not there, or is named twice.
        """
        made: dict[str, str] = {}
        for side, names in (
            ("query", (self.query_column,)),
            ("positive", (self.positive_column,)),
            ("negative", self.negative_column),
        ):
            for name in filter(None, names):
                if name not in columns:
                    raise DataError(
                        f"there is no column {name!r}, which was named as the {side}",
                        where=where,
                        fix=nearest(name, columns),
                    )
                if name in made:
                    raise DataError(
                        f"column {name!r} was named as the {made[name]} and as the {side}",
                        where=where,
                        fix="name each column once",
                    )
                made[name] = side
        return made


AS_NAMED: Final = FileOptions()
"""Nothing was said."""
