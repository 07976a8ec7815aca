"""The generated layer of a run: documents that no corpus has, written for the queries of the run.

They are written once the ledger of the corpus's own documents is whole, which they change in no
row: each is judged beside the positives of its query, scored by the sources that score any pair,
and added to the ledger. From there on they are documents like others. Nobody could have labelled
them, so that labels say nothing of how probably they are relevant: their p_relevant is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Floats, Rows
from negatives.engine import Mapper
from negatives.errors import DataError
from negatives.events import Event, Noted, Warned
from negatives.generator import Generator, drawn_rows, written
from negatives.opening import Context, Proposer, Ruling
from negatives.recipe import Recipe
from negatives.run.account import Account
from negatives.run.inputs import GENERATED_ID, data_of, with_generated
from negatives.run.opened import Opened
from negatives.run.parts import (
    Part,
    of_queries,
    over_parts,
    read_frame,
    replace_ledger,
    rewrite,
    write_frame,
)
from negatives.run.reference_scorer import ReferenceScorer
from negatives.run.shards import find_shard, judge_shard, ledger_shard
from negatives.schema import ELIGIBLE, GENERATED, PAIR, REJECTED, Collection, check_ledger
from negatives.store.manifest import table_rows
from negatives.store.run import GENERATED_FILE, WORK

MADE: Final = f"{WORK}/made"
"""Scratch folder of what is written, and of the sources and judges opened on it."""
MARK: Final = "-generated"
MEANT: Final = 2
"""Grade from which on a document was written to answer its query, and is no negative of it."""
MEANT_RULE: Final = "meant-relevant"
"""The rule that objects to those."""
_PROPOSED: Final = {"query": pl.UInt32, "doc": pl.UInt32, "rank": pl.Int32, "score": pl.Float32}
UNESTIMATED: Final = (
    "p_relevant of the {n:,} documents that were written is null, for labels say nothing of what "
    "nobody could have labelled: no promise of few false negatives covers them"
)


def refuse_layer(recipe: Recipe, collection: Collection) -> None:
    """Raise `DataError` where documents cannot be written for a collection."""
    if not recipe.make:
        return
    where = f"collection {collection.name!r}"
    if not collection.has("docs", "text"):
        raise DataError(
            "what is written are texts, and these documents have none",
            where=where,
            fix="leave [[make]] out",
        )
    taken = collection.corpus.filter(pl.col("doc_id").str.starts_with(GENERATED_ID))["doc_id"]
    if len(taken):
        raise DataError(
            f"{len(taken):,} documents have ids that begin with {GENERATED_ID}, as those that are "
            f"written will: {', '.join(taken[:5])}",
            where=where,
            fix="give them other ids",
        )


def add_generated(
    account: Account, opened: Opened, parts: list[Path], engine: Mapper
) -> list[Path]:
    """The ledger's parts with the documents that the recipe's generators write for their queries.

    Writing for a part's queries is a pass, and so is judging what was written for them, on the
    corpus with all that was written. The new parts and the table of the documents enter the
    manifest together, in one write.
    """
    recipe, manifest = opened.recipe, account.manifest
    if not recipe.make:
        return parts
    target = account.run / GENERATED_FILE
    with account.stage("make") as stage:
        table = _table(account, opened, parts, engine)
        stage.rows = len(table)
        write_frame(target, table)
        manifest.enter(account.run, target, len(table))

    def hear(event: Event) -> None:
        """Costs and progress; what there is to say of a corpus was said when it was mined."""
        if not isinstance(event, Warned | Noted):
            account.hear(event)

    whole = with_generated(opened.collection, table)
    plan = replace(opened.plan, path=opened.plan.path / MADE, data=data_of(manifest))
    layer = Opened(plan, whole, opened.machine, hear, engine)
    reference = ReferenceScorer(manifest.facts.reference, manifest.facts.reference_deviation or 0.0)
    with account.stage("judge what was made"):
        _ = layer.judges  # opened here first, so that what they build is there for other processes
        one = partial(_with_made, layer, reference, opened.plan.path / GENERATED_FILE)
        rows = []
        for count, events in over_parts(
            account, engine, one, parts, stage="judge what was made", do="judge what was made for"
        ):
            rows.append(count)
            for event in events:
                hear(event)
    if recipe.estimate is not None:
        account.warn(UNESTIMATED.format(n=len(table)))
    return replace_ledger(account, parts, MARK, rows)


def _table(account: Account, opened: Opened, parts: list[Path], engine: Mapper) -> pl.DataFrame:
    """What all generators write for the queries of each part."""
    frames = []
    for place, generator in enumerate(opened.recipe.make):
        stage, one = f"make {generator.label}", partial(_written, opened, place)
        for path, events in over_parts(
            account, engine, one, parts, stage=stage, do="write documents for"
        ):
            frames.append(read_frame(path))
            for event in events:
                account.hear(event)
    return pl.concat(frames).sort("query_id", "doc_id")


def _written(opened: Opened, place: int, part: Part) -> tuple[Path, Sequence[Event]]:
    """A pass: the file of what a generator writes for a part's queries; what is there is kept."""
    number, ledger = part
    generator = opened.recipe.make[place]
    path = opened.plan.path / MADE / f"{generator.label}-{number:05d}.parquet"
    with opened.listening() as heard:
        if table_rows(path) is None:
            context = opened.writing(generator)
            queries = _queries(opened.collection, read_frame(ledger))
            queries = np.intersect1d(queries, _drawn(generator, context))
            write_frame(path, _named(generator, written(generator, context, queries), context))
    return path, tuple(heard)


def _drawn(generator: Generator, context: Context) -> Rows:
    """The queries that a generator writes for, of all that are mined."""
    mined = context.collection.mined_queries
    ids = context.collection.queries["query_id"].gather(mined)
    return mined[drawn_rows(generator, ids, context.seed)]


def _named(generator: Generator, made: pl.DataFrame, context: Context) -> pl.DataFrame:
    """What a generator wrote, with ids of the query, the generator and a number from 1."""
    query_id = context.collection.queries["query_id"].gather(made["query"])
    made = made.with_columns(query_id.alias("query_id"))
    number = pl.int_range(1, pl.len() + 1).over("query_id")
    return made.select(
        pl.format(f"{GENERATED_ID}{generator.label}:{{}}:{{}}", "query_id", number).alias("doc_id"),
        "query_id",
        pl.lit(generator.label).alias("generator"),
        "text",
        "grade",
        "model",
        "prompt_hash",
        pl.lit(context.seed, pl.Int64).alias("seed"),
    ).select(pl.col(name).cast(dtype) for name, dtype in GENERATED.items())


def _queries(collection: Collection, part: pl.DataFrame) -> Rows:
    """Row numbers of the queries of a part of the ledger."""
    ids = part["query_id"].unique()
    return collection.queries["query_id"].is_in(ids.implode()).arg_true().cast(pl.UInt32).to_numpy()


def _with_made(
    layer: Opened, reference: ReferenceScorer, table: Path, part: Part
) -> tuple[int, Sequence[Event]]:
    """A pass: a part with the rows of what was written for its queries, written beside it.

    `layer`: the recipe opened on the corpus with the written documents, of which there is a table.
    """
    one = partial(_added, layer, layer.judges, reference, table)
    with layer.listening() as heard:
        rows = rewrite(one, MARK, part)
    return rows, tuple(heard)


def _added(
    layer: Opened,
    rulings: list[tuple[str, Ruling]],
    reference: ReferenceScorer,
    table: Path,
    path: Path,
) -> pl.DataFrame:
    old, whole, makers = read_frame(path), layer.collection, layer.recipe.make
    written_ones = pl.scan_parquet(table, glob=False)
    made = written_ones.select("query_id", "doc_id", "generator")
    meant = written_ones.filter(pl.col("grade") >= MEANT).select(*PAIR, "grade")
    rows = whole.rows_of(of_queries(made, old))
    proposers: dict[str, Proposer] = {k: _Scores(each) for k, each in layer.sources.items()}
    for each in makers:
        proposers[each.label] = _Proposes(rows.filter(generator=each.label))
    not_sources = [f"{each.label}_{part}" for each in makers for part in ("rank", "score")]
    found, _ = find_shard(whole, proposers, _queries(whole, old), layer.never)
    judged = judge_shard(whole, rulings, found.drop(not_sources))
    new = ledger_shard(whole, reference, judged, None)
    new = new.filter(pl.col("doc_id").str.starts_with(GENERATED_ID))
    new = _without_meant(new, of_queries(meant, old))
    both = pl.concat([old, new], how="diagonal").select(old.columns)
    return check_ledger(both.sort("query_id", "doc_id"))


def _without_meant(rows: pl.DataFrame, meant: pl.DataFrame) -> pl.DataFrame:
    """The rows with those objected to that were written to answer their query."""
    with_grade = rows.join(meant, on=PAIR, how="left", maintain_order="left")
    told = pl.col("grade").is_not_null() & (pl.col("verdict") == ELIGIBLE)
    reason = pl.format("written to be relevant: grade {}", "grade")
    return with_grade.with_columns(
        verdict=pl.when(told).then(pl.lit(REJECTED)).otherwise("verdict"),
        rule=pl.when(told).then(pl.lit(MEANT_RULE)).otherwise("rule"),
        reason=pl.when(told).then(reason).otherwise("reason"),
    ).drop("grade")


@dataclass(frozen=True)
class _Scores:
    """A source that has proposed what it proposes, and scores what others do."""

    source: Proposer

    @property
    def fingerprint(self) -> str:
        """The source's."""
        return self.source.fingerprint

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Nothing."""
        return pl.DataFrame(schema=_PROPOSED)

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """The source's scores."""
        return self.source.score(query, doc)


@dataclass(frozen=True)
class _Proposes:
    """The documents of one generator (query, doc), each for its query."""

    rows: pl.DataFrame
    fingerprint: str = ""

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """All that were written for these queries, by id."""
        mine = self.rows.filter(pl.col("query").is_in(pl.Series(queries).implode()))
        mine = mine.sort("query", "doc").with_columns(
            rank=pl.int_range(1, pl.len() + 1).over("query"), score=pl.lit(None)
        )
        return mine.select(pl.col(name).cast(dtype) for name, dtype in _PROPOSED.items())

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """Writing a document is no score of it."""
        return None
