"""What was asked of an export, and what a format is: what it holds, and how its rows are made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, TypedDict

import polars as pl

from negatives.events import Emit
from negatives.export.blocks import ExportBlock, Positives, blocks, empty_block
from negatives.export.scorers import Scorer
from negatives.export.texts import ExportTexts, blank
from negatives.run.inputs import collection_of, refuse_other_images
from negatives.schema import Columns
from negatives.store.run import Run

Short = Literal["repeat", "drop"]
"""A query with fewer negatives than an n-tuple has places: repeat its own, or leave it out."""

Mined = Literal["omit", "zero"]
"""Mined negatives in qrels: left out, for nobody judged them; or written as relevance 0."""

Labels = Literal["hard", "soft"]
"""Labels of pairs: 1 and 0; or p_relevant, of every pair that is not a known positive."""


class Choices(TypedDict, total=False):
    """What a caller can choose of an export; `negatives.export.export` says what each does."""

    scores: bool | str
    ids: bool
    short: Short | None
    mined: Mined | None
    positives: Positives
    labels: Labels | None
    above: float | None
    reviews: bool
    rows_per_query: int | None
    seed: int | None


@dataclass(frozen=True)
class Ask:
    """One export: the run, and what the caller chose. `scorer`: whose scores; None: nobody's."""

    run: Run
    scorer: Scorer | None = None
    ids: bool = False
    short: Short = "repeat"
    mined: Mined = "omit"
    positives: Positives = "known"
    labels: Labels = "hard"
    above: float = 0.5
    reviews: bool = False
    rows_per_query: int | None = None
    seed: int = 0

    @property
    def scores(self) -> bool:
        """Whether scores are written."""
        return self.scorer is not None

    @cached_property
    def texts(self) -> ExportTexts:
        """The run's texts; read on first use, for ids need none."""
        refuse_other_images(self.run)
        return ExportTexts(collection_of(self.run))

    @cached_property
    def blank_docs(self) -> pl.DataFrame:
        """doc_id of the documents without text."""
        return self._blank("doc_id", collection_of(self.run).corpus)

    @cached_property
    def blank_queries(self) -> pl.DataFrame:
        """query_id of the queries without text."""
        return self._blank("query_id", collection_of(self.run).queries)

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

    def _blank(self, name: str, table: pl.DataFrame) -> pl.DataFrame:
        empty = pl.lit(False) if "text" not in table.columns else blank(pl.col("text"))
        return table.lazy().filter(empty).select(name).collect()


ExportRows = Callable[[ExportBlock, Ask], pl.DataFrame]
"""Makes the rows of a format from some queries' pairs; the same columns whatever the block."""


Option = Literal["short", "mined", "labels", "above", "rows_per_query", "reviews"]
"""A choice that only some formats leave to the caller."""

EACH_PAIR: Final = pl.col("positives") * pl.col("negatives")
EACH_POSITIVE: Final = pl.col("positives")
EACH_NEGATIVE: Final = pl.col("negatives")
EACH_DOCUMENT: Final = pl.col("positives") + pl.col("negatives")
EACH_QUERY: Final = (pl.col("positives") > 0).cast(pl.Int64)
"""How many rows a query has in a format, of its numbers of positives and negatives."""


@dataclass(frozen=True)
class Part:
    """Another table of an export, which the rows refer to: of what, and what it is read as."""

    name: str
    about: str
    columns: Columns
    frames: Callable[[], Iterator[pl.DataFrame]]

    def beside(self, out: Path) -> Path:
        """Where it lies, beside the file of the rows."""
        return out.with_name(f"{out.stem}-{self.name}{out.suffix}")


WritePacked = Callable[[Path, Iterator[pl.DataFrame], Sequence[Part]], None]
"""Writes rows and the other tables of an export into one file."""


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
    texts: Literal["unless ids", "always", "beside", "never"] = field(
        default="unless ids", kw_only=True
    )
    """Whether it holds texts: where no ids are asked for, always, in tables beside, or never."""
    no_ids: str = field(default="", kw_only=True)
    """Why it cannot be asked for ids; empty: it can."""
    scores: Literal["asked", "always", "needed", "never"] = field(default="asked", kw_only=True)
    """Whether it holds scores; `needed`: always, and nobody could learn from it without."""
    no_scores: tuple[str, str] = field(default=("", ""), kw_only=True)
    """Where it never does: what is said of that, and what is to be done."""
    no_positives: str = field(default="", kw_only=True)
    """What is to be done where it holds no positives to choose; empty: it does."""
    rows_of_query: pl.Expr | None = field(default=None, kw_only=True)
    """How many rows a query has, of its numbers of positives and negatives; None: not known."""
    packed: WritePacked | None = field(default=None, kw_only=True)
    """How its one file is written that holds all its tables; None: by the ending of the file."""

    def holds_texts(self, ask: Ask) -> bool:
        """Whether the file that is asked for has texts."""
        return self.texts in ("always", "beside") or (self.texts == "unless ids" and not ask.ids)

    @abstractmethod
    def schema(self, ask: Ask) -> pl.Schema:
        """The columns of the whole file."""

    @abstractmethod
    def frames(self, ask: Ask, emit: Emit) -> Iterator[pl.DataFrame]:
        """The rows, some at a time; `emit` hears what is to be said besides how many they are."""

    def parts(self, ask: Ask) -> tuple[Part, ...]:
        """Other tables that its reader needs: none, unless it says so."""
        return ()


@dataclass(frozen=True)
class PairFormat(Format):
    """A format made of positives and negatives, block by block."""

    rows: ExportRows
    others: Callable[[Ask], tuple[Part, ...]] | None = field(default=None, kw_only=True)
    """Other tables that its reader needs; None: none."""

    def schema(self, ask: Ask) -> pl.Schema:
        """Whatever a block without a pair gives."""
        return self.rows(empty_block(), ask).schema

    def frames(self, ask: Ask, emit: Emit) -> Iterator[pl.DataFrame]:
        """The rows of each block."""
        return (self.rows(block, ask) for block in blocks(ask.run, ask.positives, ask.scorer))

    def parts(self, ask: Ask) -> tuple[Part, ...]:
        """What the format names."""
        return () if self.others is None else self.others(ask)


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
