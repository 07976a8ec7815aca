"""Passages: one of a document of which another passage is known to answer is a suspect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import polars as pl
from msgspec import Meta

from negatives.opening import JudgeContext
from negatives.schema import REJECTED, Needs
from negatives.stage import Judge

PARENT = "parent"


class SameDocument(Judge, kind="same-document", kw_only=False):
    """Rejects passages of a document of which another passage is a positive of the query.

    Where documents are cut into passages and one of them is labelled, others of its document often
    answer too. The rule needs to be told whose each passage is: the field `parent`. It is a sure
    one and a blunt one: it rejects what would have been hard and right, and says nothing of
    passages of other documents that answer as well, which p_relevant does. Where queries have the
    field too (a query may be a part of a document itself), what is of the query's own document is
    rejected likewise.

    >>> from negatives import SameDocument, tiny
    >>> tiny.judged(SameDocument())["planes"]
    {'stall': 'same-document: of flight.md, as positive plane'}
    """

    verdict: Annotated[
        Literal["reject", "tell"],
        Meta(description="what becomes of such a passage; tell: it is only marked in the ledger"),
    ] = "reject"

    @property
    def needs(self) -> Needs:
        """Whose passage each document is."""
        return Needs(
            docs=(PARENT,),
            instead="give the documents a parent, as negatives data passages does; or leave "
            "same-document out of the recipe",
        )

    @property
    def fix(self) -> str:
        """Mark them only."""
        return 'set same-document verdict = "tell"' if self.verdict == "reject" else ""

    def open(self, context: JudgeContext) -> SameDocumentRuling:
        """Whose passage each is, by row."""
        corpus, queries = context.collection.corpus, context.collection.queries
        nobody = pl.repeat(None, len(queries), dtype=pl.String, eager=True)
        asking = queries[PARENT].cast(pl.String) if PARENT in queries.columns else nobody
        parents = corpus[PARENT].cast(pl.String)
        return SameDocumentRuling(self, parents, asking, corpus["doc_id"])


@dataclass(frozen=True, slots=True)
class SameDocumentRuling:
    """The document of every passage and of every query, and the ids of the passages."""

    stage: SameDocument
    parents: pl.Series
    of_queries: pl.Series
    ids: pl.Series

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`same_document`: whether another passage of its document is a positive; a verdict."""
        found = rows.select("query", "doc", "relevance", parent=self.parents.gather(rows["doc"]))
        known = (
            found.filter(pl.col("relevance") > 0, pl.col("parent").is_not_null())
            .group_by("query", "parent")
            .agg(positives=pl.len(), first=pl.col("doc").min())
        )
        found = found.join(known, on=["query", "parent"], how="left", maintain_order="left")
        itself = (pl.col("relevance") > 0).fill_null(False).cast(pl.UInt32)
        its_own = (pl.col("parent") == self.of_queries.gather(rows["query"])).fill_null(False)
        same = its_own | (pl.col("positives").fill_null(0) > itself)
        out = same & pl.col("relevance").is_null() & (self.stage.verdict == "reject")
        positive = self.ids.gather(found["first"].fill_null(0))
        said = (
            pl.when(its_own)
            .then(pl.format("same-document: of {}, as the query itself", "parent"))
            .otherwise(pl.format("same-document: of {}, as positive {}", "parent", positive))
        )
        return found.select(
            same_document=same,
            verdict=pl.when(out).then(pl.lit(REJECTED)),
            reason=pl.when(out).then(said),
        )
