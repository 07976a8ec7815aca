"""Judgements from a file: BEIR's three columns with a header, or TREC's four without.

BEIR: tab-separated `query-id corpus-id score`, quoted where an id holds a tab. TREC: `query
iteration document relevance`, separated by any white space. Each reader is told which of the two
to expect, but for a file in a BEIR folder, where four columns without a header are TREC's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Final

import polars as pl

from negatives.read.delimited import CHUNK, records
from negatives.read.files import Lines
from negatives.read.findings import BAD_SCORE, MISSING, RAGGED, Findings

QUERY_NAMES: Final = ("query-id", "query_id", "qid", "query")
DOC_NAMES: Final = ("corpus-id", "corpus_id", "doc-id", "doc_id", "docid", "did", "doc")
SCORE_NAMES: Final = ("score", "relevance", "label", "rel")

WHOLE: Final = re.compile(r"[+-]?[0-9]{1,10}")
PAIR_PLACE: Final = {"file": pl.UInt32, "line": pl.UInt32}
SCHEMA: Final = {"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32} | PAIR_PLACE

Row = tuple[int, list[str]]


def read_beir_qrels(path: Path, findings: Findings) -> pl.DataFrame:
    """query_id, doc_id, relevance, file, line of a TSV with a header, or without one."""
    rows = records(path, "\t", findings)
    first = list(islice(rows, 1))
    if not first:
        return pl.DataFrame(schema=SCHEMA)
    line, head = first[0]
    if len(head) == 1 and len(head[0].split()) == 4:
        return read_trec_qrels(path, findings)
    if len(head) == 4 and _is_trec(head):
        return _table(path, chain(first, rows), (0, 2, 3), 4, findings)
    if len(head) == 3 and _is_whole(head[2]):
        return _table(path, chain(first, rows), (0, 1, 2), 3, findings)
    names = [name.strip().lower() for name in head]
    found = [
        next((names.index(name) for name in known if name in names), None)
        for known in (QUERY_NAMES, DOC_NAMES, SCORE_NAMES)
    ]
    if None not in found:
        query, doc, score = (at for at in found if at is not None)
        return _table(path, rows, (query, doc, score), len(head), findings)
    if len(head) == 3 and not any(name[:1].isdigit() for name in names):
        return _table(path, rows, (0, 1, 2), 3, findings)
    reason = f"expected query-id, corpus-id, score; found {len(head)} columns: {head}"
    findings.add(RAGGED, findings.file(path), line, reason, head)
    return _table(path, rows, (0, 1, 2), 3, findings)


def read_trec_qrels(path: Path, findings: Findings) -> pl.DataFrame:
    """query_id, doc_id, relevance, file, line of a four-column file without a header."""
    return _table(path, _split(path, findings), (0, 2, 3), 4, findings)


def read_run(path: Path, findings: Findings) -> pl.DataFrame:
    """query_id, doc_id, file, line of a TREC run: query Q0 document rank score name."""
    file = findings.file(path)
    kept = []
    for line, row in _split(path, findings):
        if len(row) == 6:
            kept.append((row[0], row[2], file, line))
        else:
            reason = f"expected 6 columns (query Q0 document rank score name), found {len(row)}"
            findings.add(RAGGED, file, line, reason, row)
    schema = {key: kind for key, kind in SCHEMA.items() if key != "relevance"}
    return pl.DataFrame(kept, schema=schema, orient="row")


def _is_trec(row: list[str]) -> bool:
    return _is_whole(row[3]) and row[1] in ("0", "Q0", "q0")


def _is_whole(text: str) -> bool:
    return WHOLE.fullmatch(text.strip()) is not None


def _split(path: Path, findings: Findings) -> Iterator[Row]:
    lines = Lines(path, findings)
    for text in lines:
        row = text.split()
        if row:
            yield lines.number, row


def _table(
    path: Path, rows: Iterator[Row], places: tuple[int, int, int], width: int, findings: Findings
) -> pl.DataFrame:
    file = findings.file(path)
    tables = [pl.DataFrame(schema=SCHEMA)]
    while chunk := list(islice(rows, CHUNK)):
        table = _sound(chunk, places, width, file)
        if table is not None:
            tables.append(table)
            continue
        kept = []
        for line, row in chunk:
            judged = _judgement(row, places, width, file, line, findings)
            if judged is not None:
                kept.append((*judged, file, line))
        findings.enough()
        tables.append(pl.DataFrame(kept, schema=SCHEMA, orient="row"))
    return pl.concat(tables)


def _sound(
    chunk: list[Row], places: tuple[int, int, int], width: int, file: int
) -> pl.DataFrame | None:
    """The table of a chunk without offenders, made a column at a time; None if there are some."""
    if any(len(row) != width for _, row in chunk):
        return None
    lines = [line for line, _ in chunk]
    columns = list(zip(*(row for _, row in chunk), strict=True))
    query, doc, score = (pl.Series(columns[place], dtype=pl.String) for place in places)
    relevance = score.str.strip_chars().cast(pl.Int32, strict=False)
    if relevance.null_count() or (query == "").any() or (doc == "").any():
        return None
    made = {"query_id": query, "doc_id": doc, "relevance": relevance, "line": lines}
    return (
        pl.DataFrame(made)
        .with_columns(file=pl.lit(file))
        .select(pl.col(key).cast(kind) for key, kind in SCHEMA.items())
    )


def _judgement(
    row: list[str],
    places: tuple[int, int, int],
    width: int,
    file: int,
    line: int,
    findings: Findings,
) -> tuple[str, str, int] | None:
    if len(row) != width:
        reason = f"expected {width} columns, found {len(row)}: {row}"
        findings.add(RAGGED, file, line, reason, row)
        return None
    query, doc, score = (row[place] for place in places)
    if not (query and doc):
        findings.add(MISSING, file, line, f"an id is empty: {row}", row)
        return None
    if _is_whole(score):
        relevance = int(score)
        if abs(relevance) < 2**31:
            return query, doc, relevance
    findings.add(BAD_SCORE, file, line, f"relevance is {score!r}", row)
    return None
