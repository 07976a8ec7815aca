"""Rankings kept while they are measured, as the run files of TREC that `evaluate` reads again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from negatives.errors import InputError
from negatives.export.trec import TAG, without_white_space
from negatives.store.atomic import prepare_file, writing

Keep = Callable[[pl.DataFrame], None]
"""Takes a ranking of some queries: query_id, doc_id, rank, score."""


def refuse_unkept(path: Path | None) -> None:
    """Raise `InputError`, before anything is ranked, where a folder has the name of the file, or
    none can be written there.
    """
    if path is not None and path.is_dir():
        raise InputError(
            "a ranking is kept in a file, and this is a folder",
            where=str(path),
            fix=f"--save-run {path / 'ranking.run'}",
        )
    if path is not None:
        prepare_file(path)


@contextmanager
def keeping(path: Path | None) -> Iterator[Keep]:
    """What keeps every ranking it is given in one file, whole or not at all; None keeps nothing."""
    if path is None:
        yield lambda ranking: None
        return
    with writing(path) as temporary, temporary.open("wb") as file:

        def keep(ranking: pl.DataFrame) -> None:
            rows = without_white_space(ranking).sort("query_id", "rank")
            rows.select(
                "query_id", pl.lit("Q0").alias("q0"), "doc_id", "rank", "score", tag=pl.lit(TAG)
            ).write_csv(file, separator=" ", include_header=False, quote_style="never")

        yield keep
