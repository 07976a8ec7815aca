"""The inverse cloze task: a sentence is the query, and what it was taken from is the positive.

    text      s1 s2 s3 s4
    query     s3                       drawn among the sentences that are long enough
    positive  s1 s2 s4                 with probability 1 - keep, else s1 s2 s3 s4

Lee, Chang and Toutanova, 2019, "Latent Retrieval for Weakly Supervised Open Domain Question
Answering", section 4: the sentence is taken out of nine passages of ten, so that a model learns
what belongs together, and left in the tenth, so that it still learns to match words. This is a
reconstruction. There each step draws anew, from blocks of Wikipedia, and the negatives are the
other passages of the batch; here each document has one query, drawn once, so that what was made is
a collection like any other.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
import polars as pl

from negatives.arrays import Rows
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.generator import WRITTEN_QUERIES, Generator, Written
from negatives.opening import Context
from negatives.schema import Needs
from negatives.stage import Share
from negatives.text.sentences import sentences


class InverseCloze(Generator, kind="inverse-cloze"):
    """A sentence of each document is a query, and the rest of the document its positive.

    >>> from negatives import Collection, InverseCloze
    >>> made = Collection.load("cranfield").made(InverseCloze())
    >>> made.queries["query_id", "text"].row(1)
    ('gen:10', 'the theory of the impact tube at low pressure .')
    >>> made.qrels.row(1)
    ('gen:10', '10', 1)
    """

    keep: Annotated[
        Share, msgspec.Meta(description="share of the documents that keep their query's sentence")
    ] = 0.1
    shortest: Annotated[
        int, msgspec.Meta(ge=1, description="characters of the shortest sentence that is a query")
    ] = 30

    generates: ClassVar[Written] = "queries"

    @property
    def needs(self) -> Needs:
        """Texts of the documents; queries are what it makes."""
        return Needs(docs=("text",), instead="give a collection of texts")

    def write(self, context: Context, rows: Rows) -> pl.DataFrame:
        """One query of each document of at least two sentences, one of them long enough."""
        corpus = context.collection.corpus
        hashes = id_hashes(corpus["doc_id"].gather(rows))
        which, whether = (
            uniforms(hashes, stream_key(context.seed, f"{self.kind}/{stream}"))
            for stream in ("sentence", "keep")
        )
        pieces = pl.DataFrame(
            {
                "doc": rows,
                "which": which,
                "kept": whether < self.keep,
                "piece": sentences(corpus["text"].gather(rows)),
            }
        )
        pieces = pieces.filter(pl.col("piece").list.len() > 1).explode("piece")
        pieces = pieces.with_columns(
            long=pl.col("piece").str.strip_chars().str.len_chars() >= self.shortest
        )
        number = pl.col("long").cum_sum().over("doc")
        wanted = 1 + (pl.col("which") * pl.col("long").sum().over("doc")).floor()
        pieces = pieces.with_columns(asked=pl.col("long") & (number == wanted))
        left = pl.col("piece").filter(pl.col("kept") | ~pl.col("asked")).str.join("")
        return (
            pieces.group_by("doc", maintain_order=True)
            .agg(
                text=pl.col("piece").filter("asked").first().str.strip_chars(),
                passage=left.str.strip_chars(),
            )
            .filter(pl.col("text").is_not_null() & (pl.col("text") != pl.col("passage")))
            .select(pl.col(name).cast(dtype) for name, dtype in WRITTEN_QUERIES.items())
        )
