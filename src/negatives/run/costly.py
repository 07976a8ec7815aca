"""What a ruling that judges a finished run can do: score any pair, where every score costs."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import polars as pl

from negatives.schema import Floats, Rows


@runtime_checkable
class Costly(Protocol):
    """A ruling that scores any pair it is asked about, and whose every score costs."""

    @property
    def column(self) -> str:
        """The ledger's column of its scores."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever its scores would."""
        ...

    @property
    def calls(self) -> int:
        """Pairs it had to compute since it was opened."""
        ...

    def score(self, query: Rows, doc: Rows) -> Floats:
        """float32[n] of pairs by row number; none of them is scored twice."""
        ...

    def rule(self) -> tuple[pl.Expr, pl.Expr]:
        """`verdict` (null: no objection) and `reason`, of its own column."""
        ...


@runtime_checkable
class Deciding(Protocol):
    """A ruling of whose scores it is known from where on they mean relevant."""

    @property
    def relevant_from(self) -> float | None:
        """Higher scores do; None: it does not say."""
        ...
