"""What was asked of an export, and the one function shape that every format has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import polars as pl

from negatives.export.blocks import Block
from negatives.export.texts import Texts
from negatives.run.directory import NEGATIVES_FILE, Run

Short = Literal["repeat", "drop"]
"""A query with fewer negatives than an n-tuple has places: repeat its own, or leave it out."""

Mined = Literal["omit", "zero"]
"""Mined negatives in qrels: left out, for nobody judged them; or written as relevance 0."""


@dataclass(frozen=True)
class Ask:
    """One export: the run, and what the caller chose."""

    run: Run
    scores: bool = False
    ids: bool = False
    short: Short = "repeat"
    mined: Mined = "omit"

    @cached_property
    def texts(self) -> Texts:
        """The run's texts; read on first use, for ids need none."""
        return Texts(self.run.collection)

    @cached_property
    def delivered(self) -> pl.DataFrame:
        """query_id and how many negatives it has, for each query that has any."""
        negatives = pl.scan_parquet(self.run.path / NEGATIVES_FILE)
        return negatives.group_by("query_id").len("negatives").collect()

    @cached_property
    def width(self) -> int:
        """The largest number of negatives that a query of this run has."""
        return int(self.delivered["negatives"].max() or 0)  # type: ignore[arg-type]

    def column(self, name: str) -> str:
        """The name of a text column, which says so where it holds ids."""
        return f"{name}_id" if self.ids else name


Rows = Callable[[Block, Ask], pl.DataFrame]
"""Makes the rows of a format from some queries' pairs; the same columns whatever the block."""


@dataclass(frozen=True)
class Format:
    """A format: what it is for, the endings its files can have, and how its rows are made."""

    about: str
    suffixes: tuple[str, ...]
    rows: Rows
