"""Triples of PyKEEN: factories and datasets that are handed over, or were saved to a folder.

`TriplesFactory.to_path_binary` writes numbers (numeric_triples.tsv.gz) and what they stand for
(entity_to_id.tsv.gz, relation_to_id.tsv.gz); a dataset has such a folder for each split. Beside
them lie pickles of torch, which are never opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.errors import DataError
from negatives.read.files import first_existing
from negatives.read.findings import DANGLING, Findings
from negatives.read.table import read_table
from negatives.read.triple_files import PARTS, read_triples

NUMBERED: Final = "numeric_triples.tsv"
_LABELS: Final = {"entity": "entity_to_id.tsv", "relation": "relation_to_id.tsv"}
SPLITS: Final = {"training": "train", "validation": "valid", "testing": "test"}
"""PyKEEN's names of the splits, and what they are called here."""


def folders(path: Path) -> dict[str, Path]:
    """The folder of each split of a saved dataset, or of a saved factory; empty: it is neither."""
    if first_existing(path, NUMBERED) is not None:
        return {"train": path}
    found = {name: path / theirs for theirs, name in SPLITS.items()}
    return {
        name: each
        for name, each in found.items()
        if each.is_dir() and first_existing(each, NUMBERED) is not None
    }


def read_numbered(folder: Path, findings: Findings) -> pl.DataFrame:
    """The triples in a folder, as `read_triples` gives them, by the labels of their numbers."""
    path = first_existing(folder, NUMBERED)
    if path is None:
        raise DataError(f"there is no {NUMBERED}.gz", where=str(folder))
    rows = read_triples(path, findings)
    for part in PARTS:
        labels = _labels(folder, _LABELS["relation" if part == "relation" else "entity"])
        if labels is None:
            continue
        found = rows.select(id=part).join(labels, on="id", how="left", maintain_order="left")
        missing = found["label"].is_null()
        for row in rows.filter(missing).head(5).iter_rows(named=True):
            reason = f"{part} {row[part]} has no label"
            findings.add(DANGLING, row["file"], row["line"], reason, row[part])
        rows = rows.with_columns(found["label"].alias(part)).filter(~missing)
    return rows


def _labels(folder: Path, name: str) -> pl.DataFrame | None:
    path = first_existing(folder, name)
    if path is None:
        return None
    table = read_table(path)
    if not {"id", "label"} <= {*table.columns}:
        raise DataError("no columns id and label", where=str(path), fix="save the factory again")
    return table.select("id", "label").unique("id", keep="first")


def factories(data: Any) -> dict[str, Any]:
    """The factories by split of a factory, or a dataset, of PyKEEN; empty: it is neither."""
    classes = {each.__name__ for each in type(data).__mro__ if _is_theirs(each)}
    if "CoreTriplesFactory" in classes:
        return {"train": data}
    if "Dataset" not in classes:
        return {}
    found = {name: getattr(data, theirs, None) for theirs, name in SPLITS.items()}
    return {name: factory for name, factory in found.items() if factory is not None}


def _is_theirs(kind: type) -> bool:
    return kind.__module__.split(".")[0] == "pykeen"


def of_factory(factory: Any, name: str, findings: Findings) -> pl.DataFrame:
    """The triples of a factory, by the labels of their numbers, or by these where it has none."""
    numbers = factory.mapped_triples.numpy()
    columns: dict[str, pl.Series] = {}
    for at, part in enumerate(PARTS):
        labelled = getattr(
            factory, f"{'relation' if part == 'relation' else 'entity'}_id_to_label", None
        )
        values = pl.Series(numbers[:, at])
        if labelled:
            values = values.replace_strict(
                [*labelled], [str(each) for each in labelled.values()], return_dtype=pl.String
            )
        columns[part] = values.cast(pl.String)
    file = findings.file(name, "row")
    made = pl.DataFrame(columns).with_row_index("line", 1)
    return made.select(
        *PARTS,
        pl.lit(True).alias("true"),
        pl.lit(file, dtype=pl.UInt32).alias("file"),
        pl.col("line").cast(pl.UInt32),
    )
