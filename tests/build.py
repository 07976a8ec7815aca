"""Small collections and tables made by hand, for the tests of every room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from negatives.find.candidates import COLUMNS
from negatives.machine import Machine
from negatives.opening import EstimateContext
from negatives.schema import CORPUS, GIVEN, QRELS, QUERIES, Collection, check_collection
from negatives.store.manifest import read_manifest


def collection(
    corpus: Mapping[str, str],
    queries: Mapping[str, str],
    qrels: Iterable[tuple[str, str, int]] = (),
    given: Iterable[tuple[str, str]] = (),
) -> Collection:
    """A checked collection; texts by id, judgements as (query_id, doc_id, relevance)."""

    def table(texts: Mapping[str, str], schema: Mapping[str, object]) -> pl.DataFrame:
        rows = [(name, text, row) for row, (name, text) in enumerate(texts.items())]
        frame = pl.DataFrame(rows, schema=dict(schema), orient="row")  # type: ignore[arg-type]
        return frame.sort(frame.columns[0])

    return check_collection(
        Collection(
            name="made",
            split="train",
            corpus=table(corpus, CORPUS),
            queries=table(queries, QUERIES),
            qrels=pl.DataFrame(list(qrels), schema=dict(QRELS), orient="row"),
            given=pl.DataFrame(list(given), schema=dict(GIVEN), orient="row"),
        )
    )


def context(data: Collection, scratch: Path, *, threads: int = 1, seed: int = 0) -> EstimateContext:
    """What the runner would hand a stage, with a folder of its own."""
    scratch.mkdir(parents=True, exist_ok=True)
    return EstimateContext(collection=data, scratch=scratch, machine=Machine(threads), seed=seed)


def proposed(rows: Iterable[tuple[int, int, int, float | None]]) -> pl.DataFrame:
    """What a source returns, from (query, doc, rank, score)."""
    return pl.DataFrame(list(rows), schema=COLUMNS, orient="row")


def entered(run: Path) -> None:
    """Let a run's manifest say that its tables are those that now lie there."""
    manifest = read_manifest(run)
    assert manifest is not None
    for name in manifest.files:
        path = run / name
        rows = len(pl.read_parquet(path)) if path.suffix == ".parquet" else 0
        manifest.enter(run, path, rows)
    manifest.save(run)


def unordered(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    """The rows of a frame, in an order that says nothing about theirs."""
    return sorted(frame.rows(), key=repr)
