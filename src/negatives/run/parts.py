"""Passes over the parts of a ledger that is whole: each is read, worked on, and written anew.

What looks at the whole ledger at once (a price, a threshold, a model) is found by the caller, out
of what the parts give; it travels to the passes as a small value, or as the path of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import polars as pl

from negatives.engine import Mapper, carried_out
from negatives.events import Progress
from negatives.run.account import Account
from negatives.store.atomic import writing
from negatives.store.run import LEDGER

Result = TypeVar("Result")
Part = tuple[int, Path]
"""The number of a part of the ledger, and where it lies."""


def over_parts(
    account: Account,
    engine: Mapper,
    function: Callable[[Part], Result],
    parts: Sequence[Path],
    *,
    do: str,
    stage: str = "",
) -> Iterator[Result]:
    """Carry a pass out on every part, in order; `WorkError` at the end names those set aside.

    `do`: what is done to a part, as in "could not pick from part 3". `stage`: the name by which
    progress is told; empty: it is not.
    """
    items = list(enumerate(path.absolute() for path in parts))
    where = str(account.run)
    found = carried_out(engine, function, items, do=do, name=_named, where=where, alone=False)
    for done, result in enumerate(found, start=1):
        yield result
        if stage:
            account.emit(Progress(stage, done, len(items), "parts"))


def rewrite(change: Callable[[Path], pl.DataFrame], mark: str, part: Part) -> int:
    """A pass: write what a part becomes beside it, under a name with `mark`; its rows.

    `replace_ledger` makes the new parts the ledger.
    """
    number, path = part
    new = change(path)
    write_frame(path.with_name(_new_name(number, mark)), new)
    return len(new)


def replace_ledger(
    account: Account, parts: Sequence[Path], mark: str, rows: Sequence[int]
) -> list[Path]:
    """Make the parts that were rewritten the ledger, in one write; where they lie.

    What was picked from the old ones goes with them; they are removed once there are new picks.
    """
    new = [account.run / LEDGER / _new_name(number, mark) for number in range(len(rows))]
    for path in parts:
        account.manifest.files.pop(path.relative_to(account.run).as_posix(), None)
    for path, count in zip(new, rows, strict=True):
        account.manifest.enter(account.run, path, count)
    account.begin_picking()
    return new


def read_frame(path: Path) -> pl.DataFrame:
    """A frame that was written as Parquet."""
    return pl.read_parquet(path, glob=False)


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """Write a frame as Parquet, atomically."""
    with writing(path) as temporary:
        frame.write_parquet(temporary, compression="zstd", statistics=True)


def write_scratch(path: Path, frame: pl.DataFrame) -> None:
    """Write a frame that another pass reads soon: faster, and not as small."""
    with writing(path) as temporary:
        frame.write_parquet(temporary, compression="lz4", statistics=False)


def of_queries(table: pl.LazyFrame, part: pl.DataFrame) -> pl.DataFrame:
    """The rows of a table, in its order, that are of the queries of a part of the ledger."""
    first, last = part["query_id"].min(), part["query_id"].max()
    return table.filter(pl.col("query_id").is_between(pl.lit(first), pl.lit(last))).collect()


def _named(part: Part) -> str:
    return f"part {part[0]} of the ledger ({part[1].name})"


def _new_name(number: int, mark: str) -> str:
    return f"part-{number:05d}{mark}.parquet"
