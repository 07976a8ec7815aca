"""What is known before any score: judgements, copies, the query's own text and document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Bools, Keys
from negatives.chance import mix
from negatives.judge.own import own_documents
from negatives.opening import JudgeContext
from negatives.schema import DUPLICATE, JUDGED_NEGATIVE, POSITIVE, REJECTED, Collection
from negatives.stage import Judge
from negatives.text.keys import text_keys


class Known(Judge, kind="known"):
    """Judgements, exact and normalised copies, and the query's own text and document.

    It comes first in every run, whether or not a recipe names it: no pair it objects to is ever
    picked. A copy of a positive is a duplicate, be it a positive of this query or of another that
    asks the same in the same words. The query's own text, and the document that it is itself (see
    `own`), are rejected, even where a judgement says not relevant. Of candidates with one text, one
    is left: trained with twice, it would count twice. In a collection whose identity is the id, no
    document is a copy of another, and what is said of texts here says nothing.

    >>> from negatives import Known, tiny
    >>> tiny.judged(Known())["wings"]
    {'copy': 'same-normalised-text: as positive lift'}
    """

    tells_what_is_known: ClassVar[bool] = True
    rules: ClassVar[Mapping[str, str]] = {
        "same-text": "copies of a positive",
        "same-normalised-text": "copies of a positive but for case and punctuation",
        "same-question": "positives of another query that asks the same",
        "query-as-document": "documents that are the query itself",
        "own-document": "documents of the query's own id",
        "repeat": "copies of another candidate",
    }
    same_text: ClassVar[frozenset[str]] = frozenset(("same-text", "same-normalised-text"))
    no_answer: ClassVar[frozenset[str]] = frozenset(("query-as-document", "own-document"))

    @property
    def copies(self) -> pl.Expr:
        """By the normalised text."""
        return pl.col("same_text")

    def open(self, context: JudgeContext) -> KnownRuling:
        """Hash every text, or id, once."""
        collection = context.collection
        docs, queries = collection.keys("docs"), collection.keys("queries")
        by_text = collection.identity == "text"
        return KnownRuling(
            collection=collection,
            doc_keys=text_keys(collection.corpus["text"]) if by_text else docs,
            doc_normalised=docs,
            query_normalised=queries,
            own=own_documents(collection),
            elsewhere=_elsewhere(collection, docs, queries),
        )


@dataclass(frozen=True, slots=True)
class KnownRuling:
    """Keys of the texts of one collection, and what `_elsewhere` says of it."""

    collection: Collection
    doc_keys: Keys
    doc_normalised: Keys
    query_normalised: Keys
    own: NDArray[np.int64]
    """int64[queries]: the row of the document that each query is; -1 where there is none."""
    elsewhere: pl.DataFrame

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Verdict and reason where something is known, and `same_text`.

        `same_text` says whether *another* document with this normalised text is a positive of the
        query, or this text one of another query that asks the same: of positives too.
        """
        query, doc = rows["query"].to_numpy(), rows["doc"].to_numpy()
        normalised, question = self.doc_normalised[doc], self.query_normalised[query]
        keyed = rows.select("query", "doc", "relevance").with_columns(
            place=pl.int_range(pl.len(), dtype=pl.UInt32),
            same=pl.Series(self.doc_keys[doc]),
            normalised=pl.Series(normalised),
            question=pl.Series(question),
            is_query=pl.Series(np.equal(normalised, question)),
            is_own=pl.Series(np.equal(self.own[query], doc)),
            twice=pl.Series(_repeated(mix(query.astype(np.uint64)) ^ normalised)),
        )
        for key in ("same", "normalised"):
            copied = (
                keyed.filter(pl.col("relevance") > 0)
                .group_by("query", key)
                .agg(pl.col("doc").min().alias(f"{key}_of"), pl.len().alias(f"{key}_count"))
            )
            keyed = keyed.join(copied, on=["query", key], how="left", maintain_order="left")
        keyed = keyed.join(
            self.elsewhere, on=["question", "normalised"], how="left", maintain_order="left"
        )
        # Of most pairs nothing is known, and nothing need be said.
        something = pl.col("relevance", "normalised_of", "asked_by").is_not_null()
        some = keyed.filter(pl.any_horizontal(something, "is_query", "is_own", "twice"))
        return (
            keyed.select("place")
            .join(self._known(some), on="place", how="left", maintain_order="left")
            .with_columns(pl.col("same_text").fill_null(False))
            .drop("place")
        )

    def _known(self, keyed: pl.DataFrame) -> pl.DataFrame:
        """What is said of pairs of which something is known."""
        relevance = pl.col("relevance")
        # A judgement is worth more than a guess, so that the one that is left is judged if any is.
        kept = pl.col("doc").sort_by(relevance.is_null(), "doc").first().over("query", "normalised")
        names = self.collection.corpus["doc_id"]
        keyed = keyed.with_columns(kept=kept)
        keyed = keyed.with_columns(
            names.gather(keyed["same_of"]).alias("same_of"),
            names.gather(keyed["normalised_of"]).alias("normalised_of"),
            names.gather(keyed["kept"]).alias("kept_name"),
        )
        repeated = pl.col("kept") != pl.col("doc")
        verdict = (
            pl.when(relevance > 0)
            .then(pl.lit(POSITIVE))
            .when(pl.col("normalised_of").is_not_null() | pl.col("asked_by").is_not_null())
            .then(pl.lit(DUPLICATE))
            .when(pl.col("is_query") | pl.col("is_own") | repeated)
            .then(pl.lit(REJECTED))
            .when(relevance == 0)
            .then(pl.lit(JUDGED_NEGATIVE))
        )
        known = [
            (relevance > 0, "judged relevant", pl.format("(grade {})", relevance)),
            (pl.col("same_of").is_not_null(), "same-text", pl.format("as positive {}", "same_of")),
            (
                pl.col("normalised_of").is_not_null(),
                "same-normalised-text",
                pl.format("as positive {}", "normalised_of"),
            ),
            (
                pl.col("asked_by").is_not_null(),
                "same-question",
                pl.format("a positive of query {}, which asks the same", "asked_by"),
            ),
            (pl.col("is_query"), "query-as-document", pl.lit("the text is the query itself")),
            (pl.col("is_own"), "own-document", pl.lit("it has the query's id")),
            (repeated, "repeat", pl.format("the text of candidate {}", "kept_name")),
            (relevance == 0, "judged not relevant", pl.format("(grade {})", relevance)),
        ]
        rule = pl.coalesce(pl.when(so).then(pl.lit(name)) for so, name, _ in known)
        reason = pl.coalesce(
            pl.when(so).then(
                pl.format("{}{} {}", pl.lit(name), pl.lit(":" if name in Known.rules else ""), why)
            )
            for so, name, why in known
        )
        others = pl.col("normalised_count").fill_null(0) - (relevance > 0).fill_null(False)
        own = pl.col("normalised_count").is_not_null()
        elsewhere = pl.col("askers").fill_null(0).cast(pl.Int64) - own
        return keyed.select(
            "place",
            same_text=(others > 0) | (elsewhere > 0),
            verdict=verdict,
            rule=rule,
            reason=reason,
        )


def _repeated(keys: Keys) -> Bools:
    """bool[n]: which keys are there more than once."""
    order = np.argsort(keys, kind="stable")
    alike = keys[order][1:] == keys[order][:-1]
    found = np.zeros(len(keys), bool)
    found[order[1:][alike]] = found[order[:-1][alike]] = True
    return found


def _elsewhere(collection: Collection, docs: Keys, queries: Keys) -> pl.DataFrame:
    """question, normalised, asked_by, askers of every positive of a question that several ask.

    `docs`, `queries`: keys of their normalised texts. `asked_by`: the first of those queries that
    the text is a positive of, `askers`: how many they are; for the others it is one as well.
    """
    asked = collection.queries.select("query_id", question=pl.Series(queries)).with_row_index("row")
    if collection.identity == "text":
        asked = asked.filter(collection.queries["text"].str.strip_chars() != "")
    several = asked.filter(pl.len().over("question") > 1)
    pairs = collection.positives.join(several, left_on="query", right_on="row", how="inner")
    answers = pairs.with_columns(normalised=pl.Series(docs[pairs["doc"].to_numpy()]))
    return answers.group_by("question", "normalised").agg(
        asked_by=pl.col("query_id").min(), askers=pl.col("query_id").n_unique()
    )
