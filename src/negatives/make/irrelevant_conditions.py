"""What a positive says that has nothing to do with its query: a negative of the same subject.

    query      how long does bread rise
    positive   Bread rises for two hours. Use a warm bowl. The recipe is my aunt's.
    written    Use a warm bowl. The recipe is my aunt's.

Wu et al. 2024, "Instructing Large Language Models to Identify and Ignore Irrelevant Conditions"
(I3C), find the conditions of a problem that do not matter: those whose likeness to the question is
below a threshold are suspects, and a language model says of each whether it matters. This turns it
round, and is a reconstruction: the suspects themselves are the negative. They are of the same
document, so they share its subject, names and style, and lack what answers. What the paper has a
model verify is left to the run's judges: a sentence with a pronoun is unlike the query, and may
hold the answer.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Floats, Rows
from negatives.generator import WRITTEN_DOCS, Generator, Written
from negatives.make.drawn import drawn_positives
from negatives.models.encoder import sides
from negatives.models.open_encoder import open_encoder
from negatives.models.readable import check_readable
from negatives.opening import Context
from negatives.schema import TEXTS, Needs
from negatives.settings import ModelName
from negatives.stage import Share
from negatives.text.sentences import sentences


class IrrelevantConditions(Generator, kind="irrelevant-conditions"):
    """The sentences of a positive that are least like the query, without those that are like it.

    >>> from negatives import IrrelevantConditions
    >>> IrrelevantConditions(share=0.5).needs.docs
    ('text',)
    """

    share: Annotated[
        Share, Meta(description="share of a positive's sentences that is kept, the least like ones")
    ] = 0.5
    below: Annotated[
        float, Meta(ge=-1, le=1, description="only sentences less like the query than this")
    ] = 1.0
    shortest: Annotated[
        int, Meta(ge=1, description="characters of the shortest text that is written")
    ] = 30
    encoder: Annotated[
        ModelName, Meta(description="what tells how alike they are, as in [[find]]")
    ] = "static"

    generates: ClassVar[Written] = "documents"

    @property
    def needs(self) -> Needs:
        """Texts of both sides, which are compared."""
        return TEXTS

    def write(self, context: Context, rows: Rows) -> pl.DataFrame:
        """One text of each query whose positive has sentences of either sort."""
        data = context.collection
        pairs = drawn_positives(context, rows, f"{self.kind}/positive")
        if pairs.is_empty():
            return pl.DataFrame(schema=dict(WRITTEN_DOCS))
        encoder = open_encoder(
            self.encoder,
            threads=context.machine.threads,
            device=context.machine.device,
            emit=context.emit,
        )
        check_readable(encoder, context, name=self.encoder, label=self.label)
        pieces = pairs.with_columns(
            piece=sentences(data.corpus["text"].gather(pairs["doc"])),
            asked=pl.int_range(pl.len(), dtype=pl.UInt32),
        ).explode("piece")
        pieces = pieces.drop_nulls("piece")
        of_queries, of_docs = sides(encoder)
        asked = _unit(of_queries.encode(data.query_texts(pairs["query"].to_numpy())).vectors)
        said = _unit(of_docs.encode(pieces["piece"].to_list()).vectors)
        alike = np.einsum("nd,nd->n", said, asked[pieces["asked"].to_numpy()])
        kept = pieces.with_columns(alike=pl.Series(alike)).with_columns(
            kept=unlike(pl.col("alike"), self.share, self.below).over("query")
        )
        return (
            kept.filter("kept")
            .group_by("query", maintain_order=True)
            .agg(text=pl.col("piece").str.join("").str.strip_chars())
            .filter(pl.col("text").str.len_chars() >= self.shortest)
            .with_columns(grade=None)
            .select(pl.col(name).cast(dtype) for name, dtype in WRITTEN_DOCS.items())
        )


def unlike(alike: pl.Expr, share: float, below: float) -> pl.Expr:
    """Which of a text's sentences are least like the query: so many, and below a threshold.

    Never all of them, for then there is nothing that the others lack.
    """
    most = (pl.len() * share).floor().clip(upper_bound=pl.len() - 1)
    return (alike < below) & (alike.rank("ordinal") <= most)


def _unit(vectors: Floats) -> Doubles:
    long = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    unit: Doubles = vectors / np.maximum(long, 1e-12)
    return unit
