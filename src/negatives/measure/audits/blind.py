"""Whether a negative can be told from a positive of the same query by a model that sees no query.

Hsieh et al. 2023, "SugarCrepe: Fixing Hackable Benchmarks for Vision-Language Compositionality",
find that models which see the captions alone, and no image, choose the right one of a made pair
more often than image-text models do: made negatives read oddly. Whoever trains on such pairs
teaches how odd texts look. Here such models are fitted anew on the negatives that are audited, each
on other queries than it is asked about, and have to say which of two texts is the positive, so that
0.5 tells nothing: a negative, and the positive of its query that shares most words with it, which
is the one that a made negative was made of. Each source, or generator, is asked about by itself.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.judge.blind_texts import THE_WORDS, BlindTexts, features, logistic
from negatives.measure.audits.check import Answer, Check, decisive, verdict
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate, rounded
from negatives.schema import PAIR
from negatives.stats.bootstrap import Interval, interval

QUERIES: Final = 2_000
"""Queries of a source that are asked about, at most, drawn by their ids."""
FEWEST: Final = 50
"""Queries of a source, below which nothing is said of it."""


class Blind(Check, kind="blind"):
    """How often a model that sees two texts, and no query, knows which of them is the positive.

    The worst source counts, by the best of several models; the others are in the details.

    >>> from negatives.measure.audits.blind import Blind
    >>> Blind(most=0.6).most
    0.6
    """

    most: Annotated[
        float,
        Meta(ge=0.5, le=1, description="share of pairs told blind, above which it is an alarm"),
    ] = 0.65
    by: Annotated[
        str, Meta(description="field of documents that names what made them; empty: the source")
    ] = ""

    def lacking(self, subject: Subject) -> str:
        """Texts of positives and negatives, of enough queries."""
        data = subject.collection
        if not data.has("docs", "text"):
            return "the documents have no texts; give --corpus"
        if data.positives.is_empty():
            return "there are no positives to compare with; name what knows them with --corpus"
        if self.by and not data.has("docs", self.by):
            return f"the documents have no field {self.by}; leave blind.by out"
        asked = subject.negatives.join(data.qrels.filter(pl.col("relevance") > 0), on="query_id",
                                       how="semi")["query_id"].n_unique()  # fmt: skip
        if asked < FEWEST:
            return f"fewer than {FEWEST} queries have a positive and a negative"
        return ""

    def find(self, subject: Subject) -> Answer:
        """The source that is told best, among all that have enough queries."""
        made = by_source(subject, self.by)
        found = told_blind(
            made,
            subject.collection.corpus,
            subject.collection.qrels.filter(pl.col("relevance") > 0).select(PAIR),
            confidence=subject.confidence,
            seed=subject.seed,
        )
        if not found:
            why = f"no source has negatives of {FEWEST} queries with a positive"
            nothing = Estimate(confidence=subject.confidence, assumption=_ASSUMED, why=why)
            return Answer(self.kind, _ABOUT.format("a source"), nothing, None, _MORE)
        source = decisive(found, self.most)
        worst = found[source]
        details = {
            name: {"share": rounded(each.value), "low": rounded(each.low),
                   "high": rounded(each.high), **each.details}
            for name, each in found.items()
        }  # fmt: skip
        estimate = Estimate(
            value=worst.value,
            low=worst.low,
            high=worst.high,
            confidence=subject.confidence,
            assumption=_ASSUMED,
            details={"by source": details},
        )
        wrong = _ADVICE[str(worst.details["by"])].format(source) + _OR
        told = verdict(estimate, self.most, wrong, _FINE)
        return Answer(self.kind, _ABOUT.format(source), estimate, *told)


_ABOUT: Final = (
    "share of the pairs of a positive and a negative by {} in which a model that sees no query "
    "knows the positive"
)
_ASSUMED: Final = (
    "queries are like others of the file; a model that reads better than these may tell more"
)
_FINE: Final = "nothing to do: these models have to look at the query"
_MORE: Final = "mine, or make, negatives of more queries"
_ADVICE: Final = {
    "the form": "negatives by {} are longer or shorter than positives, or begin and end otherwise; "
    "write them in the form of the positives",
    "the words": "some words mark the negatives by {}; draw what is put in by how common it is, "
    "or make positives with these words, too",
    "the usual": "negatives by {} read less usual than positives, or more so; draw what is put in "
    "from the same place of other texts",
    "the meaning": "negatives by {} are about something else than positives are; make them of the "
    "positives, or mine them from the same corpus",
    "all of it": "no single mark tells the negatives by {}, all together do; read some beside "
    "their positives",
}
"""What the models see, and what to do where it tells too much."""
_OR: Final = "; or put [[judge]] told-blind into the recipe, which sets aside what is told"


def by_source(subject: Subject, by: str = "") -> pl.DataFrame:
    """query_id, doc_id, source: the negatives, and a field of theirs, or the source of each."""
    rows = subject.negatives
    if by:
        field = pl.col(by).cast(pl.String).fill_null("none").alias("source")
        made = rows.select(PAIR).join(
            subject.collection.corpus.select("doc_id", field), on="doc_id"
        )
    elif "sources" in rows.columns:
        made = rows.select(*PAIR, source=pl.col("sources").list.first().fill_null("none"))
    else:
        made = rows.select(*PAIR, source=pl.lit("the file"))
    return made.unique(maintain_order=True)


def told_blind(
    negatives: pl.DataFrame,
    corpus: pl.DataFrame,
    positives: pl.DataFrame,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Estimate]:
    """By source: the share of pairs in which the best of the models knows the positive.

    `negatives`: query_id, doc_id, source; `corpus`: doc_id, text; `positives`: query_id, doc_id. A
    pair is a negative and the positive of its query that is most like it; a tie counts half, and a
    query's pairs count as one. A model is fitted on the queries of other
    folds, without what is asked about in any, and the intervals, by a bootstrap of the queries,
    hold for all models of all sources together (Bonferroni).
    """
    key = stream_key(seed, "audit/blind")
    parts = {}
    for (source,), each in negatives.group_by("source", maintain_order=True):
        asked = each.join(positives.select("query_id").unique(), on="query_id", how="semi")
        queries = asked.select("query_id").unique()
        drawn = pl.Series("drawn", uniforms(id_hashes(queries["query_id"]), key))
        queries = queries.with_columns(drawn).sort("drawn", "query_id").head(QUERIES)
        if len(queries) >= FEWEST:
            parts[str(source)] = BlindTexts.of(queries["query_id"], asked, positives, corpus)
    sure = 1 - (1 - confidence) / max(len(parts) * len(_ADVICE), 1)
    found = {}
    for source, texts in sorted(parts.items()):
        seen = features(texts)
        pairs = texts.pairs(seen[THE_WORDS])
        shares = {
            name: interval(
                _share(_out_of_fold(each, texts, pairs), pairs), confidence=sure, seed=seed
            )
            for name, each in seen.items()
        }
        name, best = max(shares.items(), key=lambda each: each[1].value)
        found[source] = _estimate(name, best, shares, texts, confidence)
    return found


def _estimate(
    name: str, best: Interval, shares: dict[str, Interval], texts: BlindTexts, confidence: float
) -> Estimate:
    details = {
        "by": name,
        "queries": texts.queries,
        "share by model": {each: rounded(share.value) for each, share in shares.items()},
    }
    return Estimate(
        value=best.value, low=best.low, high=best.high, confidence=confidence,
        assumption=_ASSUMED, details=details,
    )  # fmt: skip


def _out_of_fold(seen: Any, texts: BlindTexts, pairs: pl.DataFrame) -> Doubles:
    """float64[rows]: log-odds of a positive, by a model of the pairs of other queries; 0 where
    there are none. A pair counts on both sides, and a query's pairs count as one.
    """
    row = np.concatenate([pairs["positive"].to_numpy(), pairs["negative"].to_numpy()])
    weight = 1.0 / pairs.select(pl.len().over("query"))["len"].to_numpy()
    weight = np.concatenate([weight, weight])
    scores = np.zeros(len(texts.query))
    for fit, asked in texts.folds():
        rows = row[fit[row]]
        label = texts.positive[rows]
        if label.any() and not label.all():
            model = logistic().fit(seen[rows], label, weight[fit[row]])
            scores[asked] = model.decision_function(seen[np.flatnonzero(asked)])
    return scores


def _share(scores: Doubles, pairs: pl.DataFrame) -> Doubles:
    """float64[queries]: of a query's pairs, how often the positive scores higher."""
    ours, theirs = scores[pairs["positive"].to_numpy()], scores[pairs["negative"].to_numpy()]
    told = pairs.select("query", share=pl.Series(np.sign(ours - theirs) / 2 + 0.5))
    return told.group_by("query").agg(pl.col("share").mean()).sort("query")["share"].to_numpy()
