"""Edge lists: two columns of ids, apart by tabs, commas or spaces; with or without a header.

The first column is the query, the second the document it is connected with, as of a graph's edges
or a bipartite one's. Lines that begin with # or % are comments, as in the collections of networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.files import blocks, ending
from negatives.read.findings import HEADER_AGAIN, RAGGED, Fault, Findings
from negatives.read.gathered import Tables, gather
from negatives.read.id_notes import EDGES, of_splits, without_negatives
from negatives.read.jsonl import PLACE
from negatives.read.mined.headers import names_ids
from negatives.read.mined.names import plain
from negatives.schema import Collection

FLOAT_ID: Final = Fault(
    "float-id",
    "row has an id that is a number with a fraction",
    "rows have an id that is a number with a fraction",
    "write ids as texts or whole numbers: 7 and 7.0 are two ids",
)
_NAMES: Final = (
    {"source", "src", "from", "u", "node1", "node_1", "left", "from_node", "fromnodeid"},
    {"target", "dst", "to", "v", "node2", "node_2", "right", "to_node", "tonodeid"},
)
"""What the two columns of an edge list may be called."""
_ENDINGS: Final = (".tsv", ".csv", ".txt")
_COMMENT: Final = r"^\s*[#%]"
_APART: Final = {".csv": ","}
_EDGES: Final = {"query_id": pl.String, "doc_id": pl.String, "file": pl.UInt32, "line": pl.UInt32}


def holds_edges(path: Path) -> bool:
    """Whether a file begins as pairs of ids, under no header or one of an edge list."""
    rows = _first_rows(path)
    if not rows or any(len(row) != 2 for row in rows):
        return False
    if _is_header(rows[0]):
        return len(rows) > 1
    return not _names_columns(rows) and all(names_ids([row[at] for row in rows]) for at in (0, 1))


def _first_rows(path: Path) -> list[list[str]]:
    """The fields of the first lines that are no comments; none of a file of another kind."""
    if ending(path) not in _ENDINGS:
        return []
    try:
        head = next(blocks(path, 1 << 16), b"").decode(errors="replace").split("\n")[:60]
    except DataError:
        return []
    rows = [_fields(line, path) for line in head if line.strip() and line.lstrip()[0] not in "#%"]
    return rows[:50]  # and not the last, which may be cut


def _names_columns(rows: list[list[str]]) -> bool:
    """Whether the first of these rows is unlike the rest, as names of columns are."""
    has_digits = [any(map(str.isdigit, "".join(row))) for row in rows]
    return len(rows) > 1 and not has_digits[0] and all(has_digits[1:])


def unnamed_edges(path: Path) -> DataError | None:
    """What is wrong with a file that is like an edge list, but for its first line or its columns.

    None where it is like none: where its first rows are not two or three words each.
    """
    rows = _first_rows(path)
    if not rows or any(len(row) not in (2, 3) or any(map(_is_spaced, row)) for row in rows):
        return None
    if any(len(row) == 3 for row in rows):
        return DataError(
            f"an edge list has two columns of ids, and this has {len(rows[0])}: {rows[0]}",
            where=str(path),
            fix="leave out the others, such as weights, which are not used; of triples, name the "
            "columns head, relation and tail",
        )
    return DataError(
        f"nothing tells whether the first line is an edge or names the columns: {rows[0]}",
        where=str(path),
        fix="write source and target as the first line, in place of other names of the columns",
    )


def _is_spaced(value: str) -> bool:
    return not value or any(map(str.isspace, value))


def collected_edges(
    name: str, split: str, files: list[Path], others: Mapping[str, list[Path]], findings: Findings
) -> Collection:
    """The collection of the edges in `files`; `others`: the files of each other split.

    Documents of other splits are documents of this one too.
    """
    edges = pl.concat([pl.DataFrame(schema=_EDGES), *(_read(path, findings) for path in files)])
    findings.done()
    elsewhere = {
        other: pl.concat([_read(path, Findings(set_aside=True)) for path in there])
        for other, there in others.items()
    }
    loops = int((edges["query_id"] == edges["doc_id"]).sum())
    findings.note(
        "{n} edge leads from an id to itself", "{n} edges lead from an id to itself", loops
    )
    sides = {
        key: pl.concat(tables)
        .unique(key, keep="first", maintain_order=True)
        .with_row_index("row")
        .select(key, *PLACE)
        for key, tables in (("query_id", [edges]), ("doc_id", [edges, *elsewhere.values()]))
    }
    made = gather(
        name,
        split,
        Tables(
            corpus=sides["doc_id"],
            queries=sides["query_id"],
            qrels=edges.select("query_id", "doc_id", pl.lit(1, pl.Int32).alias("relevance"),
                               "file", "line"),
            identity="id",
        ),
        findings,
    )  # fmt: skip
    odd = (
        *without_negatives(made, EDGES),
        *of_splits(edges, split, elsewhere, EDGES, both_ways=True),
    )
    return replace(made, notes=(*made.notes, *odd))


def _read(path: Path, findings: Findings) -> pl.DataFrame:
    """query_id, doc_id, file, line of each edge; rows of other than two columns are reported."""
    file, tables, before, header = findings.file(path), [pl.DataFrame(schema=_EDGES)], 0, ""
    for block in blocks(path):
        lines = pl.Series(block.decode(errors="replace").removesuffix("\n").split("\n"))
        table = pl.DataFrame({"said": lines.str.strip_chars()}).with_columns(
            file=pl.lit(file, pl.UInt32), line=pl.int_range(before + 1, before + 1 + len(lines))
        )
        before += len(lines)
        table = table.filter(
            (pl.col("said") != "") & ~pl.col("said").str.contains(_COMMENT)
        ).with_columns(fields=_split(path))
        if before == len(lines) and len(table) and _is_header(table["fields"][0].to_list()):
            header, table = table["said"][0], table.slice(1)
        ids = [pl.col("fields").list.get(at, null_on_oob=True).str.strip_chars() for at in (0, 1)]
        table = table.with_columns(
            query_id=ids[0], doc_id=ids[1], count=pl.col("fields").list.len()
        )
        float_id = r"^-?\d+\.\d+$"
        for fault, bad, why in (
            (HEADER_AGAIN, pl.col("said") == header, "the names of the columns"),
            (RAGGED, pl.col("count") != 2, "expected 2 ids, found {}"),
            (
                FLOAT_ID,
                pl.col("query_id").str.contains(float_id) | pl.col("doc_id").str.contains(float_id),
                "{}",
            ),
        ):
            for row in table.filter(bad).head(10_000).iter_rows(named=True):
                said = row["count"] if fault is RAGGED else row["said"]
                findings.add(fault, file, row["line"], why.format(said), row["said"])
                findings.enough()
            table = table.filter(~bad)
        tables.append(table.select(pl.col(key).cast(kind) for key, kind in _EDGES.items()))
    return pl.concat(tables)


def _split(path: Path) -> pl.Expr:
    said = pl.col("said")
    apart = _APART.get(ending(path))
    return said.str.split(apart) if apart else said.str.extract_all(r"\S+")


def _fields(line: str, path: Path) -> list[str]:
    apart = _APART.get(ending(path))
    return [each.strip() for each in line.split(apart)] if apart else line.split()


def _is_header(row: list[str]) -> bool:
    return len(row) == 2 and all(
        plain(name) in known for name, known in zip(row, _NAMES, strict=True)
    )
