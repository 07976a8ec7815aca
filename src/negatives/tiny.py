"""A collection of nine texts to try a stage on: the examples of all stages do.

What a run does in passes, shard by shard and file by file, is done here at once, and nothing stays
behind: what a source has `proposed`, a generator `made`, a judge `judged`, an estimator `estimated`
and a picker `picked`, the examples a chooser has `chosen`, the `batches` of a batcher and the
`losses` of a loss.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
import polars as pl

from negatives.arrays import Floats
from negatives.batch.batcher import Batcher
from negatives.batch.examples import Examples
from negatives.choose.chooser import Chooser, Pool
from negatives.estimate.ensemble import Ensemble
from negatives.find.bm25 import BM25
from negatives.find.dense import Dense
from negatives.generator import Generator, written
from negatives.judge.known import Known
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss
from negatives.opening import EstimateContext, Proposer
from negatives.optional import require
from negatives.run.reference_scorer import ReferenceScorer
from negatives.run.shards import find_shard, judge_shard, ledger_shard, pick_shard
from negatives.schema import GIVEN, QRELS, Collection
from negatives.stage import Estimator, Judge, Picker, Source
from negatives.store.scratch import scratch_folder

DOCS: Final = {
    "again": (1995, "A wing lifts, for the air flows faster above it than below it."),
    "albatross": (1990, "The wings of an albatross lock, so that it can glide for hours."),
    "copy": (1990, "a wing lifts, for air flows faster above it than below"),
    "lift": (1990, "A wing lifts, for air flows faster above it than below."),
    "museum": (2020, "The west wing of the museum is closed on Mondays."),
    "pan": (2000, "A pan is hot soon, for metal carries heat well."),
    "plane": (2010, "A plane stays up, for its wings push air down."),
    "stall": (2000, "A wing stalls where the air no longer follows its upper side."),
    "stove": (2005, "A stove of iron stays hot for hours."),
}
"""Documents: id -> year and text, in the order of the ids."""
PARENTS: Final = {"again": "lift", "lift": "flight.md", "plane": "flight.md", "stall": "flight.md"}
"""What some of them are under: of which document they are passages, or a broader one of these."""
TYPES: Final = {"albatross": "animal", "museum": "notice"}
"""What some of them are; the others, and what every query asks for, are of the type "fact"."""
TITLES: Final = {"again": "Wing", "copy": "Wing"}
"""The names of some; of the others their ids are."""
QUERIES: Final = {
    "pans": (2005, "why is a pan hot so soon"),
    "planes": (2015, "what keeps a plane with wings up in the air"),
    "wings": (2005, "why does a wing lift"),
}
"""Queries: id -> year and text."""
JUDGED: Final = (
    ("pans", "pan", 1),
    ("pans", "stove", 0),
    ("planes", "plane", 1),
    ("wings", "lift", 1),
)
"""Judgements: query, document, relevance."""
GIVEN_NEGATIVES: Final = (("wings", "museum"),)
"""The negative that came with the data."""
ROWS: Final = ("cat", "cat 2", "dog", "hen", "bus", "car", "tram", "van")
"""Training examples. The first two are of one query, which has two positives."""


def collection() -> Collection:
    """The collection, with a time and a type of each document and query, and a document's title."""

    def side(key: str, texts: Mapping[str, tuple[int, str]]) -> pl.DataFrame:
        rows = [(name, text, row, time) for row, (name, (time, text)) in enumerate(texts.items())]
        schema = {key: pl.String, "text": pl.String, "row": pl.UInt32, "time": pl.Int32}
        return pl.DataFrame(rows, schema=schema, orient="row")

    return Collection(
        name="tiny",
        split="train",
        corpus=side("doc_id", DOCS).with_columns(
            parent=pl.col("doc_id").replace_strict(PARENTS, default=None),
            type=pl.col("doc_id").replace_strict(TYPES, default="fact"),
            title=pl.coalesce(
                pl.col("doc_id").replace_strict(TITLES, default=None),
                pl.col("doc_id").str.to_titlecase(),
            ),
        ),
        queries=side("query_id", QUERIES).with_columns(
            type=pl.lit("fact"),
            entity=pl.col("query_id"),
            relation=pl.lit("is explained by"),
            asks=pl.lit("tail"),
        ),
        qrels=pl.DataFrame(JUDGED, schema=dict(QRELS), orient="row"),
        given=pl.DataFrame(GIVEN_NEGATIVES, schema=dict(GIVEN), orient="row"),
    )


def proposed(source: Source) -> dict[str, list[str]]:
    """Query -> the candidates of a source, best first; BM25 and dense come before it."""
    data = collection()
    queries = data.mined_queries
    before = {label: each.propose(queries, {}) for label, each in _sources().items()}
    found = source.open(_context(_sources())).propose(queries, before)
    return _by_query(data.ids_of(found.select("query", "doc")))


def made(generator: Generator) -> dict[str, list[str]]:
    """Query -> the documents that a generator writes for it."""
    data = collection()
    rows = written(generator, _context(_sources()), data.mined_queries)
    named = rows.select(data.queries["query_id"].gather(rows["query"]), doc_id="text")
    return _by_query(named)


def judged(judge: Judge) -> dict[str, dict[str, str]]:
    """Query -> document -> why a judge objects, of what BM25 and dense find, `known` left aside."""
    data, rules = collection(), judge.rules or (judge.kind,)
    rows = data.ids_of(_judged(judge).filter(pl.col("rule").is_in(rules)))
    return _by_query(rows.select("query_id", "doc_id", "reason"))


def estimated(estimator: Estimator) -> dict[str, dict[str, float]]:
    """Query -> document -> p_relevant of what nobody has judged, to two places."""
    rows = _ledger(estimator).filter(pl.col("relevance").is_null(), pl.col("rule") == "")
    return _by_query(rows.select("query_id", "doc_id", pl.col("p_relevant").cast(float).round(2)))


def picked(picker: Picker) -> dict[str, list[str]]:
    """Query -> the negatives of a picker, in the order of choice; p_relevant is by an ensemble."""
    rows, _ = pick_shard(picker, 0, "dense", len(DOCS), _voted())
    return _by_query(rows.select("query_id", "doc_id"))


def batches(batcher: Batcher, size: int = 4, epoch: int = 0) -> list[list[str]]:
    """The batches of `ROWS` in an epoch. Animals are near each other, and so are vehicles."""
    return [[ROWS[row] for row in batch] for batch in batcher.open(examples(), size).epoch(epoch)]


def chosen(chooser: Chooser) -> list[str]:
    """Which of `ROWS` a chooser takes, in the order of choice."""
    vectors = _angles()
    pool = Pool(
        examples=examples(),
        pairs=pl.DataFrame({"query_id": [ROWS[0], *ROWS[:1], *ROWS[2:]], "doc_id": ROWS}),
        query_texts=lambda rows: [ROWS[row] for row in rows],
        doc_texts=lambda rows: [f"the {ROWS[row]}" for row in rows],
        encoded=lambda encoder: (vectors[1:], vectors),
        scratch=Path(),
    )
    rows, _ = chooser.choose(pool, chooser.budget(len(ROWS)))
    return [ROWS[row] for row in rows]


def losses(loss: Loss) -> list[float]:
    """The loss of each of the two rows of `batch`, to two places."""
    torch = require("torch", extra="train")
    opened: Any = loss.open()
    if loss.needs_bank:
        opened.fill(batch().pool())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return [round(each, 2) for each in opened(batch()).tolist()]


def examples() -> Examples:
    """`ROWS` as a batcher is given them."""
    vectors = _angles()
    numbers = np.arange(len(ROWS), dtype=np.int32)
    query = np.maximum(numbers - 1, 0)
    pairs = np.stack([query, numbers], axis=1)
    return Examples(query, numbers[:, None], pairs, lambda: vectors[1:], lambda: vectors)


def batch() -> EncodedBatch:
    """Two queries, each with its positive and two negatives, as vectors of two numbers.

    The first query is as near to its positive as can be. The second is nearer to a negative, which
    is probably relevant. The labels are scores of a teacher that puts both positives first. The
    guide sees the batch as it is.
    """
    torch = require("torch", extra="train")
    docs = [
        [[1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]],
        [[0.8, 0.6], [0.6, 0.8], [0.0, -1.0]],
    ]
    positives = [
        [True, False, False, False, False, False],
        [False, False, False, True, False, False],
    ]
    made = EncodedBatch(
        queries=torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
        docs=torch.tensor(docs),
        relevant=torch.tensor(positives),
        present=torch.ones(2, 3, dtype=torch.bool),
        labels=torch.tensor([[3.0, 1.0, 0.0], [2.0, 1.0, 0.0]]),
        p_relevant=torch.tensor([[1.0, 0.1, 0.0], [1.0, 0.9, 0.0]]),
    )
    return replace(made, guide=made)


def _angles() -> Floats:
    """float32[rows, 2]: a vector for each of `ROWS`."""
    angles = np.radians([0, 10, 20, 30, 90, 100, 110, 120])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@cache
def _sources() -> dict[str, Proposer]:
    """BM25 and dense, opened."""
    return {source.label: source.open(_context({})) for source in (BM25(top=5), Dense(top=5))}


@cache
def _found() -> pl.DataFrame:
    """What they find, one row a pair."""
    data = collection()
    return find_shard(data, _sources(), data.mined_queries)[0]


@cache
def _voted() -> pl.DataFrame:
    """The ledger, with p_relevant by a vote of what they say."""
    return _ledger(Ensemble(top=["bm25_score", "dense_score", "-dense_rank"], prior=0.3))


def _context(sources: Mapping[str, Proposer]) -> EstimateContext:
    """What a stage is opened with, a folder of its own among it."""
    folder = _scratch() / uuid4().hex
    folder.mkdir()
    return EstimateContext(collection(), folder, reference="dense", sources=sources)


@cache
def _scratch() -> Path:
    """A folder that goes with the process."""
    until_the_end = ExitStack()
    atexit.register(until_the_end.close)
    return until_the_end.enter_context(scratch_folder())


def _judged(*judges: Judge) -> pl.DataFrame:
    """What is found and what `known`, which comes first, and these judges say of it."""
    told = any(judge.tells_what_is_known for judge in judges)
    stages: Sequence[Judge] = judges if told else (Known(), *judges)
    rulings = [(stage.kind, stage.open(_context(_sources()))) for stage in stages]
    return judge_shard(collection(), rulings, _found())


def _ledger(estimator: Estimator) -> pl.DataFrame:
    """The ledger of a run with no other judge than `known`."""
    rows = _judged()
    estimation = estimator.open(_context(_sources()))
    prepared = pl.concat([rows, estimation.prepare(rows)], how="horizontal")
    estimated = estimation.fit([prepared], len(rows)).estimate(prepared)
    spread = float(np.std(rows["dense_score"].to_numpy(), dtype=np.float64))
    return ledger_shard(collection(), ReferenceScorer("dense", spread), rows, estimated)


def _by_query(rows: pl.DataFrame) -> dict[str, Any]:
    """From query_id and doc_id the documents of each query; from a third column, what each has."""
    made = {}
    for (query,), each in rows.group_by("query_id", maintain_order=True):
        docs = each["doc_id"].to_list()
        made[query] = docs if each.width == 2 else dict(zip(docs, each.to_series(2), strict=True))
    return made
