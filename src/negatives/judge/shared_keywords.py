"""A safe distractor answers another question, one that has no keyword and no concept in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import polars as pl
from msgspec import Meta

from negatives.bounded import read_small
from negatives.errors import DataError, RecipeError
from negatives.opening import JudgeContext
from negatives.schema import REJECTED, Collection, Needs
from negatives.search.words import split, stop_words
from negatives.settings import FileName
from negatives.stage import Judge, Share

_FEW: Final = 5
"""A keyword of so few queries is never common, however few queries there are."""


class SharedKeywords(Judge, kind="shared-keywords"):
    """Rejects documents that answer another query which shares a keyword or a concept with this.

    So CAR (Wang et al. 2023) draws distractors for questions that were made from a knowledge base:
    an answer to "adopt a cat" may well be one to "adopt a dog", and with the concept "pet" of both
    it is not taken, though the two questions share no noun. `concepts` is a file of the user's, a
    line for each word and one of its concepts; without it only words are compared. Words and
    concepts of more than a `common` share of the queries are no keywords. What answers no query at
    all is let through, unless `unowned` says otherwise.

    >>> from negatives import SharedKeywords, tiny
    >>> tiny.judged(SharedKeywords(unowned="reject"))["pans"]["stall"]
    'shared-keywords: it answers no query'
    """

    concepts: Annotated[
        FileName,
        Meta(description="file of word, tabulator, concept in each line; empty: words alone"),
    ] = ""
    common: Annotated[
        Share, Meta(description="keywords of a larger share of the queries are left out")
    ] = 0.05
    language: Annotated[str, Meta(description="language of the stop words that are left out")] = (
        "english"
    )
    unowned: Annotated[
        Literal["keep", "reject"],
        Meta(description="what becomes of a document that answers no query"),
    ] = "keep"

    @property
    def needs(self) -> Needs:
        """Texts of the queries."""
        return Needs(queries=("text",))

    @property
    def fix(self) -> str:
        """Fewer keywords reject less."""
        return f"lower shared-keywords common below {self.common:g}"

    def open(self, context: JudgeContext) -> SharedKeywordsRuling:
        """Take the queries apart once."""
        concepts = _read(self.concepts) if self.concepts else {}
        mine = _keywords(context.collection, concepts, self.language, self.common)
        theirs = context.collection.positives.join(mine, on="query").select("doc", "word").unique()
        owned = context.collection.positives["doc"].unique()
        return SharedKeywordsRuling(self, mine, theirs, owned)


@dataclass(frozen=True, slots=True)
class SharedKeywordsRuling:
    """Keywords: `mine` (query, word), `theirs` (doc, word) of the queries that a document answers.

    `owned`: documents that answer a query.
    """

    stage: SharedKeywords
    mine: pl.DataFrame
    theirs: pl.DataFrame
    owned: pl.Series

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`shared_keyword`: the first, in the order of the alphabet, that both have; else null."""
        pairs = rows.select("query", "doc", "relevance").with_row_index("_place")
        open_ones = pairs.filter(pl.col("relevance").is_null())
        shared = (
            open_ones.join(self.mine, on="query")
            .join(self.theirs, on=["doc", "word"])
            .group_by("_place")
            .agg(pl.col("word").min())
        )
        word = pl.col("word")
        strange = (
            pl.col("relevance").is_null()
            & ~pl.col("doc").is_in(self.owned.implode())
            & pl.lit(self.stage.unowned == "reject")
        )
        said = pl.format("shared-keywords: it answers another query with {}", word)
        return pairs.join(shared, on="_place", how="left", maintain_order="left").select(
            shared_keyword=word,
            verdict=pl.when(word.is_not_null() | strange).then(pl.lit(REJECTED)),
            reason=pl.when(word.is_not_null())
            .then(said)
            .when(strange)
            .then(pl.lit("shared-keywords: it answers no query")),
        )


def _keywords(
    data: Collection, concepts: Mapping[str, list[str]], language: str, common: float
) -> pl.DataFrame:
    """(query, word): the words of each query and their concepts, without those that most have."""
    left_out = stop_words(language)
    if not left_out:
        raise RecipeError(
            f"shared-keywords: there are no stop words for the language {language!r}",
            fix='language = "english", "german", "french", ...',
        )
    words = [
        sorted({each for word in split(text) for each in (word, *concepts.get(word, ()))}
               - left_out)
        for text in data.queries["text"]
    ]  # fmt: skip
    made = (
        pl.DataFrame(
            {"query": pl.Series(range(len(words)), dtype=pl.UInt32), "word": words},
            schema_overrides={"word": pl.List(pl.String)},
        )
        .explode("word", empty_as_null=True)
        .drop_nulls()
    )
    most = max(_FEW, int(common * len(words)))
    return made.filter(pl.len().over("word") <= most)


def _read(path: str) -> dict[str, list[str]]:
    """Word -> its concepts, in lower case as the words of queries are."""
    made: dict[str, list[str]] = {}
    for number, line in enumerate(read_small(Path(path)).splitlines(), 1):
        if not line.strip():
            continue
        word, tab, concept = line.lower().partition("\t")
        if not tab or "\t" in concept or not (word.strip() and concept.strip()):
            raise DataError(
                "no word and concept with a tabulator between them",
                where=f"{path}, line {number:,}",
                fix="write a line such as: cat<TAB>pet",
            )
        made.setdefault(word.strip(), []).append(concept.strip())
    if not made:
        raise DataError("the file of concepts is empty", where=path, fix="cat<TAB>pet")
    return made
