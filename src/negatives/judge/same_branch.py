"""Taxonomies: what is above or below a positive is no safe negative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.opening import JudgeContext
from negatives.read.taxonomy import Edges, Taxonomy, needs
from negatives.schema import REJECTED, Needs
from negatives.stage import Judge


class SameBranch(Judge, kind="same-branch", kw_only=False):
    """Rejects ancestors and descendants of a positive in a taxonomy of the documents.

    An ancestor is true and only too general (who knows Java knows a programming language), and of a
    descendant nobody knows. Siblings are let through: see the source `same-parent`. The taxonomy is
    the field `parent` of the documents, or a file of edges.

    >>> from negatives import SameBranch, tiny
    >>> tiny.judged(SameBranch())["wings"]
    {'again': 'same-branch: below a positive of the query in the taxonomy'}
    """

    reject: Annotated[
        Literal["both", "above", "below"],
        Meta(description="ancestors and descendants, or only the ones"),
    ] = "both"
    edges: Edges = ""

    @property
    def needs(self) -> Needs:
        """The field `parent`, unless there is a file of edges."""
        return needs(self.edges)

    @property
    def fix(self) -> str:
        """Let the ones through."""
        return 'set same-branch reject = "above" or "below"' if self.reject == "both" else ""

    def open(self, context: JudgeContext) -> SameBranchRuling:
        """Read the taxonomy."""
        taxonomy = Taxonomy.of(context.collection, self.edges)
        return SameBranchRuling(self, taxonomy, context.collection.positives)


@dataclass(frozen=True, slots=True)
class SameBranchRuling:
    """A taxonomy, and the positives of the collection: query, doc."""

    stage: SameBranch
    taxonomy: Taxonomy
    positives: pl.DataFrame

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`branch`: "above" or "below" a positive of the query, or null; a verdict."""
        known = self.positives.filter(pl.col("query").is_in(rows["query"].unique().implode()))
        above, below = self.taxonomy.related(
            (known["query"].to_numpy().astype(np.int64), known["doc"].to_numpy().astype(np.int64)),
            (rows["query"].to_numpy().astype(np.int64), rows["doc"].to_numpy().astype(np.int64)),
        )
        found = rows.select("relevance").with_columns(
            above=pl.Series(above), below=pl.Series(below)
        )
        unjudged = pl.col("relevance").is_null()
        side = pl.when("above").then(pl.lit("above")).when("below").then(pl.lit("below"))
        branch = pl.when(unjudged).then(side)
        out = branch.is_not_null()
        if self.stage.reject != "both":
            out &= branch == self.stage.reject
        return found.select(
            branch=branch,
            verdict=pl.when(out).then(pl.lit(REJECTED)),
            reason=pl.when(out).then(
                pl.format("same-branch: {} a positive of the query in the taxonomy", branch)
            ),
        )
