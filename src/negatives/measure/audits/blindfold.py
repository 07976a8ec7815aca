"""What audits that do not look at the query share: features of texts, and a model of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles, Places
from negatives.chance import uniforms
from negatives.text.keys import normalised

DRAWS: Final = 400
"""Times that queries are drawn anew."""
WORDS: Final = 20_000
"""Words, or runs of words, that are looked at, the commonest."""


def logistic() -> Any:
    """A logistic regression that has not been fitted."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1.0, max_iter=500)


def query_weights(number: Places, key: np.uint64) -> Iterator[Doubles]:
    """float64[pairs]: how often each pair counts, once for each draw of the queries (exponential
    weights, Rubin, 1981). `number`: int64[pairs], the query of each.
    """
    count = int(number.max()) + 1
    for draw in range(DRAWS):
        cells = np.arange(draw * count, (draw + 1) * count, dtype=np.uint64)
        yield -np.log(uniforms(cells, key))[number]


def curved(values: pl.Series) -> Doubles:
    """float64[n, 2]: the rank of a number, and its square, so that both ends can be set apart."""
    rank = values.rank("average").to_numpy() / max(len(values), 1)
    return np.stack([rank, rank**2], axis=1) * 4


def words_of(texts: pl.Series) -> Any:
    """The words of each text, by TF-IDF."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectoriser = TfidfVectorizer(
        analyzer=str.split, sublinear_tf=True, min_df=2, max_features=WORDS
    )
    return fitted(vectoriser, normalised(texts))


def fitted(vectoriser: Any, texts: pl.Series) -> Any:
    """The vectors; one column of nought where no text has anything that two of them have."""
    from scipy.sparse import csr_matrix

    try:
        return vectoriser.fit_transform(texts.to_list()).tocsr()
    except ValueError:
        return csr_matrix((len(texts), 1))
