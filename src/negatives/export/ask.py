"""What was asked of an export, and what a format is: what it holds, and how its rows are made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import polars as pl

from negatives.events import Emit
from negatives.export.blocks import ExportBlock, Positives, blocks, empty_block
from negatives.export.texts import ExportTexts
from negatives.run.inputs import collection_of
from negatives.schema import Columns
from negatives.store.run import Run

Short = Literal["repeat", "drop"]
"""A query with fewer negatives than an n-tuple has places: repeat its own, or leave it out."""

Mined = Literal["omit", "zero"]
"""Mined negatives in qrels: left out, for nobody judged them; or written as relevance 0."""

Labels = Literal["hard", "soft"]
"""Labels of pairs: 1 and 0; or p_relevant, of every pair that is not a known positive."""


@dataclass(frozen=True)
class Ask:
    """One export: the run, and what the caller chose."""

    run: Run
    scores: bool = False
    ids: bool = False
    short: Short = "repeat"
    mined: Mined = "omit"
    positives: Positives = "known"
    labels: Labels = "hard"
    above: float = 0.5
    reviews: bool = False

    @cached_property
    def texts(self) -> ExportTexts:
        """The run's texts; read on first use, for ids need none."""
        return ExportTexts(collection_of(self.run))

    @cached_property
    def delivered(self) -> pl.DataFrame:
        """query_id and how many negatives it has, for each query that has any."""
        negatives = pl.scan_parquet(self.run.negatives_file, glob=False)
        return negatives.group_by("query_id").len("negatives").collect()

    @cached_property
    def width(self) -> int:
        """The largest number of negatives that a query of this run has."""
        return int(self.delivered["negatives"].max() or 0)  # type: ignore[arg-type]

    def column(self, name: str) -> str:
        """The name of a text column, which says so where it holds ids."""
        return f"{name}_id" if self.ids else name


ExportRows = Callable[[ExportBlock, Ask], pl.DataFrame]
"""Makes the rows of a format from some queries' pairs; the same columns whatever the block."""


Option = Literal["short", "mined", "labels", "above", "reviews"]
"""A choice that only some formats leave to the caller."""


@dataclass(frozen=True)
class Format(ABC):
    """A format: what it is for, the endings its files can have, and how its rows are made."""

    about: str
    """What it is, in one line."""
    suffixes: tuple[str, ...]
    """Endings its files can have."""
    options: tuple[Option, ...] = field(default=(), kw_only=True)
    """The choices that it leaves to the caller."""
    of_negatives: bool = field(default=True, kw_only=True)
    """Whether its rows are a run's negatives, so that it is told what of them is left out."""
    texts: Literal["unless ids", "always", "never"] = field(default="unless ids", kw_only=True)
    """Whether it holds texts: only where no ids are asked for, beside the ids, or not at all."""
    no_ids: str = field(default="", kw_only=True)
    """Why it cannot be asked for ids; empty: it can."""
    scores: Literal["asked", "always", "never"] = field(default="asked", kw_only=True)
    """Whether it holds scores."""
    no_scores: tuple[str, str] = field(default=("", ""), kw_only=True)
    """Where it never does: what is said of that, and what is to be done."""
    no_positives: str = field(default="", kw_only=True)
    """What is to be done where it holds no positives to choose; empty: it does."""

    def holds_texts(self, ask: Ask) -> bool:
        """Whether the file that is asked for has texts."""
        return self.texts == "always" or (self.texts == "unless ids" and not ask.ids)

    @abstractmethod
    def schema(self, ask: Ask) -> pl.Schema:
        """The columns of the whole file."""

    @abstractmethod
    def frames(self, ask: Ask, emit: Emit) -> Iterator[pl.DataFrame]:
        """The rows, some at a time."""


@dataclass(frozen=True)
class PairFormat(Format):
    """A format made of positives and negatives, block by block."""

    rows: ExportRows

    def schema(self, ask: Ask) -> pl.Schema:
        """Whatever a block without a pair gives."""
        return self.rows(empty_block(), ask).schema

    def frames(self, ask: Ask, emit: Emit) -> Iterator[pl.DataFrame]:
        """The rows of each block."""
        return (self.rows(block, ask) for block in blocks(ask.run, emit, ask.positives))


@dataclass(frozen=True)
class TableFormat(Format):
    """A format that says something of a run besides its positives and negatives."""

    columns: Columns
    tables: Callable[[Ask, Emit], Iterator[pl.DataFrame]]

    def schema(self, ask: Ask) -> pl.Schema:
        """The same whatever was asked for."""
        return pl.Schema(self.columns)

    def frames(self, ask: Ask, emit: Emit) -> Iterator[pl.DataFrame]:
        """The tables one after the other."""
        return self.tables(ask, emit)
