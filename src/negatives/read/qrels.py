"""Judgements from a file: BEIR's three columns with a header, or TREC's four without.

BEIR: tab-separated `query-id corpus-id score`, quoted where an id holds a tab. TREC: `query
iteration document relevance`, separated by ASCII white space, as for trec_eval. Each reader is told
which of the two to expect, but for a file in a BEIR folder, where four columns without a header
are TREC's. What is a grade: `grades.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Final

import polars as pl

from negatives.read.delimited import CHUNK, records
from negatives.read.files import ending
from negatives.read.findings import BAD_SCORE, MISSING_ID, RAGGED, Findings
from negatives.read.frames import from_frames, parquet_frames, parquet_schema, with_whole_relevance
from negatives.read.grades import is_number, whole
from negatives.read.jsonl import Field, JsonLines, Kind, first_records
from negatives.read.white_space import fields, tables

BEIR: Final = ("query-id", "corpus-id", "score")
QUERY_NAMES: Final = ("query-id", "query_id", "qid", "query", "topic_id", "topic")
DOC_NAMES: Final = (
    *("corpus-id", "corpus_id", "doc-id", "doc_id", "docid", "did", "doc"),
    *("docno", "pid", "passage_id", "document_id", "document"),
)
SCORE_NAMES: Final = ("score", "relevance", "label", "rel", "grade", "judgment", "judgement")

PAIR_PLACE: Final = {"file": pl.UInt32, "line": pl.UInt32}
SCHEMA: Final = {"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32} | PAIR_PLACE
EMPTY: Final = pl.DataFrame(schema=SCHEMA)
TREC_QRELS: Final = ("query", "iteration", "document", "relevance")

Row = tuple[int, list[str]]


def read_qrels(path: Path, findings: Findings) -> pl.DataFrame:
    """query_id, doc_id, relevance, file, line of judgements in any format."""
    match ending(path):
        case ".parquet":
            there = [*parquet_schema(path)]
            return typed_qrels(parquet_frames(path, there), there, str(path), findings)
        case ".jsonl" | ".ndjson" | ".json":
            rows = first_records(path)
            columns = [*dict.fromkeys(name for row in rows for name in row)]
            fields = _fields_in(columns)
            return _graded(JsonLines(path, fields, findings), findings)
        case _:
            return read_beir_qrels(path, findings)


def read_beir_qrels(path: Path, findings: Findings) -> pl.DataFrame:
    """query_id, doc_id, relevance, file, line of a TSV or CSV with a header or without."""
    rows = records(path, "," if ending(path) == ".csv" else "\t", findings)
    first = list(islice(rows, 1))
    if not first:
        return EMPTY
    line, head = first[0]
    if len(head) == 1 and len(fields(head[0])) == 4:
        return read_trec_qrels(path, findings)
    if len(head) == 4 and _is_trec(head):
        return _table(path, chain(first, rows), (0, 2, 3), 4, findings)
    if len(head) == 3 and is_number(head[2]):
        return _table(path, chain(first, rows), (0, 1, 2), 3, findings)
    found = named(head)
    if None not in found:
        query, doc, score = (at for at in found if at is not None)
        return _table(path, rows, (query, doc, score), len(head), findings)
    if len(head) == 3 and found != [None, None, None]:
        return _table(path, rows, (0, 1, 2), 3, findings)
    reason = f"expected query-id, corpus-id, score; found {len(head)} columns: {head}"
    findings.add(RAGGED, findings.file(path), line, reason, head)
    return _table(path, rows, (0, 1, 2), 3, findings)


def typed_qrels(
    frames: Iterable[pl.DataFrame], there: Sequence[str], where: str, findings: Findings
) -> pl.DataFrame:
    """query_id, doc_id, relevance, file, line of tables whose columns `there` have types."""
    return _graded(from_frames(frames, there, _fields_in(there), where, findings), findings)


def _fields_in(there: Sequence[str]) -> dict[str, Field]:
    """The columns of judgements, by the names they may have."""
    kinds: dict[str, Kind] = {"query_id": "id", "doc_id": "id", "relevance": "number"}
    return {
        key: Field(own if at is None else there[at], kind)
        for (key, kind), at, own in zip(kinds.items(), named(there), BEIR, strict=True)
    }


def _graded(blocks: Iterable[pl.DataFrame], findings: Findings) -> pl.DataFrame:
    """Typed blocks as judgements; relevance that is no whole number is reported."""
    whole = [with_whole_relevance(block, findings) for block in blocks]
    findings.done()
    judged = (
        block.select(pl.col(key).cast(kind) for key, kind in SCHEMA.items()) for block in whole
    )
    return pl.concat([EMPTY, *judged])


def named(columns: Sequence[str]) -> list[int | None]:
    """Where the query's, the document's and the grade's column are, by the names they may have."""
    names = [name.strip().lower() for name in columns]
    return [
        next((names.index(name) for name in known if name in names), None)
        for known in (QUERY_NAMES, DOC_NAMES, SCORE_NAMES)
    ]


def read_trec_qrels(path: Path, findings: Findings) -> pl.DataFrame:
    """query_id, doc_id, relevance, file, line of a four-column file without a header."""
    rows = tables(path, TREC_QRELS, findings)
    return pl.concat([EMPTY, *(_judgements(table, findings) for table in rows)])


def _is_trec(row: list[str]) -> bool:
    return is_number(row[3]) and row[1] in ("0", "Q0", "q0")


def _table(
    path: Path, rows: Iterator[Row], places: tuple[int, int, int], width: int, findings: Findings
) -> pl.DataFrame:
    """Rows as a table, a chunk at a time; offenders are reported."""
    file = findings.file(path)
    made = [EMPTY]
    while chunk := list(islice(rows, CHUNK)):
        for line, row in chunk:
            if len(row) != width:
                reason = f"expected {width} columns, found {len(row)}: {row}"
                findings.add(RAGGED, file, line, reason, row)
        kept = [(line, row) for line, row in chunk if len(row) == width]
        columns = {
            name: [row[place] for _, row in kept]
            for name, place in zip(("query", "document", "relevance"), places, strict=True)
        }
        table = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
        line_of = pl.Series("line", [line for line, _ in kept], dtype=pl.UInt32)
        table = table.with_columns(line_of, file=pl.lit(file, dtype=pl.UInt32))
        made.append(_judgements(table, findings))
        findings.enough()
    return pl.concat(made)


def _judgements(rows: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """Rows of `query`, `document`, `relevance` (texts), file, line as judgements; faults told."""
    grade = whole(rows["relevance"])
    empty = (rows["query"] == "") | (rows["document"] == "")
    ungraded = grade.is_null() & ~empty
    for row in rows.filter(empty).iter_rows(named=True):
        raw = [row[name] for name in ("query", "document", "relevance")]
        findings.add(MISSING_ID, row["file"], row["line"], f"an id is empty: {raw}", raw)
    for row in rows.filter(ungraded).iter_rows(named=True):
        raw = [row[name] for name in ("query", "document", "relevance")]
        reason = f"relevance is {row['relevance']!r}"
        findings.add(BAD_SCORE, row["file"], row["line"], reason, raw)
    return rows.select(
        query_id="query", doc_id="document", relevance=grade, file="file", line="line"
    ).filter(~(empty | ungraded))
