"""Edge lists: two columns of ids, apart by tabs, commas or spaces; with or without a header.

The first column is the query, the second the document it is connected with, as of a graph's edges
or a bipartite one's. Lines that begin with # or % are comments, as in the collections of networks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.files import blocks, ending
from negatives.read.findings import RAGGED, Fault, Findings
from negatives.read.gathered import Tables, gather
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
    if ending(path) not in _ENDINGS:
        return False
    try:
        head = next(blocks(path, 1 << 16), b"").decode(errors="replace").split("\n")[:60]
    except DataError:
        return False
    rows = [_fields(line, path) for line in head if line.strip() and line.lstrip()[0] not in "#%"]
    rows = rows[: len(rows) - 1] if len(rows) > 50 else rows
    if not rows or any(len(row) != 2 for row in rows[:50]):
        return False
    after = rows[1:] if _is_header(rows[0]) else rows
    return bool(after) and all(names_ids([row[at] for row in after]) for at in (0, 1))


def collected_edges(
    name: str, split: str, files: list[Path], others: list[Path], findings: Findings
) -> Collection:
    """The collection of the edges in `files`; documents of other splits are documents too."""
    edges = pl.concat([pl.DataFrame(schema=_EDGES), *(_read(path, findings) for path in files)])
    findings.done()
    elsewhere = [_read(path, Findings(set_aside=True)) for path in others]
    loops = int((edges["query_id"] == edges["doc_id"]).sum())
    findings.note(
        "{n} edge leads from an id to itself", "{n} edges lead from an id to itself", loops
    )
    sides = {
        key: pl.concat(tables)
        .unique(key, keep="first", maintain_order=True)
        .with_row_index("row")
        .select(key, *PLACE)
        for key, tables in (("query_id", [edges]), ("doc_id", [edges, *elsewhere]))
    }
    return gather(
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


def _read(path: Path, findings: Findings) -> pl.DataFrame:
    """query_id, doc_id, file, line of each edge; rows of other than two columns are reported."""
    file, tables, before = findings.file(path), [pl.DataFrame(schema=_EDGES)], 0
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
            table = table.slice(1)
        ids = [pl.col("fields").list.get(at, null_on_oob=True).str.strip_chars() for at in (0, 1)]
        table = table.with_columns(
            query_id=ids[0], doc_id=ids[1], count=pl.col("fields").list.len()
        )
        float_id = r"^-?\d+\.\d+$"
        for fault, bad, why in (
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
