"""What a model sees of texts that is asked which of them is true, and that sees no query.

Whatever tells a made text from a true one by itself is a mark of its making: its form, its words,
how usual it reads, what it is about. A judge and an audit look at the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Bools, Doubles, Keys, Places
from negatives.models.open_encoder import open_encoder
from negatives.schema import PAIR
from negatives.text.keys import normalised, normalised_keys

FOLDS: Final = 5
RUNS: Final = 3
"""Words of the longest runs of words that are counted."""
WORDS: Final = 20_000
"""Words, or runs of words, that are looked at, the commonest."""
THE_WORDS: Final = "the words"
ALL: Final = "all of it"


@dataclass(frozen=True, slots=True)
class BlindTexts:
    """The positives and negatives of some queries, a row each; queries are numbered at random."""

    texts: pl.Series
    query: Places
    positive: Bools
    keys: Keys
    """Hashes of the texts, by which a text is known again."""
    doc_id: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))

    @staticmethod
    def of(
        queries: pl.Series, negatives: pl.DataFrame, positives: pl.DataFrame, corpus: pl.DataFrame
    ) -> BlindTexts:
        """Of `queries`, numbered in this order, the texts of what is in both tables of pairs."""
        rows = pl.concat(
            [
                positives.select(PAIR).with_columns(positive=pl.lit(True)),
                negatives.select(PAIR).with_columns(positive=pl.lit(False)),
            ]
        ).join(queries.to_frame().with_row_index("query"), on="query_id")
        rows = rows.join(corpus.select("doc_id", pl.col("text").fill_null("")), on="doc_id")
        rows = rows.sort("query", "doc_id", "positive")
        return BlindTexts(
            texts=rows["text"],
            query=rows["query"].to_numpy().astype(np.int64),
            positive=rows["positive"].to_numpy(),
            keys=normalised_keys(rows["text"]),
            doc_id=rows["doc_id"],
        )

    @property
    def queries(self) -> int:
        """How many queries there are."""
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


def features(texts: BlindTexts) -> dict[str, Any]:
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
    common = usual(counts, lengths, texts)
    meaning = open_encoder("static").encode(text.to_list()).vectors * 4.0
    every = hstack([csr_matrix(form), words, csr_matrix(common), csr_matrix(meaning)]).tocsr()
    return {
        "the form": form,
        THE_WORDS: words,
        "the usual": common,
        "the meaning": meaning,
        ALL: every,
    }


def usual(counts: Any, lengths: Places, texts: BlindTexts) -> Doubles:
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


def logistic() -> Any:
    """A logistic regression that has not been fitted.

    Newton's method: where few columns are far larger than tens of thousands of words, L-BFGS takes
    hundreds of steps in all of them to the same end.
    """
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1.0, max_iter=500, solver="newton-cg")


def curved(values: pl.Series) -> Doubles:
    """float64[n, 2]: the rank of a number, and its square, so that both ends can be set apart."""
    rank = values.rank("average").to_numpy() / max(len(values), 1)
    return np.stack([rank, rank**2], axis=1) * 4


def fitted(vectoriser: Any, texts: pl.Series) -> Any:
    """The vectors; one column of nought where no text has anything that two of them have."""
    from scipy.sparse import csr_matrix

    try:
        return vectoriser.fit_transform(texts.to_list()).tocsr()
    except ValueError:
        return csr_matrix((len(texts), 1))
