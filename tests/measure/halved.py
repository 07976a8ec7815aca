"""The bundled collection with half of its positives hidden: what became of them is the truth."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

import negatives as neg
from negatives.chance import pair_uniforms
from negatives.schema import Collection


def hidden_half(
    queries: int = 225, of: Collection | None = None
) -> tuple[Collection, pl.DataFrame]:
    """The collection without half of its positives (every query keeps one); and the hidden ones."""
    data = of or neg.Collection.load("cranfield")
    asked = data.queries["query_id"].head(queries)
    qrels = data.qrels.filter(pl.col("query_id").is_in(asked.implode()))
    hide = pl.Series(pair_uniforms(qrels, 3, "hide") < 0.5) & (qrels["relevance"] > 0)
    positives = qrels.filter(pl.col("relevance") > 0)
    one = positives.unique("query_id", keep="first", maintain_order=True)
    seen = pl.concat([qrels.filter(~hide), one]).unique().sort("query_id", "doc_id")
    hidden = qrels.join(seen, on=["query_id", "doc_id"], how="anti")
    return replace(data, qrels=seen, origin=""), hidden
