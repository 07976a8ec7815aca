"""Generators that ask again until their own check is content: how many answers that check takes
for none.

Known positives are put to the check as if the model had written them. Those that pass would have
been kept as negatives, however often the model was asked (see `verifier_bound`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from negatives.chance import pair_uniforms
from negatives.generator import Generator
from negatives.measure.audits.rates import both_ends
from negatives.measure.estimate import rounded
from negatives.measure.hidden import all_but_one
from negatives.opening import Context
from negatives.schema import Collection
from negatives.stats.bounds import Clusters
from negatives.store.scratch import scratch_folder

MOST = 2_000
"""Known positives that are tried, at most, drawn by their ids."""


def answers_that_pass(
    generator: Generator, collection: Collection, *, confidence: float = 0.95, seed: int = 0
) -> dict[str, Any] | None:
    """How many known positives the check of a generator lets pass, and the share with its interval.

    One positive of each query is left to the check to compare with; the others, of queries that
    have some, are what it is tried on. None where the generator checks nothing, or there is no such
    query. Both ends hold with `confidence` together; answers of one query count as alike.
    """
    positives = collection.qrels.filter(pl.col("relevance") > 0)
    if not positives["query_id"].is_duplicated().any():
        return None
    visible, hidden = all_but_one(collection, seed)
    pairs = visible.rows_of(hidden)
    empty = pl.Series(collection.lacking("docs", ("text",)), dtype=pl.UInt32)
    pairs = pairs.filter(~pl.col("doc").is_in(empty.implode()))
    drawn = pl.Series("drawn", pair_uniforms(collection.ids_of(pairs), seed, "audit/loops"))
    pairs = pairs.with_columns(drawn).sort("drawn").head(MOST).sort("query", "doc")
    with scratch_folder() as folder:
        context = Context(visible, folder, seed=seed)
        texts = visible.doc_texts(pairs["doc"].to_numpy())
        passed = generator.lets_pass(context, pairs["query"].to_numpy(), list(texts))
    if passed is None:
        return None
    counted = pairs.with_columns(passed=pl.Series(np.asarray(passed, bool))).group_by("query").agg(
        events=pl.col("passed").sum().cast(pl.Int64), trials=pl.len().cast(pl.Int64)
    )  # fmt: skip
    clusters = Clusters.of(counted["events"].to_numpy(), counted["trials"].to_numpy())
    if clusters.clusters < 2:
        return None
    low, high = both_ends(clusters, (1 + confidence) / 2)
    return {
        "generator": generator.label,
        "answers tried": clusters.trials,
        "passed": clusters.events,
        "share": rounded(clusters.rate),
        "low": rounded(low),
        "high": rounded(high),
    }
