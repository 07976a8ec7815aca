"""JSON lines whose rows have a text and a list of labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from negatives.errors import DataError
from negatives.read.fields import fields_in, typed
from negatives.read.findings import WRONG_TYPE, Findings
from negatives.read.jsonl import PLACE, Field, JsonLines, first_records
from negatives.read.labelled.made import Rows
from negatives.read.mined.names import plain
from negatives.read.texts import IDS, TEXTS, with_titles

ROW_ENDINGS: Final = (".jsonl", ".ndjson", ".json")
BY_PLACE: Final = "target_ind"
"""A column of labels by their places in the list of labels."""
_LABELS: Final = ("labels", "label_ids", BY_PLACE, "tags")
_IDS: Final = (*IDS["query_id"], "uid", "doc_id")
_OF_PAIRS: Final = frozenset(("query", "question", "anchor", "positive", "document", "passage"))
"""Names of columns that rows of pairs have, and a text with labels has not."""
_LIST: Final = msgspec.json.Decoder(list[str | int])
_PAIRS: Final = {
    "query_id": pl.String, "label": pl.String, "relevance": pl.Int32, "file": pl.UInt32,
    "line": pl.UInt32,
}  # fmt: skip


def has_labels(path: Path, *, known: bool) -> bool:
    """Whether the rows of a file have lists of labels; without a list of them (`known`), rows that
    have a text as well, and nothing that makes them pairs.
    """
    try:
        first = first_records(path)
    except DataError:
        return False
    names = {plain(name) for row in first for name in row}
    column = _label_column(first)
    lists = {name for row in first for name, value in row.items() if isinstance(value, list)}
    listed = column in lists and lists <= {column, "target_rel"}
    text = any(name in names for name in (*TEXTS["query_id"], "title"))
    return listed and (known or (text and not names & _OF_PAIRS))


def _label_column(rows: list[dict[str, Any]]) -> str:
    there = {plain(name): name for row in reversed(rows) for name in row}
    return next((there[name] for name in _LABELS if name in there), "")


def read_rows(path: Path, split: str, findings: Findings) -> Rows:
    """The rows of a file; one whose labels are no list of ids is reported.

    A row without an id is called by its split and its number.
    """
    first = first_records(path)
    there = {plain(name): name for row in reversed(first) for name in row}
    column = _label_column(first)
    key = next((there[name] for name in _IDS if name in there), None)
    text = next((there[name] for name in TEXTS["query_id"] if name in there), None)
    title = there.get("title")
    if text is None and title is None:
        raise DataError(
            f"the rows have labels and no text: their columns are {', '.join(there)}",
            where=str(path),
            fix="give every row a `text`; what has features and no texts is read by its ids alone "
            "where ids: stands before its name, in the sparse text format",
        )
    fields = fields_in(first) | {"text": Field(text or str(title), "text")}
    if text is not None and title is not None:
        fields["title"] = Field(title, "text", required=False)
    if key is not None:
        fields["query_id"] = Field(key, "id")
    fields["labels"] = Field(column, "any", required=False)
    tables, pairs = [], [pl.DataFrame(schema=_PAIRS)]
    for block in JsonLines(path, fields, findings):
        if key is None:
            block = block.with_columns(query_id=f"{split}-" + pl.col("row").cast(pl.String))
        sound, labels = _labels(block, findings)
        pairs.append(labels)
        tables.append(sound)
        findings.enough()
    findings.done()
    schema = {"query_id": pl.String, "text": pl.String, **PLACE}
    queries = with_titles(tables or [pl.DataFrame(schema=schema)], "query_id")
    numbered = plain(column) == BY_PLACE
    return Rows(path, typed(queries, findings), pl.concat(pairs), numbered=numbered)


def _labels(block: pl.DataFrame, findings: Findings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows whose labels can be read, without these, and their pairs."""
    lists: list[list[str] | None] = []
    for row, said in enumerate(block["labels"].to_list()):
        try:
            lists.append([str(each) for each in _LIST.decode(said or "[]")])
        except msgspec.MsgspecError:
            lists.append(None)
            reason = f"labels must be a list of ids (texts or whole numbers), and are {said[:60]}"
            findings.add(WRONG_TYPE, block["file"][row], block["line"][row], reason, said)
    found = block.with_columns(labels=pl.Series(lists, dtype=pl.List(pl.String)))
    found = found.filter(pl.col("labels").is_not_null())
    pairs = (
        found.select("query_id", "file", "line", label="labels")
        .explode("label")
        .drop_nulls("label")
        .with_columns(relevance=pl.lit(1, pl.Int32))
    )
    return found.drop("labels"), pairs.select(
        pl.col(name).cast(kind) for name, kind in _PAIRS.items()
    )
