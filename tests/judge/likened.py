"""A collection whose texts have given vectors, and tables of pairs as the runner gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from negatives.events import Event, silent
from negatives.find.dense import Dense
from negatives.opening import JudgeContext
from negatives.schema import Collection
from tests.build import collection

Vectors = Mapping[str, Sequence[float]]


def likened(
    scratch: Path,
    queries: Vectors,
    docs: Vectors,
    qrels: Iterable[tuple[str, str, int]],
    emit: Callable[[Event], None] = silent,
) -> JudgeContext:
    """A run's context with one dense source over these vectors, compared by inner product."""
    data = collection(dict.fromkeys(docs, "text"), dict.fromkeys(queries, "text"), qrels)
    for name, vectors in (("queries", queries), ("docs", docs)):
        np.save(scratch / f"{name}.npy", np.array(list(vectors.values()), np.float32))
    source = Dense(
        encoder="precomputed",
        query_vectors=str(scratch / "queries.npy"),
        doc_vectors=str(scratch / "docs.npy"),
        similarity="dot",
    )
    opened = source.open(JudgeContext(collection=data, scratch=scratch))
    return JudgeContext(
        collection=data, scratch=scratch, reference="dense", sources={"dense": opened}, emit=emit
    )


def turned(likeness: float) -> tuple[float, float]:
    """A unit vector whose inner product with (1, 0) is `likeness`."""
    return likeness, float(np.sqrt(1 - likeness**2))


def pairs(data: Collection, query: str | None = None) -> pl.DataFrame:
    """Every pair of a query and a document, with relevance and no verdict."""
    queries = data.queries.with_row_index("query")
    if query is not None:
        queries = queries.filter(pl.col("query_id") == query)
    return (
        queries.select("query")
        .join(data.corpus.with_row_index("doc").select("doc"), how="cross")
        .join(data.judged, on=["query", "doc"], how="left", maintain_order="left")
        .sort("query", "doc")
        .with_columns(verdict=pl.lit(None, pl.String))
    )


def by_id(data: Collection, rows: pl.DataFrame, column: pl.Series) -> dict[str, object]:
    """Values of one query's column, by document id."""
    names = data.corpus["doc_id"].gather(rows["doc"])
    return dict(zip(names.to_list(), column.to_list(), strict=True))
