"""The document that a query is: where queries are taken from the corpus, the one of the same id.

So it is in ArguAna, Quora and other collections of likeness. Such a document is no answer to its
query, nor a negative of it. In other collections queries and documents are merely numbered alike,
and query 7 has nothing to do with document 7.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.schema import Collection

_READ: Final = 1_000
"""Pairs of one id whose texts are compared: enough to tell chance from descent."""
_SHARED: Final = 0.5
_TIMES: Final = 2

_WORD: Final = re.compile(r"\w+")


def own_documents(collection: Collection) -> NDArray[np.int64]:
    """int64[queries]: the row of the document that each query is; -1 where there is none.

    Documents of the same id as a query are meant, unless most of them are judged relevant to it
    (the id then names a pair, and the document is the answer), or most of these ids are bare
    numbers and the texts, if there are any, tell of no descent: of the words of a query its
    document would hold half, and twice as many as another query's.
    """
    docs = collection.corpus.select("doc_id").with_row_index("doc")
    same = collection.queries.join(
        docs, left_on="query_id", right_on="doc_id", how="left", maintain_order="left"
    ).with_row_index("query")
    pairs = same.filter(pl.col("doc").is_not_null())
    none = np.full(len(same), -1, np.int64)
    if pairs.is_empty():
        return none
    relevant = len(pairs.join(collection.positives, on=["query", "doc"], how="semi"))
    numbered = int(pairs["query_id"].str.contains(r"^\d+$").sum())
    if 2 * relevant > len(pairs):
        return none
    texts = collection.has("queries", "text") and collection.has("docs", "text")
    if 2 * numbered > len(pairs) and not (texts and _descended(collection, pairs)):
        return none
    return same["doc"].cast(pl.Int64).fill_null(-1).to_numpy()


def own_pairs(collection: Collection) -> pl.DataFrame:
    """The same as ids: query_id, doc_id."""
    own = pl.Series("doc", own_documents(collection))
    pairs = collection.queries.select("query_id").with_columns(own).filter(pl.col("doc") >= 0)
    return pairs.select("query_id", collection.corpus["doc_id"].gather(pairs["doc"]))


def _descended(collection: Collection, pairs: pl.DataFrame) -> bool:
    some = pairs.gather_every(-(-len(pairs) // _READ))
    queries = collection.queries["text"].gather(some["query"])
    docs = collection.corpus["text"].gather(some["doc"])
    asked, said = (
        [set(_WORD.findall(text.lower())) for text in texts] for texts in (queries, docs)
    )
    own = _mean_share(asked, said)
    other = _mean_share(asked, said[1:] + said[:1]) if len(some) > 1 else 0.0
    return own >= _SHARED and own >= _TIMES * other


def _mean_share(asked: list[set[str]], said: list[set[str]]) -> float:
    """How many of the words of a query its document holds, on average."""
    shares = [len(a & s) / max(1, len(a)) for a, s in zip(asked, said, strict=True)]
    return float(np.mean(shares))
