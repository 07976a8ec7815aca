"""What items are called, where everything goes by ids: a file of ids and names, for people to read.

A name becomes the field `title`. It is no text: nothing compares items by it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read import delimited
from negatives.read.files import ending
from negatives.read.findings import Findings
from negatives.read.frames import parquet_schema
from negatives.read.jsonl import Field, JsonLines, first_records
from negatives.read.mined.names import ITEMS, USERS, plain
from negatives.read.texts import IDS, TITLE
from negatives.schema import Collection

_NAMES: Final = (TITLE, "name", "item_name", "movie_title", "artist", "artist_name", "label")
_IDS: Final = (*ITEMS, *IDS["doc_id"])
_ENDINGS: Final = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def holds_names(path: Path) -> bool:
    """Whether a file has a column of items' ids and one of their names, and none of users."""
    return _columns_of_names(path) is not None


def with_names(collection: Collection, path: Path, findings: Findings) -> Collection:
    """The collection with the field `title`, null of what the file does not name."""
    found = _columns_of_names(path)
    if found is None:
        raise DataError(
            "the file has no columns of ids and of names",
            where=str(path),
            fix="call them item_id and title",
        )
    names = _read(path, *found, findings).unique("doc_id", keep="first", maintain_order=True)
    corpus = collection.corpus.join(names, on="doc_id", how="left", maintain_order="left")
    without = corpus[TITLE].null_count()
    if without == len(corpus):
        raise DataError(
            f"none of the {len(corpus):,} items is named, such as {corpus['doc_id'][0]!r}",
            where=str(path),
            fix="give names by the ids that the items have",
        )
    findings.note(
        "{n} item has no name: its id is shown",
        "{n} items have no name: their ids are shown",
        without,
    )
    more = [note for note in findings.notes if note not in collection.notes]
    return replace(collection, corpus=corpus, notes=(*collection.notes, *more))


def _columns_of_names(path: Path) -> tuple[str, str] | None:
    if ending(path) not in _ENDINGS or not path.is_file():
        return None
    try:
        columns = _columns(path)
    except DataError:
        return None
    there = {plain(name): name for name in reversed(columns)}
    key = next((there[name] for name in _IDS if name in there), None)
    name = next((there[name] for name in _NAMES if name in there), None)
    asks = (*USERS, "query", "query_id", "question", "anchor")
    if key is None or name is None or any(each in there for each in asks):
        return None
    return key, name


def _columns(path: Path) -> list[str]:
    if ending(path) == ".parquet":
        return [*parquet_schema(path)]
    if ending(path) in (".csv", ".tsv"):
        rows = delimited.records(path, delimited.separator(path), Findings(set_aside=True))
        return [name.strip() for name in next(rows, (0, []))[1]]
    return [*dict.fromkeys(name for row in first_records(path) for name in row)]


def _read(path: Path, key: str, name: str, findings: Findings) -> pl.DataFrame:
    """doc_id and title of each row that has both."""
    if ending(path) == ".parquet":
        table = pl.read_parquet(path, columns=[key, name], glob=False)
    elif ending(path) in (".csv", ".tsv"):
        rows = delimited.records(path, delimited.separator(path), findings)
        at = _columns(path)
        places = at.index(key), at.index(name)
        next(rows)
        whole = [row for _, row in rows if len(row) == len(at)]
        table = pl.DataFrame(
            {key: [row[places[0]] for row in whole], name: [row[places[1]] for row in whole]}
        )
    else:
        fields = {key: Field(key, "id"), name: Field(name, "text", required=False)}
        parts = list(JsonLines(path, fields, findings))
        table = pl.concat(parts) if parts else pl.DataFrame({key: [], name: []})
    findings.done()
    said = pl.col(name).cast(pl.String).str.strip_chars()
    made = table.select(pl.col(key).cast(pl.String).str.strip_chars().alias("doc_id"),
                        pl.when(said != "").then(said).alias(TITLE))  # fmt: skip
    return made.drop_nulls()
