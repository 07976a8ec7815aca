"""Tables of the library `datasets`, saved or loaded by it, as polars tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.optional import require
from negatives.read.class_labels import graded
from negatives.read.frames import ROWS, with_lists

SAVED: Final = ("dataset_info.json", "dataset_dict.json")


def is_saved(folder: Path) -> bool:
    """Whether `save_to_disk` of datasets wrote a folder."""
    return any((folder / name).is_file() for name in SAVED)


@contextmanager
def library() -> Iterator[Any]:
    """The library, without its progress bars."""
    datasets = require("datasets", extra="hub")
    bars = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield datasets
    finally:
        if not bars:
            datasets.enable_progress_bars()


def saved(datasets: Any, folder: Path) -> dict[str, Any]:
    """The datasets in a folder that `save_to_disk` wrote, by their splits."""
    loaded = datasets.load_from_disk(str(folder))
    return dict(loaded) if isinstance(loaded, dict) else {"train": loaded}


def tables(dataset: Any, where: str) -> Iterator[pl.DataFrame]:
    """An empty table with the columns of a dataset, then its rows."""
    features = dataset.features.to_dict()
    yield graded(_frame(dataset.features.arrow_schema.empty_table()), features, where)
    for batch in dataset.with_format("arrow").iter(batch_size=ROWS):
        yield graded(_frame(batch), features, where)


def _frame(table: Any) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    return with_lists(frame if isinstance(frame, pl.DataFrame) else frame.to_frame())
