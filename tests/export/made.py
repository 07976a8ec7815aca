"""Finished runs made by hand: which negatives, with which scores, is written in the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import polars as pl

from negatives.api import Run
from negatives.schema import (
    ELIGIBLE,
    LEDGER_HEAD,
    LEDGER_TAIL,
    NEGATIVES,
    POSITIVE,
    Collection,
)
from negatives.store.facts import Facts, Inputs
from negatives.store.fingerprints import fingerprints
from negatives.store.manifest import Manifest

Scores = Mapping[tuple[str, str], float]


def finished_run(
    path: Path,
    data: Collection,
    negatives: Mapping[str, Sequence[str]],
    scores: Scores | None = None,
    *,
    queries_a_part: int = 2,
) -> Run:
    """A run directory holding these negatives, in this order; scores are of a source `bm25`."""
    scorer = "" if scores is None else "bm25"
    ledger = _ledger(data, negatives, scores or {})
    manifest = Manifest(
        status="done",
        inputs=msgspec.convert(fingerprints(data), Inputs),
        facts=Facts(reference=scorer),
    )
    queries = ledger["query_id"].unique().sort()
    manifest.counts.queries = len(queries)
    (path / "candidates").mkdir(parents=True)
    for number, first in enumerate(range(0, len(queries), queries_a_part)):
        shard = queries[first : first + queries_a_part]
        part = ledger.filter(pl.col("query_id").is_in(shard.implode()))
        file = path / "candidates" / f"part-{number:05d}.parquet"
        part.write_parquet(file)
        manifest.enter(path, file, len(part))
    chosen = _negatives(negatives, ledger)
    chosen.write_parquet(path / "negatives.parquet")
    manifest.enter(path, path / "negatives.parquet", len(chosen))
    manifest.save(path)
    return Run(path, collection=data)


def _ledger(
    data: Collection, negatives: Mapping[str, Sequence[str]], scores: Scores
) -> pl.DataFrame:
    verdicts = {
        (query, doc): POSITIVE for query, doc, relevance in data.qrels.iter_rows() if relevance > 0
    } | {(query, doc): ELIGIBLE for query, docs in negatives.items() for doc in docs}
    rows = [
        {
            "query_id": query,
            "doc_id": doc,
            "sources": ["bm25"],
            "relevance": 1 if verdict == POSITIVE else None,
            "bm25_rank": 1,
            "bm25_score": scores.get((query, doc)),
            "verdict": verdict,
            "rule": "known" if verdict == POSITIVE else "",
            "reason": "judged" if verdict == POSITIVE else "",
            "hardness": scores.get((query, doc)) if verdict == ELIGIBLE else None,
        }
        for (query, doc), verdict in sorted(verdicts.items())
    ]
    own = {"bm25_rank": pl.Int32, "bm25_score": pl.Float32}
    return pl.DataFrame(rows, schema={**LEDGER_HEAD, **own, **LEDGER_TAIL})


def _negatives(negatives: Mapping[str, Sequence[str]], ledger: pl.DataFrame) -> pl.DataFrame:
    rows = [
        (query, doc, position)
        for query, docs in sorted(negatives.items())
        for position, doc in enumerate(docs)
    ]
    schema = {name: NEGATIVES[name] for name in ("query_id", "doc_id", "position")}
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .join(ledger, on=["query_id", "doc_id"], how="left", maintain_order="left")
        .with_columns(score="bm25_score")
        .select(*NEGATIVES)
    )
