"""Headings as queries: what a document is called is what somebody may look for.

    title     How is a fever treated?
    text      How is a fever treated? Rest, and drink a lot.
    query     How is a fever treated?
    positive  Rest, and drink a lot.

A title says what its text is about, and is shorter: of all that documents alone give, it is the
nearest to a question. A heading that several documents share asks for each of them, so that all
but one would be false negatives of the others: `shared` says how many may share one. What is left
of a text has no title in it, or a model would learn to match the same words.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import polars as pl
from msgspec import Meta

from negatives.arrays import Rows
from negatives.errors import RecipeError
from negatives.generator import WRITTEN_QUERIES, Generator, Written
from negatives.opening import Context
from negatives.schema import CORPUS, Needs
from negatives.store.atomic import writing
from negatives.text.keys import normalised_keys
from negatives.text.scripts import UNSPACED


class Heading(Generator, kind="heading"):
    """The title of a document, or another of its fields, is a query, and its text the positive.

    Documents without one give none.

    >>> import polars as pl
    >>> from negatives import Collection, Heading
    >>> tea = {"_id": ["a"], "title": ["Black tea"], "text": ["Steep it for four minutes."]}
    >>> titled = Collection.from_pairs({"q": "?"}, pl.DataFrame(tea), {"q": {"a": 1}})
    >>> made = titled.made(Heading())
    >>> made.queries["text"].to_list(), made.corpus["text"].to_list()
    (['Black tea'], ['Steep it for four minutes.'])
    """

    field: Annotated[
        str, Meta(min_length=1, description="field of the documents that holds the heading")
    ] = "title"
    words: Annotated[int, Meta(ge=1, description="words of the shortest heading that is used")] = 2
    shared: Annotated[
        int, Meta(ge=1, description="documents that may have a heading; others leave it out")
    ] = 1
    rest: Annotated[
        int, Meta(ge=1, description="characters that the text must have without its heading")
    ] = 20

    generates: ClassVar[Written] = "queries"

    @property
    def needs(self) -> Needs:
        """Texts of the documents, and the field."""
        return Needs(docs=("text", self.field), instead="make queries of its texts: inverse-cloze")

    def check(self) -> None:
        """A document's id or text is no heading of it."""
        if self.field in CORPUS:
            raise RecipeError(
                f"heading: {self.field!r} is no field", fix='name one, such as field = "title"'
            )

    def write(self, context: Context, rows: Rows) -> pl.DataFrame:
        """One query of each document with a heading of its own, and with a text besides it."""
        corpus = context.collection.corpus
        heading = pl.col("heading").str.replace_all(r"\s+", " ").str.strip_chars()
        found = (
            pl.DataFrame(
                {
                    "doc": rows,
                    "heading": corpus[self.field].gather(rows).cast(pl.String),
                    "whole": corpus["text"].gather(rows),
                    "among": self._sharing(context).gather(rows),
                }
            )
            .filter(pl.col("among") <= self.shared)
            .with_columns(text=heading)
            .filter(_words(pl.col("text")) >= self.words)
        )
        body = pl.col("whole").str.strip_prefix(pl.col("heading")).str.strip_chars()
        return (
            found.with_columns(passage=body)
            .filter(pl.col("passage").str.len_chars() >= self.rest, pl.col("text") != "")
            .select(pl.col(name).cast(dtype) for name, dtype in WRITTEN_QUERIES.items())
        )

    def _sharing(self, context: Context) -> pl.Series:
        """uint32[docs]: how many documents have each one's heading, as a reader sees it; 0: none.

        Counted once for a corpus: it is handed over in blocks.
        """
        kept = context.scratch / f"{self.kind}-{self.field}.arrow"
        if kept.exists():
            return pl.read_ipc(kept).to_series()
        headings = context.collection.corpus[self.field].cast(pl.String)
        keys = pl.Series("key", normalised_keys(headings.fill_null("")))
        there = pl.when(pl.col("there")).then(pl.len().over("key")).otherwise(0)
        counts = pl.DataFrame([keys, headings.is_not_null().alias("there")]).select(
            there.cast(pl.UInt32).alias("among")
        )
        with writing(kept) as temporary:
            counts.write_ipc(temporary)
        return counts.to_series()


def _words(text: pl.Expr) -> pl.Expr:
    """How many words a text has; where no spaces tell them apart, two characters are one."""
    unspaced = text.str.count_matches(f"[{UNSPACED}]")
    return pl.max_horizontal(text.str.count_matches(r"\S+"), (unspaced + 1) // 2)
