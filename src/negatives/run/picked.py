"""A run's ledger part by part, with what was picked from it: the two are compared on the way."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from negatives.errors import RunError
from negatives.run.parts import of_queries
from negatives.schema import KEPT
from negatives.store.run import NEGATIVES_FILE, Run

PAIR: Final = ["query_id", "doc_id"]


def parts_with_picks(run: Run, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """Each part of the ledger (whole queries) with `position`: null where a pair was not picked.

    `columns` of the ledger, of which `verdict` must be one; None: all. `RunError` where a negative
    is no candidate of the run, or one that no picker may choose.
    """
    negatives = pl.scan_parquet(run.negatives_file, glob=False).select(*PAIR, "position")
    seen = 0
    for path in run.parts:
        part = pl.read_parquet(path, columns=None if columns is None else list(columns), glob=False)
        picked = of_queries(negatives, part)
        check_picks(run, picked, part.lazy())
        seen += len(picked)
        yield part.join(picked, on=PAIR, how="left", maintain_order="left")
    check_number(run, seen)


def check_picks(run: Run, picked: pl.DataFrame, ledger: pl.LazyFrame) -> None:
    """Raise `RunError` unless every pair of `picked` is one that a picker may choose, once.

    A file of negatives can agree with the manifest and yet be none that a picker has made. What is
    known to be relevant leaves a run as a negative under no circumstances.
    """
    kept = ledger.filter(pl.col("verdict").is_in(KEPT)).select(PAIR)
    may = picked.lazy().select(PAIR).unique().join(kept, on=PAIR, how="semi")
    if wrong := len(picked) - may.select(pl.len()).collect().item():
        raise _refused(run, wrong)


def check_number(run: Run, seen: int) -> None:
    """Raise `RunError` where other queries than those of the ledger, `seen`, have negatives."""
    if elsewhere := run.manifest.files[NEGATIVES_FILE].rows - seen:
        raise _refused(run, elsewhere)


def _refused(run: Run, wrong: int) -> RunError:
    return RunError(
        f"{wrong:,} of the negatives are not among the candidates that could be picked: known to "
        "be relevant, set aside, listed twice, or of another run",
        where=str(run.path / NEGATIVES_FILE),
        fix=f"negatives pick {shlex.quote(str(run.path))}   picks again",
    )
