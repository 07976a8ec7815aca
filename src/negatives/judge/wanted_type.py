"""Types: a query asks for one, and a document of another can be no answer, however near it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.errors import DataError, RecipeError
from negatives.opening import JudgeContext
from negatives.schema import REJECTED, Needs
from negatives.stage import Judge

TYPE = "type"


class WantedType(Judge, kind="wanted-type", kw_only=False):
    """Leaves two sorts of negatives: of a wrong type yet above the positive, and of the right type.

    Where a query asks for a type (an image, a title, a language), a model may rank what is near and
    of another type above the answer (Lin et al., 2025, MM-Embed): these are the errors to learn
    from, and they are no false negatives. Of the right type the first ranks are likely to be
    relevant, and are rejected. Both sides need the field `type`; a query's says what it asks for.
    `wanted_type` is 1 of the right type and 0 of another, so that a picker can take some of both.

    >>> from negatives import WantedType, tiny
    >>> tiny.judged(WantedType(skip=3))["planes"]["stall"]
    'wanted-type: of the wanted type, fact, at rank 3 of the first 3'
    """

    skip: Annotated[
        int, Meta(ge=0, description="first ranks of which those of the right type are left out")
    ] = 45
    of: Annotated[str, Meta(description="source of the ranks; empty: the reference scorer")] = ""

    @property
    def needs(self) -> Needs:
        """A type of both sides."""
        return Needs((TYPE,), (TYPE,))

    @property
    def fix(self) -> str:
        """Skip fewer."""
        return f"lower wanted-type skip below {self.skip}" if self.skip else ""

    def open(self, context: JudgeContext) -> WantedTypeRuling:
        """Raises `DataError` where no document has a type that any query asks for."""
        source = self.of or context.reference
        if not source:
            raise RecipeError("wanted-type: no source ranks the candidates", fix="set `of`")
        collection = context.collection
        docs, queries = (
            side[TYPE].cast(pl.String) for side in (collection.corpus, collection.queries)
        )
        asked = queries.gather(collection.mined_queries).drop_nulls().unique()
        if not docs.is_in(asked.implode()).any():
            found = docs.drop_nulls().unique().sort()
            raise DataError(
                f"queries ask for the type {', '.join(asked.sort()[:3]) or 'of nothing'}, and "
                f"documents are of {', '.join(found[:3])}",
                where=f"judge {self.kind}, collection {collection.name!r}",
                fix="give documents and queries the same names of types",
            )
        return WantedTypeRuling(self, f"{source}_rank", docs, queries)


@dataclass(frozen=True, slots=True)
class WantedTypeRuling:
    """The types of documents and queries, by row, and the column of ranks."""

    stage: WantedType
    column: str
    docs: pl.Series
    queries: pl.Series

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`wanted_type`: 1 of the type that is asked for, 0 of another, null if not known."""
        if self.column not in rows.columns:
            raise RecipeError(
                f"wanted-type: the run has no source {self.column.removesuffix('_rank')!r}",
                fix="name one of the recipe's sources in `of`",
            )
        found = rows.select("query", "relevance", rank=self.column).with_columns(
            doc=self.docs.gather(rows["doc"]), wanted=self.queries.gather(rows["query"])
        )
        same, rank = pl.col("doc") == pl.col("wanted"), pl.col("rank")
        first = rank.filter(pl.col("relevance") > 0).min().over("query")
        unjudged = pl.col("relevance").is_null()
        early = unjudged & same & (rank <= self.stage.skip)
        # A positive that the source has not found at all is below everything it has found.
        above = (rank < first).fill_null(first.is_null() & rank.is_not_null())
        below = unjudged & ~same & ~above
        return found.select(
            wanted_type=same.cast(pl.Int8),
            verdict=pl.when(early | below).then(pl.lit(REJECTED)),
            reason=pl.when(early)
            .then(
                pl.format(
                    "wanted-type: of the wanted type, {}, at rank {} of the first {}",
                    "doc",
                    rank,
                    pl.lit(self.stage.skip),
                )
            )
            .when(below)
            .then(
                pl.format(
                    "wanted-type: {} where {} is asked for, and not above the positive",
                    "doc",
                    "wanted",
                )
            ),
        )
