"""Whether negatives can be told from positives without looking at the query.

Raff and Holt 2023, "Reproducibility in Multiple Instance Learning: A Case for Algorithmic Unit
Tests", show that models learn whatever marks the negative class, which the task forbids. In a file
of negatives such a mark is anything that sets its negatives apart from its positives: written ones
that begin alike, cut ones, ids of another sort, a part of the corpus that only one of them is from.
Each kind of mark is given to a logistic model that does not see the query, and asked about
documents that it was not fitted on. What it can tell, a model that is trained on the file will.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Bools, Doubles, Places
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.judge.blind_texts import WORDS, curved, fitted, logistic
from negatives.measure.audits.blindfold import query_weights, words_of
from negatives.measure.audits.check import Answer, Check, decisive, verdict
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate, rounded
from negatives.schema import PAIR

FOLDS: Final = 5
SAMPLE: Final = 20_000
"""Documents that are looked at, at most, drawn by their ids."""
PAIRS: Final = 100_000
"""Pairs, of whole queries but the last, by which it is counted what is told apart, at most."""


class Shortcuts(Check, kind="shortcuts"):
    """How well negatives are told from positives by one of their marks, and no look at the query.

    >>> from negatives.measure.audits.shortcuts import Shortcuts
    >>> Shortcuts(most=0.8).most
    0.8
    """

    most: Annotated[
        float, Meta(ge=0.5, le=1, description="AUROC of a mark, above which it is an alarm")
    ] = 0.75

    def lacking(self, subject: Subject) -> str:
        """Positives."""
        if subject.collection.positives.is_empty():
            return "there are no positives to compare with; name what knows them with --corpus"
        if subject.negatives["doc_id"].n_unique() < 2 * FOLDS:
            return f"there are fewer than {2 * FOLDS} documents among the negatives"
        return ""

    def find(self, subject: Subject) -> Answer:
        """The mark that tells most, among all there are."""
        found = marks(
            _pairs(subject),
            subject.collection.corpus,
            confidence=subject.confidence,
            seed=subject.seed,
        )
        mark = decisive(found, self.most)
        worst = found[mark]
        details = {name: [rounded(each.value), rounded(each.low), rounded(each.high)]
                   for name, each in found.items()}  # fmt: skip
        estimate = Estimate(
            value=worst.value,
            low=worst.low,
            high=worst.high,
            confidence=subject.confidence,
            assumption=worst.assumption,
            details={"AUROC by mark": details, **worst.details},
        )
        about = f"AUROC of {mark} alone, by which negatives are told from positives"
        return Answer(
            self.kind, about, estimate, *verdict(estimate, self.most, _ADVICE[mark], _FINE)
        )


_ASSUMED: Final = "documents are like others of the file, and so are queries"
_FINE: Final = "nothing to do: a model has to look at the query"
_ADVICE: Final = {
    "the length": "cut or choose negatives of the lengths of positives, or write both alike",
    "the words": "read some beside positives: written, translated or marked texts give themselves "
    "away; write positives with the same model, or mine negatives where positives are from",
    "one word": "look for what the negatives, or the positives, all contain: a prefix, a label, a "
    "left-over of a prompt; take it out of both",
    "the id": "do not give ids to a model; ids of another sort mean documents of another origin",
    "the place in the corpus": "mine from the whole corpus: negatives come from one part of it",
}
"""The marks that are looked at, and what to do about each."""


def _pairs(subject: Subject) -> pl.DataFrame:
    """query_id, doc_id, positive: of the queries that have negatives."""
    positives = subject.collection.qrels.filter(pl.col("relevance") > 0).select(PAIR)
    negatives = subject.negatives.select(PAIR).unique()
    positives = positives.join(negatives.select("query_id").unique(), on="query_id", how="semi")
    return pl.concat(
        [positives.with_columns(positive=pl.lit(True)), negatives.with_columns(positive=False)]
    )


def marks(
    pairs: pl.DataFrame, corpus: pl.DataFrame, *, confidence: float = 0.95, seed: int = 0
) -> dict[str, Estimate]:
    """By mark: the AUROC of a model that sees the document's mark alone, over the pairs.

    `pairs`: query_id, doc_id, positive (bool); `corpus`: doc_id, and text or row where there is
    such a mark. The model is fitted on documents of other folds, so that it cannot know a document
    again. The interval is a bootstrap of queries, and of all marks together it holds with the
    confidence (Bonferroni).
    """
    there = corpus.join(pairs.select("doc_id").unique(), on="doc_id", how="semi")
    drawn = uniforms(id_hashes(there["doc_id"]), stream_key(seed, "audit/shortcuts"))
    docs = there.with_columns(drawn=pl.Series(drawn)).sort("drawn").head(SAMPLE)
    pairs = pairs.join(docs.select("doc_id").with_row_index("doc"), on="doc_id")
    drawn = uniforms(id_hashes(pairs["query_id"]), stream_key(seed, "audit/shortcuts/pairs"))
    pairs = pairs.with_columns(drawn=pl.Series(drawn)).sort("drawn", "query_id").head(PAIRS)
    pairs = pairs.sort("query_id", "doc_id", "positive")
    doc, positive = pairs["doc"].to_numpy().astype(np.int64), pairs["positive"].to_numpy()
    made: dict[str, tuple[Any, Any]] = {"the id": (_characters(docs["doc_id"]), logistic())}
    if "text" in docs.columns:
        texts = docs["text"].fill_null("")
        words = words_of(texts)
        made["the length"] = (curved(texts.str.len_chars()), logistic())
        made["the words"] = (words, logistic())
        made["one word"] = (words > 0, OneWord())
    if "row" in docs.columns:
        made["the place in the corpus"] = (curved(docs["row"]), logistic())
    sure = 1 - (1 - confidence) / len(made)
    number = pairs["query_id"].rle_id().to_numpy().astype(np.int64)
    found = {}
    for mark, (features, model) in made.items():
        scores = _out_of_fold(features, model, doc, positive)
        value = _auc(scores, positive, np.ones(len(scores)))
        draws = [
            _auc(scores, positive, weights)
            for weights in query_weights(number, stream_key(seed, "audit/shortcuts/queries"))
        ]
        low, high = np.quantile(draws, [(1 - sure) / 2, (1 + sure) / 2])
        found[mark] = Estimate(
            value=float(value), low=float(low), high=float(high), confidence=confidence,
            assumption=_ASSUMED, details={"documents": len(docs), "pairs": len(pairs)},
        )  # fmt: skip
    return found


def _out_of_fold(features: Any, model: Any, doc: Places, positive: Bools) -> Doubles:
    """float64[pairs]: log-odds of a positive, by a model of the documents of other folds."""
    documents = features.shape[0]
    fold = np.arange(documents) % FOLDS  # documents are in a random order
    counts = [np.bincount(doc[positive == side], minlength=documents) for side in (False, True)]
    scores = np.zeros(documents)
    for number in range(FOLDS):
        rows = [np.flatnonzero((each > 0) & (fold != number)) for each in counts]
        if not len(rows[0]) or not len(rows[1]):
            continue
        label = np.repeat([0, 1], [len(each) for each in rows])
        weight = np.concatenate([each[at] / each[at].sum()
                                 for each, at in zip(counts, rows, strict=True)])  # fmt: skip
        model.fit(features[np.concatenate(rows)], label, weight * len(label) / 2)
        asked = fold == number
        scores[asked] = model.decision_function(features[asked])
    found: Doubles = scores[doc]
    return found


class OneWord:
    """A model that knows one word: the one that most more of the one class have than of the other.

    A marker that was put into every negative is drowned among thousands of words that a logistic
    model weighs; alone it tells everything.
    """

    def fit(self, features: Any, label: Places, weight: Doubles) -> None:
        """Choose the word; `features`: bool[documents, words]."""
        ours = np.asarray(features.T @ (weight * (label == 1))).ravel() / weight[label == 1].sum()
        theirs = np.asarray(features.T @ (weight * (label == 0))).ravel()
        apart = ours - theirs / weight[label == 0].sum()
        self.word = int(np.abs(apart).argmax())
        self.sign = float(np.sign(apart[self.word]))

    def decision_function(self, features: Any) -> Doubles:
        """1 for a document that has it, or -1 where negatives have it more often; else 0."""
        has: Doubles = features[:, [self.word]].toarray().ravel() * self.sign
        return has


def _auc(scores: Doubles, positive: Bools, weights: Doubles) -> float:
    """Probability that a positive scores higher than a negative, by weight; ties count half."""
    distinct, at = np.unique(scores, return_inverse=True)
    ours = np.bincount(at, weights * positive, minlength=len(distinct))
    theirs = np.bincount(at, weights * ~positive, minlength=len(distinct))
    below = np.cumsum(theirs) - theirs / 2
    return float((ours * below).sum() / (ours.sum() * theirs.sum()))


def _characters(ids: pl.Series) -> Any:
    """What ids consist of: runs of one to three characters, and how they begin."""
    from sklearn.feature_extraction.text import CountVectorizer

    marked = "^" + ids.str.replace_all(r"[0-9]", "0")
    return fitted(
        CountVectorizer(analyzer="char", ngram_range=(1, 3), binary=True, max_features=WORDS),
        marked,
    )
