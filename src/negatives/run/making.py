"""A collection made of documents alone: generators write the queries.

The documents are those of the collection, with the texts that the generators leave them; queries
and judgements of its own are not kept, for their documents may not be what was judged any more.
Of several generators each is given what the ones before it have left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import polars as pl

from negatives.arrays import Rows
from negatives.errors import DataError, RecipeError
from negatives.events import Emit, Progress, silent
from negatives.generator import (
    ORIGIN,
    WRITTEN_QUERIES,
    Generator,
    Written,
    drawn_rows,
    written,
)
from negatives.machine import MODEST, Machine
from negatives.misplaced import refuse_misplaced
from negatives.needs import refuse_unmet
from negatives.opening import Context
from negatives.run.blamed import blamed
from negatives.schema import GIVEN, QRELS, Collection, check_collection
from negatives.store.scratch import scratch_folder
from negatives.text.keys import normalised_keys

BLOCK: Final = 8192
"""Rows that a generator is handed at a time."""


def made_queries(
    collection: Collection,
    generators: Generator | Sequence[Generator],
    *,
    seed: int = 0,
    machine: Machine = MODEST,
    emit: Emit = silent,
) -> Collection:
    """The collection of the documents and the queries that the generators write from them.

    A query's id is its document's, with `gen:` before it, or `gen-2:` and so on where the document
    has several; its fields say which generator wrote it, by which seed, and, where one did, by
    which model and prompt. The document is its positive. What two generators ask of a document in
    the same words is asked once.
    """
    generators = (generators,) if isinstance(generators, Generator) else tuple(generators)
    _refuse(generators, collection)
    frames = []
    with opened_contexts(generators, collection, seed, machine, emit) as contexts:
        for generator, context in zip(generators, contexts, strict=True):
            generator.ready(context)
            with blamed(generator):
                generator.refuse_absent(context)
        for generator, context in zip(generators, contexts, strict=True):
            made = _made(generator, replace(context, collection=collection))
            collection = replace(collection, corpus=_rewritten(collection.corpus, made))
            frames.append(made.with_columns(generator=pl.lit(generator.label)))
    made = pl.concat(frames)
    if made.is_empty():
        names = " and ".join(dict.fromkeys(each.label for each in generators))
        raise DataError(
            f"{names} {'find' if len(generators) > 1 else 'finds'} nothing to make a query of in "
            f"any of {len(collection.corpus):,} documents",
            where=f"collection {collection.name!r}",
            fix="change its settings (negatives make --set), or give longer texts",
        )
    made = _each_once(made)
    doc_id = collection.corpus["doc_id"].gather(made["doc"])
    query_id = _named(doc_id)
    origin = [name for name in ORIGIN if made[name].null_count() < len(made)]
    queries = made.select(
        query_id,
        "text",
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"),
        "generator",
        pl.lit(seed, pl.Int64).alias("seed"),
        *origin,
    )
    relevance = pl.repeat(1, len(made), dtype=QRELS["relevance"], eager=True).alias("relevance")
    return check_collection(
        replace(
            collection,
            split="train",
            queries=queries.sort("query_id"),
            qrels=pl.DataFrame([query_id, doc_id, relevance]).sort("query_id"),
            given=pl.DataFrame(schema=GIVEN),
            identity="text" if collection.has("docs", "text") else collection.identity,
            origin="",
            quarantined=False,
            read_with={},
        )
    )


def _refuse(generators: Sequence[Generator], collection: Collection) -> None:
    """Raise where these generators cannot write queries of this collection."""
    refuse_other("queries", generators)
    refuse_unmet(generators, collection)


@contextmanager
def opened_contexts(
    generators: Sequence[Generator],
    collection: Collection,
    seed: int,
    machine: Machine,
    emit: Emit,
) -> Iterator[list[Context]]:
    """What each of the generators is given, with a folder of its own for as long as it lasts."""
    with scratch_folder() as scratch:
        folders = [scratch / str(place) for place in range(len(generators))]
        for folder in folders:
            folder.mkdir()
        yield [
            Context(collection, folder, machine=machine, seed=seed, emit=emit) for folder in folders
        ]


def blocks(generator: Generator, context: Context) -> Iterator[Rows]:
    """The documents, or queries, that a generator writes of, so many at a time."""
    data = context.collection
    if generator.generates == "queries":
        rows = drawn_rows(generator, data.corpus["doc_id"], context.seed)
    else:
        mined = data.mined_queries
        ids = data.queries["query_id"].gather(mined)
        rows = mined[drawn_rows(generator, ids, context.seed)]
    for start in range(0, len(rows), BLOCK):
        yield rows[start : start + BLOCK]


def _made(generator: Generator, context: Context) -> pl.DataFrame:
    """What a generator writes of all documents."""
    total = len(context.collection.corpus)
    frames = [pl.DataFrame(schema={**WRITTEN_QUERIES, **ORIGIN})]
    for rows in blocks(generator, context):
        frames.append(written(generator, context, rows))
        context.emit(Progress(f"make {generator.label}", int(rows[-1]) + 1, total, "documents"))
    return pl.concat(frames)


def _each_once(made: pl.DataFrame) -> pl.DataFrame:
    """Queries by document, the first of those that ask it in the same words."""
    said = pl.Series("said", normalised_keys(made["text"]))
    once = made.with_columns(said).unique(["doc", "said"], keep="first", maintain_order=True)
    return once.drop("said").sort("doc", maintain_order=True)


def _named(doc_id: pl.Series) -> pl.Series:
    """The ids of queries, from those of their documents, which stand together."""
    number = pl.int_range(1, pl.len() + 1).over("doc_id")
    first = pl.when(number == 1).then(pl.lit("gen:")).otherwise(pl.format("gen-{}:", number))
    return (
        doc_id.alias("doc_id")
        .to_frame()
        .select((first + pl.col("doc_id")).alias("query_id"))["query_id"]
    )


def refuse_other(generates: Written, generators: Iterable[Generator]) -> None:
    """Raise `RecipeError` where a generator writes what is not wanted here."""
    generators = (*generators,)
    refuse_misplaced("make", generators, "make")
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
    if changed.is_empty():
        return corpus  # of images, say, which have no texts
    texts = corpus["text"].scatter(changed["doc"], changed["passage"])
    return corpus.with_columns(texts.alias("text"))
