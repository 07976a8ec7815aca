"""What a run's estimates say of pairs that a trainer would draw."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from negatives.errors import RunError
from negatives.schema import PAIR, Collection
from negatives.store.run import Run


def probable(path: str | Path, above: float, collection: Collection) -> pl.DataFrame:
    """Pairs (query, doc by row of a collection) whose p_relevant in a run is above a bound.

    Of what is not in the run's ledger nothing is known. Raises `RunError` where the run has no
    estimates, or is of other ids.
    """
    run = Run(path)
    known = run.candidates().filter(pl.col("p_relevant").is_not_null())
    pairs = known.select(*PAIR, "p_relevant").collect()
    if pairs.is_empty():
        raise RunError(
            "the run has no p_relevant: no stage of its recipe estimates it",
            where=str(path),
            fix="mine with a recipe that has [estimate], or leave train.estimates out",
        )
    rows = collection.rows_of(pairs)
    if rows.is_empty():
        raise RunError(
            f"no pair of the run is of the collection {collection.name!r}",
            where=str(path),
            fix="name a run of the same data",
        )
    return rows.filter(pl.col("p_relevant") > above).select("query", "doc")
