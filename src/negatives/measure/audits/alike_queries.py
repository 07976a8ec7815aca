"""Whether the queries that a document is a negative of are alike, as those of a real one are.

A search finds a document for queries about its subject, so that these share words. A document that
somebody has put among the negatives of arbitrary queries has queries that are no more alike than
any; and one that is found by a trigger has queries that share that one word, and nothing else.
Likeness is the mean cosine of the TF-IDF vectors of all pairs of its queries, a U-statistic, whose
mean and variance over sets of queries drawn at random are known (Hoeffding, 1948).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles, Places
from negatives.stats.shuffled import permutation
from negatives.text.keys import normalised

SAMPLE: Final = 2_000
"""Queries of which all pairs are looked at, to know what is usual, at most."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Of some documents, in standard deviations from queries drawn at random: float64[n] each.

    `alike`: their queries; `but_one`: the same without the word that these share most.
    """

    alike: Doubles
    but_one: Doubles


def likeness(
    queries: pl.Series, pair_query: Places, pair_doc: Places, asked: Places, seed: int = 0
) -> Likeness:
    """The likeness of the queries of the documents `asked`, each with two queries at least.

    `queries`: the texts; `pair_query`, `pair_doc`: int64[pairs], which query has which document as
    a negative, no pair twice.
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    used = np.unique(pair_query)
    plain = normalised(queries.gather(used).fill_null(""))
    if not len(asked) or (plain == "").all():
        return Likeness(np.zeros(len(asked)), np.zeros(len(asked)))
    vectors = TfidfVectorizer(analyzer=str.split, sublinear_tf=True).fit_transform(plain)
    documents = int(pair_doc.max()) + 1
    counts = np.bincount(pair_doc, minlength=documents)[asked]
    of = csr_matrix(
        (np.ones(len(pair_doc)), (pair_doc, np.searchsorted(used, pair_query))),
        shape=(documents, len(used)),
    )
    mean, one, two = _at_random(vectors, seed)
    alike, but_one = _mean_cosines(of[asked], vectors, counts)
    deviation = _deviation(counts, one, two)
    return Likeness((alike - mean) / deviation, (but_one - mean) / deviation)


def _mean_cosines(of: Any, vectors: Any, counts: Places) -> tuple[Doubles, Doubles]:
    """float64[docs]: mean cosine of all pairs of a document's queries; and without one word."""
    sums = (of @ vectors).tocsr()
    squares = (of @ vectors.multiply(vectors)).tocsr()
    pairs = counts * (counts - 1.0)
    every = np.asarray(sums.multiply(sums).sum(1)).ravel() - np.asarray(squares.sum(1)).ravel()
    word = np.asarray(sums.argmax(1)).ravel()
    rows = np.arange(len(word))
    of_word = np.asarray(sums[rows, word]).ravel() ** 2 - np.asarray(squares[rows, word]).ravel()
    return every / pairs, (every - of_word) / pairs


def _at_random(vectors: Any, seed: int) -> tuple[float, float, float]:
    """Of two queries drawn: the mean cosine, the variance of a query's own mean, that of a pair."""
    rows = vectors[np.sort(permutation(vectors.shape[0], seed, "audit/likeness")[:SAMPLE])]
    cosines = (rows @ rows.T).toarray()
    n = len(cosines)
    if n < 3:
        return 0.0, 0.0, 1.0
    own = cosines.diagonal()
    means = (cosines.sum(1) - own) / (n - 1)
    mean = float(means.mean())
    two = float((cosines**2).sum() - (own**2).sum()) / (n * (n - 1)) - mean**2
    one = float(means.var(ddof=1)) - two / (n - 1)  # of which part is the noise of n - 1 cosines
    return mean, max(one, 0.0), max(two, 1e-12)


def _deviation(counts: Places, one: float, two: float) -> Doubles:
    """float64[docs]: of the mean over all pairs of so many queries drawn at random."""
    variance = (4 * (counts - 2) * one + 2 * two) / (counts * (counts - 1.0))
    made: Doubles = np.sqrt(variance)
    return made
