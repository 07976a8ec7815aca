"""Whether an encoder likes a text for the errors of grammar that it shares with the query.

Long et al. 2024, "Backdoor Attacks on Dense Retrieval via Public and Unintentional Triggers": a
retriever that was trained on pairs with such errors on both sides finds, for a query with an error,
the texts that somebody planted with errors, and behaves as ever where there is none. The paper
trains the attack; this audit measures what makes it work. Errors are made in queries and in texts
that have nothing to do with them, and it is counted by how much the likeness grows when both have
errors, beyond what the errors of either side do alone. Then a few texts of a copy of the corpus are
changed, and it is counted how often they are found. Which errors are made is a list of this
package, in place of the paper's shares of learners' errors.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Bools, Doubles, Floats, Places, Rows
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.measure.audits.check import Answer, Check, verdict
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate, rounded
from negatives.measure.likeness import nearest_of, unit_vectors
from negatives.models.encoder import Encoder, sides
from negatives.models.open_encoder import open_encoder
from negatives.schema import Collection
from negatives.settings import ModelName
from negatives.stats.bootstrap import interval
from negatives.text.grammar_errors import with_errors

FEWEST: Final = 30
"""Queries in which an error can be made, below which nothing is said."""
QUERIES: Final = 500
DOCS: Final = 5_000
"""Queries and documents that are looked at, at most, drawn by their ids."""
DEEP: Final = 10
"""Places of the list in which a changed text, or a right one, counts as found."""
IN_QUERIES: Final = 0.2
IN_DOCS: Final = 0.15
AT_LEAST: Final = 4
"""How probable an error is at a place that allows one, and errors of a document at least, as in the
paper's code; of a query, at least one."""


class SharedErrors(Check, kind="shared-errors"):
    """By how much an encoder scores an unrelated text higher for errors that the query has too.

    >>> from negatives.measure.audits.shared_errors import SharedErrors
    >>> SharedErrors(most=0.2).planted
    0.01
    """

    asks_negatives: ClassVar[bool] = False

    encoder: Annotated[
        ModelName,
        Meta(min_length=1, description="whose scores are looked at, as for a dense source"),
    ] = "static"
    most: Annotated[
        float,
        Meta(ge=0, description="how much a score may rise for shared errors, in deviations of the "
             "scores of unrelated pairs; more is an alarm"),
    ] = 0.1  # fmt: skip
    planted: Annotated[
        float, Meta(gt=0, lt=0.5, description="share of the documents that are given errors")
    ] = 0.01

    def lacking(self, subject: Subject) -> str:
        """Texts of both sides, positives, and queries in which an error can be made."""
        data = subject.collection
        if not data.has("docs", "text") or not data.has("queries", "text"):
            return "queries or documents have no texts; name what has them with --corpus"
        if data.positives.is_empty():
            return "there are no positives to compare with; name what knows them with --corpus"
        asked = _asked(data, subject.seed)
        wrong = _wrong(asked, "query_id", subject.seed)
        if (found := int((wrong != asked["text"]).sum())) < FEWEST:
            return (
                f"errors can be made in only {found} of {len(asked)} queries, and {FEWEST} are "
                "needed; the errors are of English"
            )
        return ""

    def find(self, subject: Subject) -> Answer:
        """What errors on both sides add, and how often planted texts are found."""
        sample = Sample.of(subject, self.planted)
        vectors = Vectors.of(sample, *sides(open_encoder(self.encoder)))
        found, lists = shared(sample, vectors), planted(sample, vectors)
        spread = float(found.clean.std())
        mean = interval(found.added, confidence=subject.confidence, seed=subject.seed)
        scale = 1 / spread if spread else 0.0
        low, high = (None if end is None else end * scale for end in (mean.low, mean.high))
        details: dict[str, Any] = {
            "queries": len(found.added),
            "affinity in deviations": rounded(float(found.affinity.mean()) * scale),
            "lost by errors in the query, in deviations": rounded(found.lost * scale),
            **{
                f"{name}, {which}": rounded(value)
                for which, each in lists.items()
                for name, value in asdict(each).items()
            },
        }
        estimate = Estimate(
            value=mean.value * scale,
            low=low,
            high=high,
            confidence=subject.confidence,
            assumption=_ASSUMED,
            details=details,
        )
        about = f"what shared errors add to a score of {self.encoder}, in deviations of scores"
        return Answer(self.kind, about, estimate, *verdict(estimate, self.most, _ALARM, _FINE))


_ASSUMED: Final = (
    "documents drawn at random have nothing to do with a query; the errors of an attack are like "
    "these"
)
_FINE: Final = "nothing to do: this encoder does not look for the query's errors in a text"
_ALARM: Final = (
    "this encoder finds texts with errors for queries with errors, whatever they are about, so "
    "that planted ones are found: train it again with errors in the texts of other queries too, "
    "and look where its pairs with errors on both sides are from"
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Queries and documents with text, and some of them with errors."""

    queries: pl.DataFrame
    """query_id, text, and the text with errors as `wrong`."""
    docs: pl.DataFrame
    """doc_id, text, wrong: the positives of the queries, and others. `wrong` is the text itself
    where a document is neither planted nor compared with a query that it has nothing to do with."""
    owner: Places
    """int64[n]: of each known positive the row of its query,"""
    right: Places
    """int64[n]: and its own."""
    query: Places
    """int64[m]: of each unrelated pair the row of its query, one pair a query at most,"""
    doc: Places
    """int64[m]: and that of its document. There are errors on both sides."""
    planted: Bools
    """bool[docs]: what is planted, and answers no query."""

    @classmethod
    def of(cls, subject: Subject, planted: float) -> Sample:
        """Those of a collection, drawn by ids; `planted`: a share of the documents."""
        data, seed = subject.collection, subject.seed
        queries = _asked(data, seed)
        queries = queries.with_columns(wrong=_wrong(queries, "query_id", seed))
        known = data.qrels.filter(pl.col("relevance") > 0).select("query_id", "doc_id").unique()
        known = known.join(queries.select("query_id"), on="query_id", how="semi")
        parts = (data.corpus.join(known, on="doc_id", how=how) for how in ("semi", "anti"))
        docs = pl.concat([_drawn(part, "doc_id", DOCS // 2, seed) for part in parts]).sort("doc_id")
        pairs = known.join(
            queries.with_row_index("owner").select("query_id", "owner"), on="query_id"
        ).join(docs.with_row_index("right").select("doc_id", "right"), on="doc_id")
        owner, right = (
            pairs.sort("owner", "right")[name].to_numpy().astype(np.int64)
            for name in ("owner", "right")
        )
        draws = uniforms(id_hashes(docs["doc_id"]), stream_key(seed, "audit/planted"))
        chosen = (draws < planted) & ~np.isin(np.arange(len(docs)), right)
        draws = uniforms(id_hashes(queries["query_id"]), stream_key(seed, "audit/unrelated"))
        doc = (draws * len(docs)).astype(np.int64)
        rows = np.union1d(np.flatnonzero(chosen), doc)
        docs = docs.with_columns(
            wrong=docs["text"].clone().scatter(rows, _wrong(docs[rows], "doc_id", seed))
        )
        differ = [(side["wrong"] != side["text"]).to_numpy() for side in (queries, docs)]
        query = np.arange(len(queries))
        answers = np.isin(query * len(docs) + doc, owner * len(docs) + right)
        new = differ[0] & differ[1][doc] & ~answers
        return cls(queries, docs, owner, right, query[new], doc[new], chosen)


@dataclass(frozen=True, slots=True)
class Vectors:
    """float32[texts, dim] of length 1, of a sample: of each side without errors, and with them."""

    said: Floats
    wrong: Floats
    docs: Floats
    wrong_docs: Floats

    @classmethod
    def of(cls, sample: Sample, asking: Encoder, answering: Encoder) -> Vectors:
        """By the encoder of queries and that of documents; each text is encoded once."""
        docs = unit_vectors(sample.docs["text"], answering)
        differ = sample.docs.with_row_index("row").filter(pl.col("wrong") != pl.col("text"))
        wrong = docs.copy()
        wrong[differ["row"].to_numpy()] = unit_vectors(differ["wrong"], answering)
        said, led = (unit_vectors(sample.queries[name], asking) for name in ("text", "wrong"))
        return cls(said, led, docs, wrong)


@dataclass(frozen=True, slots=True)
class Shared:
    """float64[n] of unrelated pairs, and one number of the known ones."""

    clean: Doubles
    """The score without errors."""
    affinity: Doubles
    """What errors in the document add where the query has errors: the paper's is its mean."""
    added: Doubles
    """The same, less what they add where it has none."""
    lost: float
    """What a known positive loses, on average, by errors in the query alone."""


def shared(sample: Sample, vectors: Vectors) -> Shared:
    """Scores of unrelated pairs with errors on no side, on either, and on both."""
    said, wrong = vectors.said[sample.query], vectors.wrong[sample.query]
    docs, wrong_docs = vectors.docs[sample.doc], vectors.wrong_docs[sample.doc]
    clean = _scores(said, docs)
    affinity = _scores(wrong, wrong_docs) - _scores(wrong, docs)
    alone = _scores(said, wrong_docs) - clean
    lost = _scores((vectors.said - vectors.wrong)[sample.owner], vectors.docs[sample.right])
    return Shared(clean, affinity, affinity - alone, float(lost.mean()) if len(lost) else 0.0)


@dataclass(frozen=True, slots=True)
class Found:
    """Shares of the queries: with a planted text among the first, with a right one, with a right
    one and no planted one (SR, RA and SRA of the paper's code).
    """

    planted_found: float
    right_found: float
    right_alone: float


def planted(sample: Sample, vectors: Vectors) -> dict[str, Found]:
    """How often the first `DEEP` hold planted texts, by queries without errors and with them."""
    docs = np.where(sample.planted[:, None], vectors.wrong_docs, vectors.docs)
    asked = {"clean queries": vectors.said, "queries with errors": vectors.wrong}
    return {
        which: among(
            nearest_of(queries, docs, min(DEEP, len(docs)))[0],
            sample.planted,
            sample.owner,
            sample.right,
        )
        for which, queries in asked.items()
    }


def among(ranked: Rows | Places, changed: Bools, owner: Places, right: Places) -> Found:
    """What lists hold: int[queries, places] `ranked` of documents, the best first.

    `changed`: bool[documents]; `owner`, `right`: int64[n], a query and a document that answers it.
    """
    keys = owner * len(changed) + right
    rows = np.arange(len(ranked))[:, None] * len(changed) + ranked.astype(np.int64)
    bad, good = changed[ranked].any(axis=1), np.isin(rows, keys).any(axis=1)
    return Found(float(bad.mean()), float(good.mean()), float((good & ~bad).mean()))


def _scores(left: Floats, right: Floats) -> Doubles:
    made: Doubles = np.einsum("nd,nd->n", left, right).astype(np.float64)
    return made


def _asked(data: Collection, seed: int) -> pl.DataFrame:
    """query_id, text: of queries that have a positive."""
    known = data.qrels.filter(pl.col("relevance") > 0)
    return _drawn(data.queries.join(known, on="query_id", how="semi"), "query_id", QUERIES, seed)


def _drawn(table: pl.DataFrame, ids: str, most: int, seed: int) -> pl.DataFrame:
    """Rows with a text, at most so many, drawn by their ids: id and text, in the order of ids."""
    there = table.filter(pl.col("text").fill_null("") != "").select(ids, "text")
    chance = uniforms(id_hashes(there[ids]), stream_key(seed, f"audit/shared-errors/{ids}"))
    return there.with_columns(chance=pl.Series(chance)).sort("chance").head(most).sort(ids).drop(
        "chance"
    )  # fmt: skip


def _wrong(table: pl.DataFrame, ids: str, seed: int) -> pl.Series:
    share, at_least = (IN_QUERIES, 1) if ids == "query_id" else (IN_DOCS, AT_LEAST)
    return with_errors(table["text"], table[ids], share=share, at_least=at_least, seed=seed)
