"""The generated layer of a run: documents that no corpus has, written for the queries of the run.

They are written once the ledger of the corpus's own documents is whole, which they change in no
row: each is judged beside the positives of its query, scored by the sources that score any pair,
and added to the ledger. From there on they are documents like others. Nobody could have labelled
them, so that labels say nothing of how probably they are relevant: their p_relevant is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from negatives.arrays import Floats, Rows
from negatives.errors import DataError
from negatives.events import Event, Noted, Progress, Warned
from negatives.generator import Generator, written
from negatives.opening import Context, Proposer
from negatives.recipe import Recipe
from negatives.run.account import Account
from negatives.run.inputs import GENERATED_ID, with_generated
from negatives.run.opened import Opened
from negatives.run.picking import write_frame
from negatives.run.shards import ReferenceScorer, find_shard, judge_shard, ledger_shard
from negatives.schema import GENERATED, Collection, check_ledger
from negatives.store.atomic import make_folder
from negatives.store.manifest import table_rows
from negatives.store.run import GENERATED_FILE, LEDGER, WORK

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


def add_generated(account: Account, opened: Opened, parts: list[Path]) -> list[Path]:
    """The ledger's parts with the documents that the recipe's generators write for their queries.

    The new parts and the table of the documents enter the manifest together, in one write.
    """
    recipe = opened.recipe
    if not recipe.make:
        return parts
    folder = account.run / WORK / "made"
    with account.stage("make") as stage:
        table = _table(account, opened, parts, folder)
        stage.rows = len(table)

    def hear(event: Event) -> None:
        """Costs and progress; what there is to say of a corpus was said when it was mined."""
        if not isinstance(event, Warned | Noted):
            account.hear(event)

    whole = with_generated(opened.collection, table)
    layer = Opened(replace(opened.plan, path=folder), whole, opened.machine, hear)
    with account.stage("judge what was made"):
        made = list(_over(account, layer, table, parts))
    manifest = account.manifest
    target = account.run / GENERATED_FILE
    write_frame(target, table)
    for path in parts:
        manifest.files.pop(path.relative_to(account.run).as_posix(), None)
    for path, rows in made:
        manifest.enter(account.run, path, rows)
    manifest.enter(account.run, target, len(table))
    if recipe.estimate is not None:
        account.warn(UNESTIMATED.format(n=len(table)))
    account.begin_picking()
    return [path for path, _ in made]


def _table(account: Account, opened: Opened, parts: list[Path], folder: Path) -> pl.DataFrame:
    """What all generators write for the queries of each part; what was written before is kept."""
    frames, collection, seed = [], opened.collection, opened.recipe.seed
    for generator in opened.recipe.make:
        scratch = make_folder(folder / generator.label)
        context = Context(collection, scratch, machine=opened.machine, seed=seed, emit=account.hear)
        for number, part in enumerate(parts):
            path = folder / f"{generator.label}-{number:05d}.parquet"
            if table_rows(path) is None:
                queries = _queries(collection, part)
                write_frame(path, _named(generator, written(generator, context, queries), context))
            frames.append(pl.read_parquet(path, glob=False))
            account.emit(Progress(f"make {generator.label}", number + 1, len(parts), "parts"))
    return pl.concat(frames).sort("query_id", "doc_id")


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


def _queries(collection: Collection, part: Path) -> Rows:
    """Row numbers of the queries of a part of the ledger."""
    ids = pl.read_parquet(part, columns=["query_id"], glob=False)["query_id"].unique()
    return collection.queries["query_id"].is_in(ids.implode()).arg_true().cast(pl.UInt32).to_numpy()


def _over(
    account: Account, layer: Opened, table: pl.DataFrame, parts: list[Path]
) -> Iterator[tuple[Path, int]]:
    """Each part with the new rows, written beside it: its path and its rows.

    `layer`: the recipe opened on the corpus with the written documents.
    """
    whole, makers = layer.collection, layer.recipe.make
    rows = whole.rows_of(table.select("query_id", "doc_id", "generator"))
    proposers: dict[str, Proposer] = {k: _Scores(each) for k, each in layer.sources.items()}
    for each in makers:
        proposers[each.label] = _Proposes(rows.filter(generator=each.label))
    facts = account.manifest.facts
    reference = ReferenceScorer(facts.reference, facts.reference_deviation or 0.0)
    not_sources = [f"{each.label}_{part}" for each in makers for part in ("rank", "score")]
    for number, path in enumerate(parts):
        found, _ = find_shard(whole, proposers, _queries(whole, path), layer.never)
        judged = judge_shard(whole, layer.judges, found.drop(not_sources))
        new = ledger_shard(whole, reference, judged, None)
        new = new.filter(pl.col("doc_id").str.starts_with(GENERATED_ID))
        old = pl.read_parquet(path, glob=False)
        part = pl.concat([old, new], how="diagonal").select(old.columns)
        part = check_ledger(part.sort("query_id", "doc_id"))
        target = account.run / LEDGER / f"part-{number:05d}-generated.parquet"
        write_frame(target, part)
        account.emit(Progress("judge what was made", number + 1, len(parts), "parts"))
        yield target, len(part)


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
