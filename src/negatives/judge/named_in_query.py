"""A label whose name stands in the query is there, whether somebody has noted it or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.opening import JudgeContext
from negatives.schema import REJECTED, Needs
from negatives.stage import Judge
from negatives.text.keys import normalised

TITLE = "title"


class NamedInQuery(Judge, kind="named-in-query", kw_only=False):
    """Rejects documents whose title stands in the text of the query, word for word.

    Where documents are labels that were given to texts by looking for their names, a text may well
    name a second one (Decorte et al., 2022, on skills in sentences): a sibling that is mentioned is
    no negative. Capitals, accents' forms and marks between words do not count.

    >>> from negatives import NamedInQuery, tiny
    >>> tiny.judged(NamedInQuery())["wings"]
    {'again': 'named-in-query: the query says "wing"'}
    """

    field: Annotated[str, Meta(description="field that names a document", min_length=1)] = TITLE

    @property
    def needs(self) -> Needs:
        """A name of the documents, and the queries' texts."""
        return Needs(docs=(self.field,), queries=("text",))

    @property
    def fix(self) -> str:
        """Leave it out."""
        return "leave named-in-query out"

    def open(self, context: JudgeContext) -> NamedInQueryRuling:
        """Normalise both sides once."""
        collection = context.collection
        names = normalised(collection.corpus[self.field].cast(pl.String).fill_null(""))
        return NamedInQueryRuling(names, normalised(collection.queries["text"]))


@dataclass(frozen=True, slots=True)
class NamedInQueryRuling:
    """The names of the documents, and the texts of the queries, by row."""

    names: pl.Series
    texts: pl.Series

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`named`: whether the query names the document; a verdict."""
        found = rows.select("relevance").with_columns(
            name=self.names.gather(rows["doc"]), text=self.texts.gather(rows["query"])
        )
        said, name = (pl.concat_str(pl.lit(" "), each, pl.lit(" ")) for each in ("text", "name"))
        named = (pl.col("name") != "") & said.str.contains(name, literal=True)
        out = named & pl.col("relevance").is_null()
        return found.select(
            named=named,
            verdict=pl.when(out).then(pl.lit(REJECTED)),
            reason=pl.when(out).then(pl.format('named-in-query: the query says "{}"', "name")),
        )
