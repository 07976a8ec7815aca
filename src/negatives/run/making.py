"""A collection made of documents alone: a generator writes the queries.

The documents are those of the collection, with the texts that the generator leaves them; queries
and judgements of its own are not kept, for their documents may not be what was judged any more.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from negatives.errors import DataError, RecipeError
from negatives.events import Emit, Progress, silent
from negatives.generator import ORIGIN, Generator, Written, written
from negatives.machine import MODEST, Machine
from negatives.opening import Context
from negatives.schema import GIVEN, QRELS, Collection, check_collection
from negatives.stage import refuse_unmet

BLOCK: Final = 8192
"""Rows that a generator is handed at a time."""


def made_queries(
    collection: Collection,
    generator: Generator,
    *,
    seed: int = 0,
    machine: Machine = MODEST,
    emit: Emit = silent,
) -> Collection:
    """The collection of the documents and the queries that `generator` writes from them.

    A query's id is its document's, with `gen:` before it; its fields say which generator wrote it,
    by which seed, and, where one did, by which model and prompt. The document is its positive.
    """
    refuse_other("queries", [generator])
    refuse_unmet([generator], collection)
    frames = []
    with tempfile.TemporaryDirectory() as scratch:
        context = Context(collection, Path(scratch), machine=machine, seed=seed, emit=emit)
        generator.ready(context)
        total = len(collection.corpus)
        for start in range(0, total, BLOCK):
            rows = np.arange(start, min(start + BLOCK, total), dtype=np.uint32)
            frames.append(written(generator, context, rows))
            emit(Progress(f"make {generator.label}", int(rows[-1]) + 1, total, "documents"))
    made = pl.concat(frames)
    if made.is_empty():
        raise DataError(
            f"{generator.label} finds nothing to make a query of in any of {total:,} documents",
            where=f"collection {collection.name!r}",
            fix="change its settings (negatives make --set), or give longer texts",
        )
    doc_id = collection.corpus["doc_id"].gather(made["doc"])
    query_id = pl.format("gen:{}", pl.lit(doc_id)).alias("query_id")
    origin = [name for name in ORIGIN if made[name].null_count() < len(made)]
    queries = made.select(
        query_id,
        "text",
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"),
        pl.lit(generator.label).alias("generator"),
        pl.lit(seed, pl.Int64).alias("seed"),
        *origin,
    )
    relevance = pl.lit(1, QRELS["relevance"]).alias("relevance")
    return check_collection(
        replace(
            collection,
            split="train",
            corpus=_rewritten(collection.corpus, made),
            queries=queries,
            qrels=made.select(query_id, pl.lit(doc_id).alias("doc_id"), relevance),
            given=pl.DataFrame(schema=GIVEN),
            identity="text",
            origin="",
            quarantined=False,
            read_with={},
        )
    )


def refuse_other(generates: Written, generators: Iterable[Generator]) -> None:
    """Raise `RecipeError` where a generator writes what is not wanted here."""
    fix = {
        "documents": "negatives make DATA --kind KIND --out FOLDER writes queries: mine the folder",
        "queries": "name it in a recipe as [[make]]: negatives mine writes documents on the way",
    }[generates]
    for generator in generators:
        if generator.generates != generates:
            raise RecipeError(
                f"{generator.kind} writes {generator.generates}, not {generates}",
                where=f"make {generator.kind}",
                fix=fix,
            )


def _rewritten(corpus: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """The corpus with the passages that were left of the texts."""
    changed = made.filter(pl.col("passage").is_not_null())
    texts = corpus["text"].scatter(changed["doc"], changed["passage"])
    return corpus.with_columns(texts.alias("text"))
