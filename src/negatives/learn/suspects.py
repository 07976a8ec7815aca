"""Examples that training itself found odd, by their losses: written down, for a person to see."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from negatives.batch.batcher import Weighing
from negatives.learn.training_set import TrainingSet
from negatives.schema import Columns
from negatives.store.atomic import writing

SUSPECTS: Final = "suspects.parquet"
_COLUMNS: Final[Columns] = {"query": pl.UInt32, "doc": pl.UInt32, "why": pl.String}


def write_suspects(weighing: Weighing | None, found: TrainingSet, folder: Path) -> dict[str, int]:
    """Write query_id, doc_id and why of the examples that a weighing found odd; how many, by why.

    No file is written where the weighing looks for none.
    """
    odd = {} if weighing is None else weighing.suspects()
    if not odd:
        return {}
    rows = [
        pl.DataFrame({"query": pairs[:, 0], "doc": pairs[:, 1]}).with_columns(why=pl.lit(why))
        for why, examples in odd.items()
        for pairs in [found.positives[examples].astype("uint32")]
    ]
    table = found.collection.ids_of(pl.concat([pl.DataFrame(schema=_COLUMNS), *rows]))
    with writing(folder / SUSPECTS) as temporary:
        table.write_parquet(temporary)
    return {why: len(examples) for why, examples in odd.items()}
