"""A BEIR folder: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv; each may be packed (.gz, .bz2, .xz).

Each may be a Parquet file of the same columns instead: corpus.parquet and queries.parquet (`_id`,
`text`, perhaps `title`), qrels/SPLIT.parquet (`query-id`, `corpus-id`, `score`).

The text of a document is its title, a space and its text, stripped. Rows of nothing but ids and
fields (`fields.py`) are read as such: what they are of goes by its id. A folder with several splits
usually keeps the queries of all of them in one file: those judged only in other splits are left
out. `given/SPLIT.tsv` (query-id, corpus-id) is this library's own addition: negatives that came
with the data, so that converting a collection loses nothing.
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.errors import DataError
from negatives.read.address import Address, holds
from negatives.read.delimited import records
from negatives.read.fields import fields_in, is_known, typed
from negatives.read.files import ending, first_existing, matching, stem
from negatives.read.findings import MISSING, RAGGED, Findings
from negatives.read.frames import parquet_schema, typed_frames
from negatives.read.gathered import NO_GIVEN, Tables, gather
from negatives.read.jsonl import PLACE, Field, JsonLines, first_records
from negatives.read.qrels import read_beir_qrels
from negatives.schema import Collection

TEXT_NAMES: Final = ("text", "contents", "body")
TEXT_FILES: Final = (".jsonl", ".parquet")
"""Files of documents and of queries."""

QRELS_FILES: Final = (".tsv", ".parquet")
"""Files of judgements."""

TEXT: Final[dict[str, Any]] = {"text": pl.String} | PLACE


def splits(address: Address) -> list[str]:
    """The splits that have a qrels file, in name order."""
    found = matching(address.path / "qrels", *(f"*{end}" for end in QRELS_FILES))
    return sorted({stem(path) for path in found})


def read(address: Address, split: str, findings: Findings) -> Collection:
    """The collection of one split."""
    folder = address.path
    corpus = _side(address, "corpus", "doc_id", findings)
    queries = _side(address, "queries", "query_id", findings)
    qrels = read_beir_qrels(_needed(folder / "qrels", split, QRELS_FILES), findings)
    findings.done()
    tables = Tables(
        corpus=corpus,
        queries=queries,
        qrels=qrels,
        given=_given(folder / "given", split, findings),
        elsewhere=_judged_elsewhere(folder / "qrels", splits(address), split),
        identity="id" if address.by_id else None,
    )
    return gather(address.name, split, tables, findings)


def read_texts(path: Path, key: str, findings: Findings, *, by_id: bool = False) -> pl.DataFrame:
    """`key`, text, row, file, line of a JSONL or Parquet file of documents or queries.

    Of JSONL the fields too; there is no text where the first lines have nothing but ids and fields,
    or, with `by_id`, where they have none.
    """
    rows = [] if ending(path) == ".parquet" else first_records(path)
    fields = text_fields(columns_of(path), key) | fields_in(rows)
    names = {name for row in rows for name in row}
    bare = not names & {*TEXT_NAMES, "title"} and (
        by_id or all(is_known(name) or name == fields[key].name for name in names)
    )
    if rows and bare:
        fields["text"] = Field("text", "text", required=False)
        fields.pop("title", None)
    blocks = typed_frames if ending(path) == ".parquet" else JsonLines
    tables = [with_titles(block, key) for block in blocks(path, fields, findings)]
    # the blocks stay the chunks of one table: joining them would hold the file's text twice
    empty = pl.DataFrame(schema={key: pl.String} | TEXT)
    table = pl.concat(tables, rechunk=False) if tables else empty
    if rows and bare:
        for row in table.filter(pl.col("text").is_not_null()).iter_rows(named=True):
            reason = "a text is here, and none in the first lines"
            findings.add(MISSING, row["file"], row["line"], reason, {key: row[key]})
        table = table.drop("text")
    findings.done()
    return typed(table, findings)


def _side(address: Address, name: str, key: str, findings: Findings) -> pl.DataFrame:
    """The documents, or the queries; with `ids:` and without their file, those that are judged."""
    path = one_of(address.path, name, TEXT_FILES)
    if path is None and address.by_id:
        folder = address.path / "qrels"
        files = matching(folder, *(f"*{end}" for end in QRELS_FILES))
        named = pl.concat([read_beir_qrels(each, findings) for each in files])
        first = named.unique(key, keep="first", maintain_order=True)
        return first.with_row_index("row").select(key, *PLACE)
    needed = _needed(address.path, name, TEXT_FILES)
    return read_texts(needed, key, findings, by_id=address.by_id)


def columns_of(path: Path) -> Container[str]:
    """The columns of a file of documents or queries: of its first record where it has no others."""
    if ending(path) == ".parquet":
        return parquet_schema(path)
    return next(iter(first_records(path)), {})


def text_fields(columns: Container[str], key: str) -> dict[str, Field]:
    """The columns of documents or queries, by the names they may have."""
    return {
        key: Field(_named(columns, "_id", "id", key, "docid", "docno", "qid"), "id"),
        "text": Field(_named(columns, *TEXT_NAMES), "text"),
        "title": Field("title", "text", required=False),
    }


def with_titles(table: pl.DataFrame, key: str) -> pl.DataFrame:
    """`key`, text, row, file, line and the rest: the title, if there is one, before the text."""
    text = pl.col("text")
    if "title" in table.columns:
        title = pl.col("title").fill_null("").str.strip_chars()
        text = pl.when(title == "").then(text).otherwise(title + " " + text)
    rest = pl.exclude(key, "text", "title", *PLACE)
    return table.select(key, text.str.strip_chars().alias("text"), *PLACE, rest)


def _named(columns: Container[str], *names: str) -> str:
    return next((name for name in names if name in columns), names[0])


def one_of(folder: Path, name: str, endings: tuple[str, str]) -> Path | None:
    """The file of that name in a folder, in one of two formats; `DataError` where it is in both."""
    first, other = (first_existing(folder, f"{name}{end}") for end in endings)
    if first and other:
        raise DataError(
            f"the folder has {first.name} and {other.name}: which is meant is not known",
            where=str(folder),
            fix="keep the one that is meant",
        )
    return first or other


def _needed(folder: Path, name: str, endings: tuple[str, str]) -> Path:
    path = one_of(folder, name, endings)
    if path is None:
        raise DataError(
            f"the folder has no {name}{endings[0]}",
            where=f"{folder} (it holds {holds(folder)})",
            fix="a BEIR folder holds corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, each also "
            "packed (.gz, .bz2, .xz) or as .parquet",
        )
    return path


def _judged_elsewhere(folder: Path, names: list[str], split: str) -> pl.Series:
    """Ids of the queries that other splits judge; faults there are not this split's concern."""
    ids = [pl.Series(dtype=pl.String)]
    for name in names:
        path = one_of(folder, name, QRELS_FILES)
        if name != split and path is not None:
            ids.append(read_beir_qrels(path, Findings(set_aside=True))["query_id"].unique())
    return pl.concat(ids)


def _given(folder: Path, split: str, findings: Findings) -> pl.DataFrame:
    path = first_existing(folder, f"{split}.tsv")
    kept = []
    if path is not None:
        file = findings.file(path)
        rows = records(path, "\t", findings)
        next(rows, None)
        for line, row in rows:
            if len(row) == 2:
                kept.append((*row, file, line))
            else:
                findings.add(RAGGED, file, line, f"expected 2 columns, found {len(row)}", row)
        findings.done()
    return pl.DataFrame(kept, schema=NO_GIVEN, orient="row")
