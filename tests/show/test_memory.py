"""Picking and reporting hold one part of the ledger at a time, however many there are."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from tests.show.made import mined

ROWS = 60_000
PARTS = 5
BYTES = 300
"""A row of the ledger takes about so many in memory, with what is made of it."""
PASSES = """
import resource, sys
import negatives as neg
from negatives.run.picking import repick
from negatives.show import write_report

for path in sys.argv[1:]:
    run = neg.Run(path)
    repick(run, neg.Top(per_query=3))
    write_report(run.reopened())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def with_parts(run: neg.Run, count: int) -> None:
    """Make `count` large parts of the queries of the run's only one, over and over."""
    (path,) = run.parts
    rows = pl.read_parquet(path)
    for part in range(count):
        number = pl.int_range(ROWS // len(rows), dtype=pl.UInt32, eager=True) + part * ROWS
        prefix = number.cast(pl.String).str.zfill(8).alias("_prefix").to_frame()
        # Queries in order, each with its own rows: an id begins with its number.
        made = prefix.join(rows, how="cross").with_columns(
            query_id=pl.col("_prefix") + pl.col("query_id")
        )
        made = made.drop("_prefix")
        target = path.with_name(f"part-{part:05d}.parquet")
        made.write_parquet(target)
        run.manifest.enter(run.path, target, len(made))
    run.manifest.save(run.path)


def peaks(*runs: neg.Run) -> list[int]:
    """Bytes that a process has taken at most once it has picked and reported each run in turn."""
    paths = [str(run.path) for run in runs]
    told = subprocess.run(
        [sys.executable, "-c", PASSES, *paths], capture_output=True, text=True, check=True
    )
    return [int(line) * (1 if sys.platform == "darwin" else 1024) for line in told.stdout.split()]


@pytest.mark.slow
def test_many_parts_take_the_memory_of_one(tmp_path: Path) -> None:
    few = mined(tmp_path / "few", sources=[neg.Random(top=10)])
    many = neg.Run(shutil.copytree(few.path, tmp_path / "many"))
    with_parts(few, 1)
    with_parts(many, PARTS)
    before, after = peaks(few, many)
    assert after - before < 3 * ROWS * BYTES
