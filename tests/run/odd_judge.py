"""Judges of a third party, for tests: one query is too much for them."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.arrays import Rows
from negatives.opening import Context
from negatives.stage import Judge


class Odd(Judge, kind="odd"):
    """Fails, or ends its process, at one query, as long as a file is there."""

    query: Annotated[str, Meta(description="the id of the query")]
    while_there: Annotated[str, Meta(description="the file")]
    kills: Annotated[bool, Meta(description="whether the process ends")] = False
    once: Annotated[bool, Meta(description="whether the file is removed before")] = False

    def open(self, context: Context) -> OddRuling:
        """Nothing to build."""
        ids = context.collection.queries["query_id"]
        return OddRuling(self, (ids == self.query).arg_true().cast(pl.UInt32).to_numpy())


class OddRuling:
    """The judge opened."""

    def __init__(self, stage: Odd, rows: Rows) -> None:
        self.stage = stage
        self.rows = rows

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`odd`: 0 for all."""
        path = Path(self.stage.while_there)
        if rows["query"].is_in(pl.Series(self.rows).implode()).any() and path.exists():
            if self.stage.once:
                path.unlink()
            if self.stage.kills:
                os.kill(os.getpid(), signal.SIGKILL)
            raise ValueError("this query is too much")
        return rows.select(odd=pl.col("query").cast(pl.Int32) * 0)
