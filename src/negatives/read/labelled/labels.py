"""What labels are called: their ids and texts, from a file beside the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.fields import fields_in, typed
from negatives.read.files import ending, first_existing
from negatives.read.findings import Findings
from negatives.read.jsonl import PLACE, Field, JsonLines, first_records
from negatives.read.labelled.sparse import read_lines
from negatives.read.mined.names import plain
from negatives.read.texts import IDS, TEXTS, read_texts, with_titles
from negatives.wording import plural

LABEL_FILES: Final = (
    "labels.jsonl", "labels.ndjson", "labels.json", "labels.parquet", "labels.csv", "labels.tsv",
    "lbl.jsonl", "lbl.json", "label.jsonl", "labels.txt", "label_texts.txt", "label_map.txt",
    "y.txt", "lbl_x.txt",
)  # fmt: skip
"""What the file of the labels may be called."""
_IDS: Final = (*IDS["doc_id"], "uid", "label_id")
_NAMES: Final = ("title", "label", "name")
"""What a label is called in a few words; a text says more of it."""


def read_labels(
    folder: Path, findings: Findings, *, width: int | None, by_id: bool
) -> pl.DataFrame | None:
    """doc_id, text, row, file, line and fields of the labels; None where no file has them."""
    path = first_existing(folder, *LABEL_FILES)
    if path is None:
        return None
    made = _read(path, findings, by_id=by_id)
    if width is not None and len(made) != width:
        raise DataError(
            plural(len(made), "label is", "labels are") + f" listed, and the rows are of {width:,}",
            where=str(path),
            fix="list every label, one a line, in the order of their numbers",
        )
    return made


def _read(path: Path, findings: Findings, *, by_id: bool) -> pl.DataFrame:
    if ending(path) == ".txt":
        texts = read_lines(path, findings)
        rows = pl.int_range(len(texts), dtype=pl.UInt32, eager=True)
        file = findings.file(path)
        return pl.DataFrame({"doc_id": rows.cast(pl.String), "text": texts, "row": rows}).select(
            "doc_id", "text", "row", file=pl.lit(file, pl.UInt32), line=pl.col("row") + 1
        )
    if ending(path) not in (".jsonl", ".ndjson", ".json"):
        return read_texts(path, "doc_id", findings, by_id=by_id)
    first = first_records(path)
    there = {plain(name): name for row in reversed(first) for name in row}
    named = [there[name] for name in _NAMES if name in there]
    texts_in = [there[name] for name in TEXTS["doc_id"] if name in there]
    key = next((there[name] for name in _IDS if name in there), None)
    if not (named or texts_in or by_id):
        raise DataError(
            f"labels have no text: their columns are {', '.join(there)}",
            where=str(path),
            fix="give every label a `text`, or a `label` or `title` that says what it is called",
        )
    fields = fields_in(first) | ({} if key is None else {"doc_id": Field(key, "id")})
    if texts_in or named:
        fields["text"] = Field(
            *((texts_in[0], "text", False) if texts_in else (named[0], "text", True))
        )
    if named and texts_in:
        fields["title"] = Field(named[0], "text", required=False)
    tables = list(JsonLines(path, fields, findings))
    findings.done()
    table = pl.concat(tables) if tables else pl.DataFrame(schema={"doc_id": pl.String, **PLACE})
    if key is None:
        table = table.with_columns(doc_id=pl.col("row").cast(pl.String))
    if "text" in table.columns:
        table = with_titles([table.with_columns(pl.col("text").fill_null(""))], "doc_id")
    return typed(table, findings)
