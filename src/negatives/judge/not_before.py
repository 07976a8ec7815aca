"""Time: a document that did not exist yet when the query was asked is no candidate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import polars as pl
from msgspec import Meta

from negatives.errors import DataError
from negatives.opening import JudgeContext
from negatives.schema import REJECTED, Needs
from negatives.stage import Judge

TIME = "time"


class NotBefore(Judge, kind="not-before", kw_only=False):
    """Rejects documents newer than the query, which could not have been cited or found.

    So prior cases are searched for (Santosh, Haddad and Grabmair, 2024, ECtHR-PCR): a judgement
    cites only those before it, and that it does not cite a later one says nothing. A document of
    the query's own time is let through, unless `same_time` says otherwise. Both sides need the
    field `time`: days or moments of both, or numbers of both.

    >>> from negatives import NotBefore, tiny
    >>> tiny.judged(NotBefore())["planes"]
    {'museum': 'not-before: of 2020, and the query of 2015'}
    """

    undated: Annotated[
        Literal["keep", "reject"],
        Meta(description="what becomes of a pair of which one side has no time"),
    ] = "keep"
    same_time: Annotated[
        Literal["keep", "reject"],
        Meta(description="what becomes of a document of the query's own time"),
    ] = "keep"

    @property
    def needs(self) -> Needs:
        """A time of both sides."""
        return Needs((TIME,), (TIME,))

    @property
    def fix(self) -> str:
        """Keep what has no time."""
        return 'set not-before undated = "keep"' if self.undated == "reject" else ""

    def open(self, context: JudgeContext) -> NotBeforeRuling:
        """Raises `DataError` where the times of the two sides cannot be compared."""
        collection = context.collection
        docs, queries = collection.corpus[TIME], collection.queries[TIME]
        sorts = ["numbers" if side.dtype.is_numeric() else "dates" for side in (docs, queries)]
        if sorts[0] != sorts[1]:
            raise DataError(
                f"the times of the documents are {sorts[0]}, and those of the queries {sorts[1]}",
                where=f"judge {self.kind}, collection {collection.name!r}",
                fix="write both as dates, such as 2019-05-03, or both as numbers",
            )
        return NotBeforeRuling(self, docs, queries)


def _written(time: str) -> pl.Expr:
    """A time as people write it: a day that has no time of day is a day alone."""
    return pl.col(time).cast(pl.String).str.replace(r"( 00:00:00)?(\.0+)?$", "")


@dataclass(frozen=True, slots=True)
class NotBeforeRuling:
    """The times of the documents and of the queries of one collection, by row."""

    stage: NotBefore
    docs: pl.Series
    queries: pl.Series

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`newer`: whether the document is newer than the query; null where nobody can say."""
        found = rows.select("relevance").with_columns(
            doc=self.docs.gather(rows["doc"]), query=self.queries.gather(rows["query"])
        )
        newer, unjudged = pl.col("doc") > pl.col("query"), pl.col("relevance").is_null()
        late = newer
        if self.stage.same_time == "reject":
            late = pl.col("doc") >= pl.col("query")
        late = unjudged & late.fill_null(False)
        undated = unjudged & newer.is_null() & (self.stage.undated == "reject")
        said = pl.format("not-before: of {}, and the query of {}", *map(_written, ("doc", "query")))
        return found.select(
            newer=newer,
            verdict=pl.when(late | undated).then(pl.lit(REJECTED)),
            reason=pl.when(late)
            .then(said)
            .when(undated)
            .then(pl.lit("not-before: the document or the query has no time")),
        )
