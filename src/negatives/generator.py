"""Generators: stages that write what a collection does not have, and say where it came from.

One that writes queries makes training data of documents alone: `negatives make`, or a training that
makes its own. One that writes documents adds negatives that no search could have found to the
candidates of a run. Either is handed some rows of a collection at a time, and what it writes of a
row depends on the seed and on that row's ids and contents only, never on the rows beside it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal

import msgspec
import numpy as np
import polars as pl

from negatives.arrays import Bools, Rows
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import WorkError
from negatives.opening import NOTHING, Context, Foreseen
from negatives.schema import Columns
from negatives.stage import Stage

Written = Literal["queries", "documents"]

WRITTEN_QUERIES: Final[Columns] = {"doc": pl.UInt32, "text": pl.String, "passage": pl.String}
"""A query, the document it was written from, and that document's text from now on; null: as it was.

Of a document with several queries each row has the same text.
"""
WRITTEN_DOCS: Final[Columns] = {"query": pl.UInt32, "text": pl.String, "grade": pl.Int32}
"""A document, the query it was written for, and how relevant it was meant to be; null: not at all.

Each query's in the order in which they are to be numbered.
"""
ORIGIN: Final[Columns] = {"model": pl.String, "prompt_hash": pl.String}
"""Columns that either may add: the model that wrote a row, and a hash of what it was asked."""


class Generator(Stage, kw_only=True):
    """Writes queries from documents, or documents for queries.

    `needs` says what of a document, or of a query, it reads.
    """

    section: ClassVar[str] = "make"
    name: Annotated[
        str,
        msgspec.Meta(
            description="name of its documents in the ledger; empty: the kind",
            pattern="^[a-z0-9-]{0,64}$",
        ),
    ] = ""

    most: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            description="documents, or queries, that it writes of at most, drawn by their ids; "
            "0: all",
        ),
    ] = 0

    generates: ClassVar[Written] = "documents"

    @property
    def label(self) -> str:
        """The name that what it writes goes by."""
        return self.name or self.kind

    @property
    def calls_each(self) -> int:
        """Questions that it puts to a model for each document or query, at most."""
        return 0

    def ready(self, context: Context) -> None:
        """Raise where it could not write, before any work: for want of a model, say."""

    def foresee(self, context: Context, rows: Rows) -> Foreseen:
        """What writing from these documents or queries would cost; nothing is sent."""
        return NOTHING

    def lets_pass(self, context: Context, rows: Rows, texts: Sequence[str]) -> Bools | None:
        """bool[n]: which texts, written for queries by row, its own check would take for no answer.

        None: it asks for nothing again. Override it where it does, so that an audit can count how
        many known answers pass.
        """
        return None

    @abstractmethod
    def write(self, context: Context, rows: Rows) -> pl.DataFrame:
        """What is written from these documents (`WRITTEN_QUERIES`) or queries (`WRITTEN_DOCS`).

        Sorted by them; those of which nothing can be made have no row.
        """


def drawn_rows(generator: Generator, ids: pl.Series, seed: int) -> Rows:
    """Places of the ids that it writes of, in order: all, or `most` drawn by the ids."""
    if not generator.most or generator.most >= len(ids):
        return np.arange(len(ids), dtype=np.uint32)
    drawn = uniforms(id_hashes(ids), stream_key(seed, f"make/{generator.label}"))
    return np.sort(np.argsort(drawn, kind="stable")[: generator.most]).astype(np.uint32)


def written(generator: Generator, context: Context, rows: Rows) -> pl.DataFrame:
    """What a generator writes of some rows, checked, with both columns of its origin."""
    made = generator.write(context, rows)
    wanted = WRITTEN_QUERIES if generator.generates == "queries" else WRITTEN_DOCS
    for name, dtype in ORIGIN.items():
        if name not in made.columns:
            made = made.with_columns(pl.lit(None, dtype).alias(name))
    if dict(made.schema) != {**wanted, **ORIGIN}:
        raise WorkError(
            f"generator {generator.kind!r} wrote columns {dict(made.schema)}, not {dict(wanted)}"
        )
    key = made.to_series(0)
    torn = generator.generates == "queries" and made["doc", "passage"].n_unique() > key.n_unique()
    if torn or not key.is_sorted() or not key.is_in(pl.Series(rows).implode()).all():
        raise WorkError(
            f"generator {generator.kind!r} wrote rows out of order, of rows that it was not given, "
            "or two texts of one document"
        )
    if made["text"].str.strip_chars().str.len_bytes().fill_null(0).eq(0).any():
        raise WorkError(f"generator {generator.kind!r} wrote an empty text")
    return made
