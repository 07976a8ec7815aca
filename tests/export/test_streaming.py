"""A few queries at a time, the same bytes however they are cut."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.api import Run
from negatives.errors import InputError
from negatives.events import Event, Progress
from negatives.export import FORMATS, export
from negatives.export import blocks as blocks_module
from negatives.export.blocks import blocks
from negatives.export.choices import format_named
from negatives.schema import Collection
from tests.build import collection
from tests.each import for_each
from tests.export.conftest import NEGATIVES, SCORES
from tests.export.made import finished_run

EVERY: list[tuple[str, dict[str, Any]]] = [
    ("x.parquet", {"format": "triplet", "scores": True}),
    ("x.jsonl", {"format": "n-tuple"}),
    ("x.csv", {"format": "labeled-pair"}),
    ("x.parquet", {"format": "labeled-list"}),
    ("x.jsonl", {"format": "flagembedding", "scores": True, "ids": True}),
    ("x.jsonl", {"format": "tevatron", "scores": True}),
    ("x.jsonl", {"format": "ms-swift"}),
    ("x.jsonl", {"format": "contrastors", "scores": True}),
    ("x.parquet", {"format": "pylate-kd"}),
    ("x.json", {"format": "dpr", "scores": True}),
    ("x.json", {"format": "llama-index"}),
    ("x.csv", {"format": "preference", "rows_per_query": 2}),
    ("x.parquet", {"format": "triplet", "rows_per_query": 2, "seed": 3}),
    ("x.csv", {"format": "kto"}),
    ("x.trec", {"format": "trec-run"}),
    ("x.qrels", {"format": "qrels", "mined": "zero"}),
]


def digest(run: Run, out: Path, **options: Any) -> str:
    export(run, out, **options)
    return hashlib.sha256(out.read_bytes()).hexdigest()


@pytest.mark.slow
@for_each(("name", "options"), EVERY)
def test_bytes_depend_neither_on_parts_nor_on_blocks(
    run: Run,
    data: Collection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    options: dict[str, Any],
) -> None:
    before = digest(run, tmp_path / name, **options)
    whole = finished_run(tmp_path / "run", data, NEGATIVES, SCORES, queries_a_part=100)
    assert digest(whole, tmp_path / name, **options) == before
    monkeypatch.setattr(blocks_module, "BLOCK_ROWS", 1)
    assert digest(whole, tmp_path / name, **options) == before


def test_a_block_holds_whole_queries_and_few_of_them(
    cranfield: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks_module, "BLOCK_ROWS", 200)
    found = list(blocks(cranfield))
    assert len(found) > 10
    for block in found:
        pairs = block.positives.join(block.negatives, on="query_id")
        most = max(pairs.group_by("query_id").len()["len"].to_list())
        assert len(pairs) <= 200 + most
    assert pl.concat(block.negatives for block in found)["doc_id"].equals(
        cranfield.negatives["doc_id"]
    )
    queries = pl.concat(block.positives["query_id"].unique() for block in found)
    assert queries.n_unique() == len(queries) == cranfield.manifest.counts.queries


def test_how_many_rows_there_will_be_is_told_before_and_after(run: Run, tmp_path: Path) -> None:
    def told(name: str, **options: Any) -> list[Event]:
        heard: list[Event] = []
        export(run, tmp_path / name, emit=heard.append, **options)
        return [event for event in heard if isinstance(event, Progress)]

    assert told("x.trec", format="trec-run") == [
        Progress("export", 0, 6, "rows"),
        Progress("export", 4, 6, "rows"),
        Progress("export", 6, 6, "rows"),
    ]
    assert told("x.qrels", format="qrels") == [Progress("export", 7, 7, "rows")]
    for name in FORMATS:  # what is told before is what is written
        chosen, file = format_named(name), f"x{format_named(name).suffixes[-1]}"
        if chosen.rows_of_query is not None:
            said = told(file, format=name)
            assert said[0] == Progress("export", 0, said[-1].total, "rows"), name  # type: ignore[union-attr]
            assert said[-1].done == said[-1].total, name  # type: ignore[union-attr]


@for_each(("name", "options"), EVERY)
def test_a_run_without_negatives_is_refused_where_its_file_would_have_no_row(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    data = collection({"a": "x", "b": "y"}, {"q": "z"}, [("q", "a", 1)])
    run = finished_run(tmp_path / "run", data, {}, {})
    if options["format"] == "qrels":  # its rows are the labels, which are there
        assert export(run, tmp_path / name, **options) == 1
        return
    with pytest.raises(InputError, match="no row to export") as error:
        export(run, tmp_path / name, **options)
    assert "negatives report" in str(error.value)
    assert not (tmp_path / name).exists()


def test_ids_need_no_texts(tmp_path: Path, data: Collection) -> None:
    finished_run(tmp_path / "run", data, NEGATIVES, SCORES)
    assert Run(tmp_path / "run").export(tmp_path / "x.csv", format="triplet", ids=True) == 11
