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

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Bools, Doubles, Keys, Places
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.measure.audits.blindfold import WORDS, curved, fitted, logistic
from negatives.measure.audits.check import Answer, Check
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate, rounded
from negatives.models.open_encoder import open_encoder
from negatives.schema import PAIR
from negatives.stats.bootstrap import Interval, interval
from negatives.text.keys import normalised, normalised_keys

FOLDS: Final = 5
QUERIES: Final = 2_000
"""Queries of a source that are asked about, at most, drawn by their ids."""
FEWEST: Final = 50
"""Queries of a source, below which nothing is said of it."""
RUNS: Final = 3
"""Words of the longest runs of words that are counted."""


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
        source, worst = max(found.items(), key=lambda each: each[1].value or 0.0)
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
        alarm = worst.low is not None and worst.low > self.most
        advice = _ADVICE[str(worst.details["by"])].format(source) if alarm else _FINE
        return Answer(self.kind, _ABOUT.format(source), estimate, alarm, advice)


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
            parts[str(source)] = _Texts.of(queries["query_id"], asked, positives, corpus)
    sure = 1 - (1 - confidence) / max(len(parts) * len(_ADVICE), 1)
    found = {}
    for source, texts in sorted(parts.items()):
        features = _features(texts)
        pairs = texts.pairs(features["the words"])
        shares = {
            name: interval(
                texts.share(_out_of_fold(each, texts, pairs), pairs), confidence=sure, seed=seed
            )
            for name, each in features.items()
        }
        name, best = max(shares.items(), key=lambda each: each[1].value)
        found[source] = _estimate(name, best, shares, texts, confidence)
    return found


def _estimate(
    name: str, best: Interval, shares: dict[str, Interval], texts: _Texts, confidence: float
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


@dataclass(frozen=True, slots=True)
class _Texts:
    """The positives and negatives of some queries, a row each; queries are numbered at random."""

    texts: pl.Series
    query: Places
    positive: Bools
    keys: Keys
    """Hashes of the texts, by which a text is known again."""

    @staticmethod
    def of(
        queries: pl.Series, negatives: pl.DataFrame, positives: pl.DataFrame, corpus: pl.DataFrame
    ) -> _Texts:
        rows = pl.concat(
            [
                positives.select(PAIR).with_columns(positive=pl.lit(True)),
                negatives.select(PAIR).with_columns(positive=pl.lit(False)),
            ]
        ).join(queries.to_frame().with_row_index("query"), on="query_id")
        rows = rows.join(corpus.select("doc_id", pl.col("text").fill_null("")), on="doc_id")
        rows = rows.sort("query", "doc_id", "positive")
        return _Texts(
            texts=rows["text"],
            query=rows["query"].to_numpy().astype(np.int64),
            positive=rows["positive"].to_numpy(),
            keys=normalised_keys(rows["text"]),
        )

    @property
    def queries(self) -> int:
        return len(np.unique(self.query))

    def folds(self) -> Iterator[tuple[Bools, Bools]]:
        """What to fit on, and what to ask about: texts of other queries, known in none of these."""
        for number in range(min(FOLDS, self.queries)):
            asked = self.query % FOLDS == number
            yield ~asked & ~np.isin(self.keys, self.keys[asked]), asked

    def pairs(self, words: Any) -> pl.DataFrame:
        """query, positive, negative (rows): each negative with the positive that is most like it.

        `words`: the words of each text, by TF-IDF, each row of unit length.
        """
        rows = pl.DataFrame({"query": self.query, "positive": self.positive}).with_row_index("row")
        both = rows.filter("positive").join(rows.filter(~pl.col("positive")), on="query")
        both = both.select("query", positive="row", negative="row_right")
        left, right = words[both["positive"].to_numpy()], words[both["negative"].to_numpy()]
        alike = pl.Series("alike", np.asarray(left.multiply(right).sum(axis=1)).ravel())
        return (
            both.with_columns(alike)
            .sort("query", "negative", "alike", "positive", descending=[False, False, True, False])
            .unique(["query", "negative"], keep="first", maintain_order=True)
            .drop("alike")
        )

    @staticmethod
    def share(scores: Doubles, pairs: pl.DataFrame) -> Doubles:
        """float64[queries]: of a query's pairs, how often the positive scores higher."""
        ours, theirs = scores[pairs["positive"].to_numpy()], scores[pairs["negative"].to_numpy()]
        told = pairs.select("query", share=pl.Series(np.sign(ours - theirs) / 2 + 0.5))
        return told.group_by("query").agg(pl.col("share").mean()).sort("query")["share"].to_numpy()


def _out_of_fold(features: Any, texts: _Texts, pairs: pl.DataFrame) -> Doubles:
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
            model = logistic().fit(features[rows], label, weight[fit[row]])
            scores[asked] = model.decision_function(features[np.flatnonzero(asked)])
    return scores


def _features(texts: _Texts) -> dict[str, Any]:
    """What each of the models sees of the texts: one row each, dense or sparse."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

    text = texts.texts
    counter = CountVectorizer(
        tokenizer=str.split, token_pattern=None, lowercase=False, ngram_range=(1, RUNS), min_df=2,
        max_features=WORDS * RUNS,
    )  # fmt: skip
    counts = fitted(counter, normalised(text))
    runs = getattr(counter, "vocabulary_", {"": 0})
    lengths = np.zeros(len(runs), np.int64)
    lengths[list(runs.values())] = [run.count(" ") + 1 for run in runs]
    form = np.concatenate(
        [
            curved(text.str.len_chars()),
            curved(text.str.count_matches(r"\s")),
            text.str.contains(r"^\s*\p{Lu}").to_numpy().astype(float)[:, None],
            text.str.contains(r"[.!?]\s*$").to_numpy().astype(float)[:, None],
            text.str.count_matches(r"[,;:]").clip(upper_bound=5).to_numpy()[:, None],
        ],
        axis=1,
    )
    words = TfidfTransformer(sublinear_tf=True).fit_transform(counts).tocsr()
    usual = _usual(counts, lengths, texts)
    meaning = open_encoder("static").encode(text.to_list()).vectors * 4.0
    every = hstack([csr_matrix(form), words, csr_matrix(usual), csr_matrix(meaning)]).tocsr()
    return {
        "the form": form,
        "the words": words,
        "the usual": usual,
        "the meaning": meaning,
        "all of it": every,
    }


def _usual(counts: Any, lengths: Places, texts: _Texts) -> Doubles:
    """float64[rows, RUNS]: how common a text's runs of each length are among the positives of
    other folds, as the mean of log(1 + count); `lengths`: words of the runs that were counted.
    """
    made = np.zeros((len(texts.query), RUNS))
    words = normalised(texts.texts).str.count_matches(r"\S+").to_numpy().astype(np.int64)
    for fit, asked in texts.folds():
        known = np.asarray(counts[np.flatnonzero(fit & texts.positive)].sum(axis=0)).ravel()
        here = counts[np.flatnonzero(asked)]
        for size in range(RUNS):
            said = here @ (np.log1p(known) * (lengths == size + 1))
            made[asked, size] = said / np.maximum(words[asked] - size, 1)
    return made
