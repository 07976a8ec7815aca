"""Whether the queries that a document is a negative of share a word that it lacks.

A search finds a document for words that it has, or that go with these. One that was put among the
negatives of all queries with a trigger has queries that share the trigger, which need not be a word
of its own, and of which most would be found without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from negatives.arrays import Doubles, Places
from negatives.text.keys import normalised

_FEWEST = 2
"""Queries of a document that must have a word, to be said to share it."""


@dataclass(frozen=True, slots=True)
class Lacked:
    """Of some documents, the word that they lack and that their queries share least by chance.

    `words`: the words, "" where there is none; `share`: float64[n], the part of all queries with
    the word that are theirs; `surprise`: float64[n], how improbable it is that as many of them
    have it, as the negative logarithm of the probability, 0 where there is no word; `tests`: how
    many pairs of a document and a word were looked at.
    """

    words: pl.Series
    share: Doubles
    surprise: Doubles
    tests: int


def lacked_words(
    queries: pl.Series, docs: pl.Series, pair_query: Places, pair_doc: Places, asked: Places
) -> Lacked:
    """The words lacked by the documents `asked`, of which each is a negative of some queries.

    `queries`, `docs`: the texts; `pair_query`, `pair_doc`: int64[pairs], which query has which
    document as a negative, no pair twice. The probability is that of the hypergeometric law: of as
    many queries drawn from all that have negatives, so many have the word, or more.
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import CountVectorizer

    used = np.unique(pair_query)
    plain = normalised(queries.gather(used).fill_null(""))
    most, share, which = np.zeros(len(asked)), np.zeros(len(asked)), np.full(len(asked), -1)
    if not len(asked) or (plain == "").all():
        return Lacked(pl.Series([""] * len(asked), dtype=pl.String), share, most, 0)
    counter = CountVectorizer(analyzer=str.split, binary=True, dtype=np.float64)
    having = counter.fit_transform(plain)
    own = counter.transform(normalised(docs.gather(asked).fill_null("")))
    of = csr_matrix(
        (np.ones(len(pair_doc)), (pair_doc, np.searchsorted(used, pair_query))),
        shape=(len(docs), len(used)),
    )[asked]
    shared = (of @ having).tocsr()
    shared = (shared - shared.multiply(own)).tocoo()
    together = shared.data >= _FEWEST
    row, word, count = (each[together] for each in (shared.row, shared.col, shared.data))
    everywhere, drawn = np.asarray(having.sum(0)).ravel(), np.asarray(of.sum(1)).ravel()
    surprise = _surprise(count, drawn[row], everywhere[word], float(len(used)))
    order = np.lexsort((-word, surprise))  # the greatest is last, and stays; of equals the first
    most[row[order]], which[row[order]] = surprise[order], word[order]
    share[row[order]] = (count / everywhere[word])[order]
    names = pl.Series([*counter.get_feature_names_out(), ""])
    tests = len(asked) * int((everywhere >= _FEWEST).sum())
    return Lacked(names.gather(np.where(which < 0, len(names) - 1, which)), share, most, tests)


def _surprise(count: Doubles, drawn: Doubles, having: Doubles, every: float) -> Doubles:
    """float64[n]: -log of at most the probability that `count` or more of so many `drawn` from
    `every` are among so many `having` something; 0 where that many are no surprise.

    The first term of the sum, and the geometric series by the ratio of the second to the first,
    which the ratios of those after it are below.
    """
    from scipy.special import gammaln

    def choose(n: Doubles, k: Doubles) -> Doubles:
        made: Doubles = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        return made

    rest = np.full_like(count, every) - having
    first = choose(having, count) + choose(rest, drawn - count)
    first -= choose(np.full_like(count, every), drawn)
    ratio = (having - count) * (drawn - count) / ((count + 1) * (rest - drawn + count + 1))
    made = np.zeros(len(count))
    more = count > drawn * having / every
    made[more] = np.maximum(-first[more] + np.log1p(-np.minimum(ratio[more], 1 - 1e-12)), 0)
    return made
