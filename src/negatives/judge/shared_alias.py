"""Two documents one of which is called in its text as the other in its title are of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import polars as pl
from msgspec import Meta

from negatives.judge.named_in_query import TITLE
from negatives.opening import JudgeContext
from negatives.schema import REJECTED, Needs
from negatives.stage import Judge
from negatives.text.keys import normalised


class SharedAlias(Judge, kind="shared-alias", kw_only=False):
    """Rejects a document that is named in a positive's text, or in whose text a positive is named.

    Where documents are concepts, with their other names in the text, the same concept may be there
    twice, once under another name: nobody has labelled the second. Words are compared one by one,
    capitals and marks do not count, and names of few words are too common to say anything.

    >>> from negatives import SharedAlias, tiny
    >>> tiny.judged(SharedAlias(words=1))["wings"]
    {'again': 'shared-alias: the positive Lift names it'}
    """

    field: Annotated[str, Meta(description="field that names a document", min_length=1)] = TITLE
    words: Annotated[int, Meta(ge=1, description="words of a name, at least")] = 2

    @property
    def needs(self) -> Needs:
        """A name and a text of the documents."""
        return Needs(docs=(self.field, "text"))

    @property
    def fix(self) -> str:
        """Only longer names."""
        return f"raise shared-alias words above {self.words}"

    def open(self, context: JudgeContext) -> SharedAliasRuling:
        """Normalise names and texts once."""
        collection = context.collection
        names = normalised(collection.corpus[self.field].cast(pl.String).fill_null(""))
        long = names.str.count_matches(" ") + 1 >= self.words
        named = pl.select(pl.when(long).then(names)).to_series()
        return SharedAliasRuling(
            collection.positives,
            named,
            normalised(collection.corpus["text"]),
            collection.corpus[self.field].cast(pl.String),
        )


@dataclass(frozen=True, slots=True)
class SharedAliasRuling:
    """Positives (query, doc); of the documents the names (null: too short), texts and titles."""

    positives: pl.DataFrame
    names: pl.Series
    texts: pl.Series
    titles: pl.Series

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`shared_alias`: the first positive that shares a name with the document; a verdict."""
        numbered = rows.select("query", "doc", "relevance").with_row_index("place")
        pairs = numbered.filter(pl.col("relevance").is_null()).join(
            self.positives.rename({"doc": "positive"}), on="query"
        )
        both = pairs.with_columns(
            names=self._within(pairs["doc"], pairs["positive"]),
            is_named=self._within(pairs["positive"], pairs["doc"]),
        ).filter(pl.col("names") | pl.col("is_named"))
        met = both.sort("place", "positive").unique("place", keep="first", maintain_order=True)
        told = pl.select(
            pl.when(met["names"])
            .then(
                pl.format("shared-alias: it names the positive {}", self._called(met["positive"]))
            )
            .otherwise(
                pl.format("shared-alias: the positive {} names it", self._called(met["positive"]))
            )
        ).to_series()
        found = numbered.join(
            met.select("place", shared_alias=pl.lit(True), reason=told),
            on="place",
            how="left",
            maintain_order="left",
        )
        return found.select(
            pl.col("shared_alias").fill_null(False),
            verdict=pl.when("shared_alias").then(pl.lit(REJECTED)),
            reason="reason",
        )

    def _called(self, docs: pl.Series) -> pl.Series:
        return self.titles.gather(docs).fill_null("(untitled)")

    def _within(self, texts: pl.Series, names: pl.Series) -> pl.Series:
        """Whether the text of each of the ones has the name of the other, as whole words."""
        frame = pl.DataFrame({"text": self.texts.gather(texts), "name": self.names.gather(names)})
        text, name = (pl.concat_str(pl.lit(" "), each, pl.lit(" ")) for each in ("text", "name"))
        return frame.select(text.str.contains(name, literal=True).fill_null(False)).to_series()
