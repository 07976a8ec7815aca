"""A collection of a few texts, and a third party's package, as if it were installed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from negatives import kinds
from negatives.schema import Collection
from tests.build import collection
from tests.contracts.theirs import ENTRIES

DOCS = {
    "d1": "the lift of a wing in a slow stream of air",
    "d2": "drag of a blunt body at high speed",
    "d3": "heat transfer through a thin plate",
    "d4": "the lift of a wing in a slow stream",
    "d5": "boundary layer over a flat plate with suction",
    "d6": "buckling of thin cylindrical shells under load",
    "d7": "a wing that flutters",
    "d8": "pressure on a cone in supersonic flow at an angle",
}
QUERIES = {
    "q1": "what lifts a wing",
    "q2": "how does heat pass a plate",
    "q3": "when do shells buckle",
    "q4": "flow over a cone",
}
QRELS = [("q1", "d1", 1), ("q1", "d2", 0), ("q2", "d3", 2), ("q3", "d6", 1), ("q4", "d8", 1)]
GIVEN = [("q1", "d7"), ("q2", "d5")]


@pytest.fixture
def tiny(tmp_path: Path) -> Collection:
    """Eight documents, four queries, their fields, judgements, and negatives that were given."""
    image = tmp_path / "grey.ppm"
    image.write_bytes(b"P6 1 1 255\n" + bytes([128, 128, 128]))
    made = collection(DOCS, QUERIES, QRELS, GIVEN)
    docs, queries = (
        frame.with_columns(time=pl.int_range(pl.len()) * 10)
        for frame in (made.corpus, made.queries)
    )
    parents = (pl.col("row") // 2).cast(pl.String)  # two passages of a document each
    docs = docs.with_columns(parent=parents, title=pl.col("doc_id"), type=pl.lit("text"))
    docs = docs.with_columns(image=pl.lit(str(image)))
    queries = queries.with_columns(
        type=pl.lit("text"), entity=pl.col("query_id"), relation=pl.lit("r"), asks=pl.lit("tail")
    )
    return replace(made, corpus=docs, queries=queries)


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package of `theirs`, with its entry points."""
    metadata = tmp_path / "site" / "theirs-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(tmp_path / "site")
    kinds._third_parties.cache_clear()
    yield
    kinds._third_parties.cache_clear()
