"""The passes of mining, each a function of an open run and a shard: read, compute, write one file.

They run in whatever process the engine chooses. What they have to say comes back in the entry, for
only the main process writes to the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from safetensors.numpy import load_file, save_file

from negatives.arrays import Rows
from negatives.estimation import Fitted
from negatives.events import Event
from negatives.opening import Proposer, Tiled
from negatives.run.opened import Opened
from negatives.run.parts import read_frame, write_frame, write_scratch
from negatives.run.reference_scorer import ReferenceScorer
from negatives.run.shards import find_shard, judge_shard, ledger_shard
from negatives.store.atomic import writing
from negatives.store.mapped import let_go_of_all
from negatives.store.run import LEDGER


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of the mined queries, by row number."""

    number: int
    queries: Rows


@dataclass(frozen=True, slots=True)
class TilePart(Shard):
    """A shard, and a range of documents in which a source is asked for it."""

    label: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that was finished; `seconds` by source, `events` that nobody has heard yet."""

    path: Path
    rows: int
    queries: int
    seconds: dict[str, float] = field(default_factory=dict)
    events: tuple[Event, ...] = ()


def find(opened: Opened, shard: Shard) -> Entry:
    """The candidates of all sources."""
    sources = {label: _asked_before(opened, label, shard) for label in opened.labels}
    with opened.listening() as heard:
        found, seconds = find_shard(opened.collection, sources, shard.queries, opened.never)
    let_go_of_all()
    path = opened.path("found", shard.number)
    write_scratch(path, found)
    return Entry(path, len(found), len(shard.queries), seconds, tuple(heard))


def tile(opened: Opened, part: TilePart) -> Entry:
    """The best of one range of the documents, by one source."""
    source = opened.source(part.label)
    assert isinstance(source, Tiled)
    with opened.listening() as heard:
        docs, scores = source.tile(part.queries, part.start, part.stop)
    path = tile_path(opened, part.label, part.number, part.start)
    with writing(path) as temporary:
        save_file({"docs": docs, "scores": scores}, temporary)
    return Entry(path, len(docs), len(part.queries), events=tuple(heard))


def tile_path(opened: Opened, label: str, number: int, start: int) -> Path:
    """Where the tile of a shard that begins at document `start` lies."""
    return opened.path(f"tiles-{label}", number).with_suffix(f".{start:010d}.safetensors")


def _asked_before(opened: Opened, label: str, shard: Shard) -> Proposer:
    """A source, which finds what lies in tiles there, where it was asked in ranges."""
    source = opened.source(label)
    ranges = opened.ranges(label)
    if not ranges or not isinstance(source, Tiled):
        return source
    tiles = [load_file(tile_path(opened, label, shard.number, start)) for start, _ in ranges]
    return source.among([(each["docs"], each["scores"]) for each in tiles])


def judge(opened: Opened, shard: Shard) -> Entry:
    """Evidence and verdicts of what was found, and what the estimator needs of them."""
    rulings = opened.judges
    rows = read_frame(opened.path("found", shard.number))
    with opened.listening() as heard:
        rows = judge_shard(opened.collection, rulings, rows)
        if opened.recipe.estimate is not None:
            prepared = opened.estimation.prepare(rows)
            let_go_of_all()
            write_scratch(opened.path("prepared", shard.number), prepared)
    path = opened.path("judged", shard.number)
    write_scratch(path, rows)
    return Entry(path, len(rows), len(shard.queries), events=tuple(heard))


def estimate(
    opened: Opened, fitted: Fitted | None, reference: ReferenceScorer, shard: Shard
) -> Entry:
    """A part of the ledger: the judged rows with p_relevant and hardness."""
    rows = read_frame(opened.path("judged", shard.number))
    estimated = None
    if fitted is not None:
        prepared = read_frame(opened.path("prepared", shard.number))
        estimated = fitted.estimate(pl.concat([rows, prepared], how="horizontal"))
    part = ledger_shard(opened.collection, reference, rows, estimated)
    path = ledger_path(opened.plan.path, shard.number)
    write_frame(path, part)
    return Entry(path, len(part), len(shard.queries))


def prepared_rows(opened: Opened, number: int) -> pl.DataFrame:
    """The judged rows of a shard with what the estimator has prepared."""
    paths = (opened.path(folder, number) for folder in ("judged", "prepared"))
    return pl.concat(map(read_frame, paths), how="horizontal")


def ledger_path(run: Path, number: int) -> Path:
    """Where a part of the ledger lies."""
    return run / LEDGER / f"part-{number:05d}.parquet"
