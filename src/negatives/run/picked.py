"""A run's ledger part by part, with what was picked from it: the two are compared on the way."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import RunError
from negatives.run.parts import of_queries
from negatives.schema import KEPT, NEGATIVES, PAIR
from negatives.store.ledger import among, blocks
from negatives.store.run import NEGATIVES_FILE, Run

_POSITION: Final = NEGATIVES["position"]


def parts_with_picks(run: Run, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """The ledger with `position`, null where a pair was not picked; some whole queries at a time.

    `columns` of the ledger, of which `verdict` must be one; None: all. `RunError` where a negative
    is no candidate of the run, or one that no picker may choose.
    """
    negatives = pl.scan_parquet(run.negatives_file, glob=False).select(*PAIR, "position")
    seen = 0
    for path in run.parts:
        for block in blocks(path, columns):
            picked = of_queries(negatives, block)
            found = _checked(run, picked, block.select(*PAIR, "verdict"))
            seen += len(picked)
            position = pl.Series("position", [None], dtype=_POSITION).new_from_index(0, len(block))
            yield block.with_columns(position.scatter(found["row"], found["position"]))
            del block  # before the next one is read
    check_number(run, seen)


def check_picks(run: Run, picked: pl.DataFrame, part: Path) -> None:
    """Raise `RunError` unless every pair of `picked` is one that a picker may choose, once.

    A file of negatives can agree with the manifest and yet be none that a picker has made. What is
    known to be relevant leaves a run as a negative under no circumstances.
    """
    _checked(run, picked, pl.read_parquet(part, columns=[*PAIR, "verdict"], glob=False))


def _checked(run: Run, picked: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """`picked`, with the `row` of each in the ledger."""
    found = among(ledger, picked).filter(pl.col("verdict").is_in(KEPT))
    if wrong := len(picked) - found.select(PAIR).n_unique():
        raise _refused(run, wrong)
    return found


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
