"""How unevenly documents are used as negatives, beside what chance alone would make."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.measure.estimate import rounded

TOP: Final = 10


def hubness(negatives: pl.DataFrame, documents: int, queries: int) -> dict[str, Any]:
    """The documents used most, and skew and Gini of how often each of `documents` is used.

    The k-occurrence of a document is the number of queries it is a negative of; its skewness is the
    usual measure of hubness (Radovanovic et al., JMLR 2010). `at random`: the same where as many
    negatives were drawn evenly from all documents.
    """
    counts = negatives.group_by("doc_id").agg(queries=pl.len())
    most = counts.sort("queries", "doc_id", descending=[True, False]).head(TOP)
    used = counts["queries"].to_numpy().astype(np.int64)
    documents = max(documents, len(used))
    times = np.bincount(used, minlength=1)
    times[0] = documents - len(used)
    return {
        "documents": documents,
        "used": len(used),
        "skew": rounded(_skew(times)),
        "gini": rounded(_gini(times)),
        "top": [
            {"doc_id": doc, "queries": count, "share": rounded(count / queries)}
            for doc, count in most.iter_rows()
        ],
        "at random": _at_random(len(negatives), documents, queries),
    }


def _at_random(negatives: int, documents: int, queries: int) -> dict[str, Any]:
    """Poisson: each document is used negatives / documents times on average."""
    if not negatives or not documents:
        return {"skew": None, "gini": None, "top share": None}
    from scipy.special import pdtr

    mean = negatives / documents
    k = np.arange(int(mean + 12 * mean**0.5 + 12))
    below = pdtr(k, mean)
    mass = np.diff(below, prepend=0.0)
    most = int(np.searchsorted(below, 1 - 1 / documents))  # one document is expected to reach it
    most = min(max(1, most), queries)  # one is used at all, and none more than once a query
    return {
        "skew": rounded(mean**-0.5),
        "gini": rounded(_gini(mass)),
        "top share": rounded(most / queries),
    }


def _skew(times: NDArray[np.int64]) -> float | None:
    """Skewness of a count, from how many documents are used k times: int64[k]."""
    k = np.arange(len(times))
    mean = (k * times).sum() / times.sum() if times.sum() else 0.0
    spread = ((k - mean) ** 2 * times).sum()
    if not spread:
        return None
    return float(times.sum() ** 0.5 * ((k - mean) ** 3 * times).sum() / spread**1.5)


def _gini(times: NDArray[np.int64] | NDArray[np.float64]) -> float | None:
    """Gini coefficient (0: all used alike, 1: one used always) by the area below Lorenz's curve."""
    k = np.arange(len(times))
    if not (k * times).sum():
        return None
    people = np.cumsum(times) / times.sum()
    uses = np.cumsum(k * times) / (k * times).sum()
    area = np.diff(people, prepend=0.0) * (uses + np.concatenate([[0.0], uses[:-1]]))
    return float(1 - area.sum())
