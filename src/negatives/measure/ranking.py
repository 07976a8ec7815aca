"""Documents ranked for queries: by an encoder, by BM25, by a reranker of either, or by a TREC run.

A ranking is a frame of query_id, doc_id, rank (int32, from 1), score (float32), by query and rank.
It is in trec_eval's order, whoever made it, so that every figure is what trec_eval would say of the
same scores: the highest first, compared as 32-bit floats, and equal ones by document id, the last
id first. (Where a search stops among equal scores, what it has found is that of the first ids, as
in mining; only a run that somebody else made can hold what lies beyond.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

import msgspec
import numpy as np
import polars as pl

from negatives.bounded import check_ordinary
from negatives.errors import DataError, InputError, nearest_path
from negatives.events import Warned
from negatives.find.bm25 import BM25, BM25Proposer
from negatives.find.candidates import from_matrix
from negatives.find.dense import Dense
from negatives.machine import Machine
from negatives.measure.barred import Bar, as_lists, as_pairs, nobody
from negatives.measure.by_sparse import SparseVectors
from negatives.models.embedding import embed
from negatives.models.encoder import Encoder
from negatives.models.open_reranker import open_reranker
from negatives.models.reranker import Reranker
from negatives.models.scored_pairs import ScoredPairs
from negatives.models.sort import sort_of
from negatives.needs import refuse_unmet
from negatives.opening import Context
from negatives.read.trec_run import against_ranks, read_trec_run
from negatives.schema import Collection, Floats, Rows
from negatives.search.lexical import best_docs
from negatives.search.searcher import ExactSearch, Searcher
from negatives.search.shortlist import places

RANKED: Final = {
    "query_id": pl.String, "doc_id": pl.String, "rank": pl.Int32, "score": pl.Float32,
}  # fmt: skip
BY_WORDS: Final = "bm25"
"""The model that a user names to rank by words."""
ALL: Final = 0
"""A depth that means every document."""


@dataclass(frozen=True, slots=True)
class GivenRun:
    """What somebody ranked elsewhere: query_id, doc_id, score; and what to call it."""

    table: pl.DataFrame
    name: str


Model = str | Path | pl.DataFrame | GivenRun | BM25 | Dense | Encoder
"""`bm25`, a TREC run's file, or what `open_encoder` accepts; a ranking; a source; an encoder."""

_PAIRS: Final = 2_000_000
FIRST: Final = 5


class Ranker(Protocol):
    """What orders documents for queries of one collection."""

    def rank(self, queries: Rows) -> pl.DataFrame:
        """The ranking (see the top of this module) for the queries at these rows."""


def rankings(
    ranker: Ranker, context: Context, *, depth: int = 1000, bar: Bar = nobody
) -> Iterator[tuple[Rows, pl.DataFrame]]:
    """Rows of queries that have a positive, and their ranking, a bounded number of them at a time.

    Rankings take about 40 bytes a pair, and what `bar` forbids about 16.
    """
    collection = context.collection
    queries, docs = collection.mined_queries, len(collection.corpus)
    step = max(1, _PAIRS // (depth or docs))
    if bar is not nobody:
        step = max(1, min(step, context.machine.memory // (32 * docs)))
    for start in range(0, len(queries), step):
        part = queries[start : start + step]
        yield part, ranker.rank(part)


def opened_reranker(model: str | Path | Reranker, machine: Machine) -> Reranker:
    """The reranker that is named, or given.

    Raises `InputError` for a model that is not there or not usable.
    """
    if isinstance(model, str | Path):
        return open_reranker(str(model), threads=machine.threads, device=machine.device)
    if not hasattr(model, "score"):
        name = type(model).__name__
        raise InputError(f"{name} is no reranker", fix="name a cross-encoder")
    return model


def reranking(
    model: Reranker, name: str, first: Ranker, context: Context, *, top: int = 100
) -> Ranker:
    """`first`, its `top` best put in order by a reranker of a `name`; the rest keep theirs."""
    if isinstance(first, ByFrame) and first.unknown:
        raise _other_documents(first.unknown, "the run to be reranked", context.collection)
    expected = top * len(context.collection.mined_queries)
    pairs = ScoredPairs(
        model,
        name,
        context.collection,
        context.scratch,
        context.machine.memory,
        context.emit,
        expected,
    )
    return Reranked(first, pairs, top)


def open_ranker(model: Model, context: Context, *, depth: int = 1000, bar: Bar = nobody) -> Ranker:
    """`model` opened on a collection, to rank `depth` documents (0: all) that `bar` allows.

    Raises `InputError` for a model that is not there or not usable, or a run of other documents.
    """
    depth = depth or len(context.collection.corpus)
    if isinstance(model, str) and model == BY_WORDS:
        model = BM25()
    if run := run_of(model):
        return _by_frame(run, context, depth, bar)
    if isinstance(model, BM25):
        refuse_unmet((model,), context.collection)
        opened = msgspec.structs.replace(model, top=depth).open(context)
        return ByWords(context.collection, opened, depth, bar)
    if isinstance(model, str | Path):
        model = Dense(encoder=str(model))
    if isinstance(model, Dense) and sort_of(model.encoder) == "sparse":
        return BySparse(SparseVectors.of(model, context), depth, bar)
    if isinstance(model, Dense):
        proposer = msgspec.structs.replace(model, top=depth).open(context)
        return ByVectors(
            context.collection, proposer.mined, proposer.query_vectors, proposer.searcher,
            depth, bar,
        )  # fmt: skip
    return _by_encoder(cast("Encoder", model), context, depth, bar)


def names_encoder(model: str) -> bool:
    """Whether a text names an encoder, and neither the search by words nor a run's file."""
    return model != BY_WORDS and not is_run_file(model)


def run_of(model: Model) -> GivenRun | None:
    """The run that `model` is, checked: a frame of query_id, doc_id, score, or a TREC run's file;
    None for anything else.
    """
    if isinstance(model, GivenRun):
        return model
    if isinstance(model, pl.DataFrame):
        return GivenRun(_checked(model), "the ranking")
    if isinstance(model, str | Path) and is_run_file(model):
        return GivenRun(read_trec_run(model), str(model))
    return None


def called(collection: Collection) -> str:
    """How a user would name the collection."""
    return f"{collection.name}@{collection.split}" if collection.split else collection.name


_OF_RUNS: Final = (".run", ".trec", ".txt", ".tsv", ".gz", ".res")
"""Endings of runs, by which one is known that is not there."""


def is_run_file(model: str | Path) -> bool:
    """Whether it is a file other than a model: a TREC run then."""
    path = Path(model)
    check_ordinary(path)
    if path.suffix.lower() in _OF_RUNS and not path.exists():
        # No encoder has such a name: whoever mistyped a run is not told of a model hub.
        raise DataError("no such run", where=str(model), fix=nearest_path(path))
    return path.is_file() and path.suffix.lower() != ".onnx"


def _by_encoder(encoder: Encoder, context: Context, depth: int, bar: Bar) -> Ranker:
    made = embed(encoder, context, name=type(encoder).__name__, label="evaluate")
    collection = context.collection
    searcher = ExactSearch(made.docs, collection.empty_docs, context.machine, lambda _: None)
    return ByVectors(collection, collection.mined_queries, made.queries, searcher, depth, bar)


@dataclass(frozen=True, slots=True)
class ByVectors:
    """The nearest documents; `vectors[i]` belongs to query `mined[i]`."""

    collection: Collection
    mined: Rows
    vectors: Floats
    searcher: Searcher
    depth: int
    bar: Bar

    def rank(self, queries: Rows) -> pl.DataFrame:
        """See `Ranker`."""
        vectors = self.vectors[np.searchsorted(self.mined, queries)]
        docs, scores = self.searcher.search(vectors, self.depth, self.bar(queries))
        return _ranking(self.collection, from_matrix(queries, docs, scores))


@dataclass(frozen=True, slots=True)
class BySparse:
    """The documents that share words with the query, as a sparse encoder weighs them."""

    vectors: SparseVectors
    depth: int
    bar: Bar

    def rank(self, queries: Rows) -> pl.DataFrame:
        """See `Ranker`."""
        docs, scores = self.vectors.best(queries, self.depth, self.bar(queries))
        return _ranking(self.vectors.collection, from_matrix(queries, docs, scores))


@dataclass(frozen=True, slots=True)
class ByWords:
    """The documents with a word of the query, by BM25."""

    collection: Collection
    opened: BM25Proposer
    depth: int
    bar: Bar

    def rank(self, queries: Rows) -> pl.DataFrame:
        """See `Ranker`."""
        opened, barred = self.opened, as_lists(self.bar(queries), len(queries))
        asked = opened.index.ask(self.collection.query_texts(queries), opened.words)
        counts, docs, scores = best_docs(
            opened.index, asked, barred, self.depth, threads=opened.threads
        )
        found = pl.DataFrame(
            {
                "query": np.repeat(queries, counts),
                "doc": docs,
                "rank": places(counts),
                "score": scores,
            }
        )
        return _ranking(self.collection, found)


@dataclass(frozen=True, slots=True)
class ByFrame:
    """What somebody ranked elsewhere: query_id, doc_id, score."""

    collection: Collection
    found: pl.DataFrame
    depth: int
    bar: Bar
    unknown: pl.Series
    """Its documents that the corpus lacks: in a list they are as good as unjudged ones."""

    def rank(self, queries: Rows) -> pl.DataFrame:
        """See `Ranker`."""
        ids = pl.DataFrame({"query_id": self.collection.queries["query_id"].gather(queries)})
        rows = self.found.join(ids, on="query_id", how="semi")
        if self.bar is not nobody:
            barred = as_pairs(self.bar(queries), queries, self.collection)
            rows = rows.join(barred, on=["query_id", "doc_id"], how="anti")
        return _ranked(ordered(rows)).filter(pl.col("rank") <= self.depth)


@dataclass(frozen=True, slots=True)
class Reranked:
    """Another ranking whose `top` best are put in order anew; the rest have no score."""

    first: Ranker
    pairs: ScoredPairs
    top: int

    def rank(self, queries: Rows) -> pl.DataFrame:
        """See `Ranker`."""
        before = self.first.rank(queries)
        chosen = before.filter(pl.col("rank") <= self.top)
        rows = self.pairs.collection.rows_of(chosen.with_row_index("place")).sort("place")
        scores = self.pairs.score(rows["query"].to_numpy(), rows["doc"].to_numpy())
        anew = _ranked(ordered(chosen.with_columns(score=pl.Series(scores))))
        rest = before.filter(pl.col("rank") > self.top).with_columns(score=pl.lit(None, pl.Float32))
        return pl.concat([anew, rest]).sort("query_id", "rank")


def ordered(found: pl.DataFrame, query: str = "query_id", doc: str = "doc_id") -> pl.DataFrame:
    """A ranking from query, doc (ids, or rows in the order of ids) and score: see above."""
    return (
        found.with_columns(pl.col("score").cast(pl.Float32))
        .sort(query, "score", doc, descending=[False, True, True])
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(query))
    )


def tied(ranking: pl.DataFrame) -> pl.Series:
    """bool[n]: whether another document of the query has the same score."""
    same = (pl.col("score") == pl.col("score").shift(1)) & (
        pl.col("query_id") == pl.col("query_id").shift(1)
    )
    same = same.fill_null(False)
    return ranking.select(same | same.shift(-1, fill_value=False)).to_series()


def _ranking(collection: Collection, found: pl.DataFrame) -> pl.DataFrame:
    """Rows replaced by ids."""
    return _ranked(collection.ids_of(ordered(found, "query", "doc")))


def _ranked(found: pl.DataFrame) -> pl.DataFrame:
    return found.select(pl.col(name).cast(kind) for name, kind in RANKED.items())


def _by_frame(run: GivenRun, context: Context, depth: int, bar: Bar) -> Ranker:
    collection, found = context.collection, run.table
    docs = found["doc_id"].unique(maintain_order=True)
    unknown = docs.filter(~docs.is_in(collection.corpus["doc_id"].implode()))
    if 2 * len(unknown) > len(docs):
        raise _other_documents(unknown, run.name, collection)
    if len(unknown):
        _say(
            context,
            f"{len(unknown):,} of the {len(docs):,} documents of the run are not in the corpus, "
            f"such as {unknown[0]!r}: they count as not relevant",
        )
    queries = found["query_id"].unique(maintain_order=True)
    mined = collection.queries["query_id"].gather(collection.mined_queries)
    without = queries.filter(~queries.is_in(mined.implode()))
    if len(without) == len(queries):
        listed = ", ".join(map(repr, queries[:FIRST]))
        raise DataError(
            f"no query of the run has a positive in {called(collection)}: "
            f"it ranks for {listed}, ...",
            where=run.name,
            fix=f"give the collection and split that it was made for (its queries are such as "
            f"{mined[0]!r})",
        )
    if len(without):
        _say(
            context,
            f"{len(without):,} of the {len(queries):,} queries of the run have no positive in "
            f"{called(collection)}, such as {without[0]!r}: they do not count",
        )
    disagreeing = against_ranks(found) if "given_rank" in found.columns else 0
    if disagreeing:
        _say(
            context,
            f"the ranks in the run say another order than its scores for {disagreeing:,} of "
            f"{len(queries):,} queries; as in trec_eval the scores count, the highest first "
            "(distances have to be written with a minus)",
        )
    return ByFrame(collection, found.select("query_id", "doc_id", "score"), depth, bar, unknown)


def _checked(frame: pl.DataFrame) -> pl.DataFrame:
    """query_id, doc_id (text), score (float64) of a ranking made in Python."""
    where = "the ranking"
    missing = [name for name in ("query_id", "doc_id", "score") if name not in frame.columns]
    if missing:
        raise DataError(f"the ranking has no column {', '.join(missing)}", where=where)
    found = frame.select(
        pl.col("query_id", "doc_id").cast(pl.String), pl.col("score").cast(pl.Float64, strict=False)
    )
    for what, wrong in (
        ("no finite score", ~pl.col("score").is_finite().fill_null(False)),
        ("no id", pl.col("query_id").is_null() | pl.col("doc_id").is_null()),
        ("a document twice for one query", pl.struct("query_id", "doc_id").is_duplicated()),
    ):
        rows = found.with_row_index("row").filter(wrong)
        if len(rows):
            first = rows.row(0, named=True)
            raise DataError(
                f"the ranking has {what} in {len(rows):,} rows, the first {first['row']:,}: "
                f"query {first['query_id']!r}, document {first['doc_id']!r}",
                where=where,
                fix="fix these rows, or leave them out",
            )
    return found


def _other_documents(unknown: pl.Series, where: str, collection: Collection) -> DataError:
    listed = ", ".join(map(repr, unknown[:FIRST]))
    return DataError(
        f"{len(unknown):,} documents of the run are not in the corpus: {listed}",
        where=f"{where}, collection {collection.name!r}",
        fix="give the collection that the run was made on",
    )


def _say(context: Context, text: str) -> None:
    context.emit(Warned(text))
