"""One mined run of the bundled collection, and its triplets."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from tests.measure.planted import Row


@pytest.fixture(scope="package")
def run(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    return neg.mine(neg.Collection.load("cranfield"), tmp_path_factory.mktemp("lint") / "run")


@pytest.fixture(scope="package")
def triplets_file(run: neg.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("triplets") / "triplets.parquet"
    run.export(path, format="triplet")
    return path


@pytest.fixture
def triplets(triplets_file: Path) -> list[Row]:
    rows: list[Row] = pl.read_parquet(triplets_file).to_dicts()
    return rows
