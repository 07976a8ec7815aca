"""Runs of the bundled collection: one with its triplets, one whose false negatives are known."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from tests.measure.halved import hidden_half
from tests.measure.planted import Row


@pytest.fixture(scope="package")
def run(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    return neg.mine(neg.Collection.load("cranfield"), tmp_path_factory.mktemp("lint") / "run")


@pytest.fixture(scope="package")
def halved(tmp_path_factory: pytest.TempPathFactory) -> tuple[neg.Run, pl.DataFrame]:
    """A run with p_relevant on half of the positives, and the half that was hidden from it."""
    data, hidden = hidden_half(queries=80)
    run = neg.mine(
        data,
        tmp_path_factory.mktemp("halved") / "run",
        sources=[neg.BM25(top=40), neg.Dense(top=40)],
        estimate=neg.Evidence(),
        pick=neg.RiskLimited(per_query=5, max_false=0.03),
    )
    return run, hidden


@pytest.fixture(scope="package")
def triplets_file(run: neg.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("triplets") / "triplets.parquet"
    run.export(path, format="triplet")
    return path


@pytest.fixture
def triplets(triplets_file: Path) -> list[Row]:
    rows: list[Row] = pl.read_parquet(triplets_file).to_dicts()
    return rows
