"""One side of a collection, documents or queries, from a file of any type or from a table.

| column | names, in upper or lower case, with `_`, `-` or a space                               |
|--------|---------------------------------------------------------------------------------------|
| id     | _id, id, docid, docno; doc_id, corpus_id, document_id, passage_id, pid of documents;    |
|        | query_id, qid, topic_id of queries                                                    |
| text   | text, contents, content, body; passage, document of documents; query, question of      |
|        | queries                                                                               |
| title  | title: it goes before the text, and is a field as well                                 |

Files are JSON lines, a JSON array of objects, one JSON object of id -> text, Parquet, CSV and TSV
(without a header where they have two columns, ids and texts, as MS MARCO's). A table without ids
gets some from the texts, as a file of pairs does, where it is named beside one.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.errors import DataError
from negatives.read import delimited
from negatives.read.fields import fields_in, fields_of, is_known, typed
from negatives.read.files import ending
from negatives.read.findings import MISSING, Findings
from negatives.read.frames import parquet_schema, typed_blocks, typed_frames
from negatives.read.jsonl import PLACE, Field, JsonLines, first_records
from negatives.read.mappings import is_mapping, mapping_in, texts_of_mapping
from negatives.read.mined.headers import names_ids
from negatives.read.mined.json_rows import json_blocks
from negatives.read.mined.names import plain

TEXT: Final[dict[str, Any]] = {"text": pl.String} | PLACE
ENDINGS: Final = (".jsonl", ".parquet", ".ndjson", ".json", ".csv", ".tsv")
"""Files of documents and of queries."""

_ID: Final = ("_id", "id", "docid", "docno")
IDS: Final[Mapping[str, tuple[str, ...]]] = {
    "doc_id": (*_ID, "doc_id", "corpus_id", "document_id", "passage_id", "pid"),
    "query_id": ("_id", "id", "query_id", "qid", "queryid", "topic_id", "docid", "docno"),
}
_TEXT: Final = ("text", "contents", "body", "content")
TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "doc_id": (*_TEXT, "passage", "passage_text", "document"),
    "query_id": (*_TEXT, "query", "question", "query_text"),
}
TITLE: Final = "title"


def read_texts(
    path: Path, key: str, findings: Findings, *, by_id: bool = False, made: bool = False
) -> pl.DataFrame:
    """`key`, text, row, file, line of a file of documents or queries.

    And its fields; of JSON lines there is no text where the first lines have nothing but ids and
    fields, or, with `by_id`, where they have none. `made`: rows without ids get some from the text.
    """
    if is_mapping(path):
        return texts_of_mapping(mapping_in(path), key, str(path), findings)
    rows = first_rows(path)
    columns = columns_of(path)
    more = fields_in(rows) if rows else fields_of(columns)
    fields = text_fields(columns, key, made=made) | more
    own = fields[key].name if key in fields else ""
    bare = not any(_named(columns, (*TEXTS[key], TITLE))) and (
        by_id or all(is_known(name) or name == own for name in columns)
    )
    if rows and bare:
        fields["text"] = Field("text", "text", required=False)
        fields.pop("title", None)
    table = with_titles(_blocks(path, fields, findings), key)
    if rows and bare:
        for row in table.filter(pl.col("text").is_not_null()).iter_rows(named=True):
            reason = "a text is here, and none in the first lines"
            findings.add(MISSING, row["file"], row["line"], reason, {key: row[key]})
        table = table.drop("text")
    findings.done()
    return typed(table, findings, spelled=ending(path) in (".csv", ".tsv"))


def text_fields(columns: Names[str], key: str, *, made: bool = False) -> dict[str, Field]:
    """The columns of documents or queries, by the names they may have.

    `made`: where no column has ids, none is asked for, and `with_titles` makes them.
    """
    name = next(_named(columns, IDS[key]), "")
    text = next(_named(columns, TEXTS[key]), "text")
    title = next(_named(columns, (TITLE,)), TITLE)
    fields = {key: Field(name or "_id", "id")} if name or not made else {}
    return fields | {"text": Field(text, "text"), "title": Field(title, "text", required=False)}


def with_titles(blocks: Iterable[pl.DataFrame], key: str) -> pl.DataFrame:
    """`key`, text, row, file, line and the rest: the title, if there is one, before the text.

    Where any row has a title they are a field too, null in the others.
    """
    tables = [_with_titles(block, key) for block in blocks]
    # the blocks stay the chunks of one table: joining them would hold the file's text twice
    empty = pl.DataFrame(schema={key: pl.String} | TEXT)
    table = pl.concat(tables, rechunk=False) if tables else empty
    untitled = TITLE in table.columns and table[TITLE].null_count() == len(table)
    return table.drop(TITLE) if untitled else table


def _with_titles(table: pl.DataFrame, key: str) -> pl.DataFrame:
    text, titles = pl.col("text"), []
    if TITLE in table.columns:
        title = pl.col(TITLE).fill_null("").str.strip_chars()
        text = pl.when(title == "").then(text).otherwise(title + " " + text)
        titles = [pl.when(title != "").then(title).alias(TITLE)]
    table = table.with_columns(text.str.strip_chars().alias("text"), *titles)
    if key not in table.columns:
        prefix = "d-" if key == "doc_id" else "q-"
        table = table.with_columns(made_ids(prefix, table["text"]).alias(key))
        table = table.unique(key, keep="first", maintain_order=True)
    return table.select(key, "text", *PLACE, pl.exclude(key, "text", *PLACE))


def made_ids(prefix: str, texts: pl.Series) -> pl.Series:
    """An id for each text: the prefix and 16 hexadecimal digits of its hash."""
    hashes = [blake2b(text.encode(), digest_size=8).digest() for text in texts.to_list()]
    return prefix + pl.Series(hashes, dtype=pl.Binary).bin.encode("hex")


def columns_of(path: Path) -> list[str]:
    """The columns of a file of documents or queries: those of its first records."""
    if ending(path) == ".parquet":
        return [*parquet_schema(path)]
    if ending(path) in (".csv", ".tsv"):
        return _header(path)[0]
    return [*dict.fromkeys(name for row in first_rows(path) for name in row)]


def holds_texts(columns: Names[str], key: str) -> bool:
    """Whether columns are those of documents, or of queries, by themselves: no pairs."""
    asked = () if key == "query_id" else ("query", "anchor", "question", "query_id", "qid")
    return any(_named(columns, TEXTS[key])) and not any(_named(columns, asked))


def is_header(names: Names[str], key: str) -> bool:
    """Whether names are those of an id and of a text or a title."""
    return any(_named(names, IDS[key])) and any(_named(names, (*TEXTS[key], TITLE)))


def first_rows(path: Path) -> list[dict[str, Any]]:
    """The first records of a JSON file; none of others."""
    if ending(path) in (".parquet", ".csv", ".tsv"):
        return []
    return first_records(path, json_blocks(path) if ending(path) == ".json" else None)


def _named(columns: Names[str], names: tuple[str, ...]) -> Iterator[str]:
    """The columns that have one of the names, the first name first."""
    there = {plain(column): column for column in reversed([*columns])}
    exact = {*columns}
    return (name if name in exact else there[name] for name in names if name in there)


def _blocks(path: Path, fields: Mapping[str, Field], findings: Findings) -> Iterator[pl.DataFrame]:
    match ending(path):
        case ".parquet":
            return typed_frames(path, fields, findings)
        case ".csv" | ".tsv":
            return _delimited(path, fields, findings)
        case ".json":
            return iter(JsonLines(path, fields, findings, json_blocks(path)))
        case _:
            return iter(JsonLines(path, fields, findings))


def _delimited(
    path: Path, fields: Mapping[str, Field], findings: Findings
) -> Iterator[pl.DataFrame]:
    names, has_line = _header(path)
    if not has_line:
        findings.note(f"no header: read as ids and texts ({path.name})", "", 1)
    rows = delimited.records(path, delimited.separator(path), findings)
    file = findings.file(path)

    def placed() -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        for table, row, line in delimited.chunks(
            path, names, islice(rows, int(has_line), None), findings
        ):
            place = pl.DataFrame({"row": row - 1, "line": line})
            yield table, place.with_columns(file=pl.lit(file, dtype=pl.UInt32)).select(*PLACE)

    return typed_blocks(placed(), names, fields, str(path), findings)


def _header(path: Path) -> tuple[list[str], bool]:
    """The columns of a CSV or TSV file, and whether its first line names them."""
    apart = delimited.separator(path)
    rows = delimited.records(path, apart, Findings(set_aside=True))
    head = [row for _, row in islice(rows, 50)]
    first = [name.strip() for name in head[0]] if head else []
    known = (*IDS["doc_id"], *IDS["query_id"], *TEXTS["doc_id"], *TEXTS["query_id"], TITLE)
    if any(_named(first, known)) or not head:
        return _each_once(first, path), True
    if all(len(row) == 2 for row in head):
        first_ids, second_ids = (names_ids([row[at] for row in head]) for at in (0, 1))
        if first_ids and not second_ids:  # two columns of ids are pairs
            return ["_id", "text"], False
    raise DataError(
        f"the first line names no column of texts: {[name[:40] for name in first[:8]]}",
        where=f"{path}, line 1",
        fix="let the first line name the columns, such as id, title and text",
    )


def _each_once(names: list[str], path: Path) -> list[str]:
    """The names of columns, an index without one among them; `DataError` where one comes twice."""
    again = next((name for name in names if names.count(name) > 1), None)
    if again is not None:
        raise DataError(
            f"two columns are called {again!r}",
            where=f"{path}, line 1",
            fix="let the first line name the columns, each once",
        )
    return names
