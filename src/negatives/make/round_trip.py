"""Whether a written query finds the document that it was written from: the round trip.

The search is one of the sources of `find`, over the whole corpus, so that a query is searched for
as the run that mines it will.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, cast

import numpy as np
import polars as pl

from negatives.arrays import Rows
from negatives.opening import Context
from negatives.schema import GIVEN, QRELS
from negatives.stage import Source, build
from negatives.store.atomic import make_folder

Search = Literal["bm25", "dense"]
NOT_FOUND: Final = np.iinfo(np.int32).max
"""The rank of a document that is not among those that were looked at."""


def ranks(
    context: Context, queries: Sequence[str], docs: Sequence[int], search: Search, top: int
) -> Rows:
    """uint32[n]: the rank, from 1, at which each query finds its document; or `NOT_FOUND`."""
    if not queries:
        return np.empty(0, np.uint32)
    ids = [f"{place:09d}" for place in range(len(queries))]
    asked = pl.DataFrame({"query_id": ids, "text": list(queries)}).with_row_index("row")
    # Its document is a query's positive, which a source proposes with the rank that it has.
    qrels = pl.DataFrame(
        {
            "query_id": ids,
            "doc_id": context.collection.corpus["doc_id"].gather(list(docs)),
            "relevance": pl.repeat(1, len(ids), dtype=QRELS["relevance"], eager=True),
        }
    )
    data = replace(
        context.collection,
        queries=asked.select("query_id", "text", pl.col("row").cast(pl.UInt32)),
        qrels=qrels,
        given=pl.DataFrame(schema=GIVEN),
        identity="text",
    )
    source = cast("Source", build("find", {"kind": search, "top": top}))
    folder = make_folder(context.scratch / f"round-trip-{search}")
    rows = np.arange(len(queries), dtype=np.uint32)
    found = source.open(replace(context, collection=data, scratch=folder)).propose(rows, {})
    own = pl.DataFrame({"query": rows, "doc": np.asarray(docs, np.uint32)})
    met = own.join(found, on=["query", "doc"], how="left", maintain_order="left")
    return met["rank"].fill_null(NOT_FOUND).to_numpy().astype(np.uint32)
