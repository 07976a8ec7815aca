"""What audits that do not look at the query share: features of texts, and a model of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles, Places
from negatives.chance import uniforms
from negatives.judge.blind_texts import WORDS, fitted
from negatives.text.keys import normalised

DRAWS: Final = 400
"""Times that queries are drawn anew."""


def query_weights(number: Places, key: np.uint64) -> Iterator[Doubles]:
    """float64[pairs]: how often each pair counts, once for each draw of the queries (exponential
    weights, Rubin, 1981). `number`: int64[pairs], the query of each.
    """
    count = int(number.max()) + 1
    for draw in range(DRAWS):
        cells = np.arange(draw * count, (draw + 1) * count, dtype=np.uint64)
        yield -np.log(uniforms(cells, key))[number]


def words_of(texts: pl.Series) -> Any:
    """The words of each text, by TF-IDF."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectoriser = TfidfVectorizer(
        analyzer=str.split, sublinear_tf=True, min_df=2, max_features=WORDS
    )
    return fitted(vectoriser, normalised(texts))
