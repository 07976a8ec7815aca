"""What the columns of a CSV or TSV file are called: by its first line, or where it has no header.

A line is a header where some column of it has a name that is known. Else it is the first row, and
the file is read only where its shape is a well known one: MS MARCO's triples, of texts or of ids,
and TREC's lines. No other first row is taken for names and lost.
"""

from __future__ import annotations

import re
from collections.abc import Collection as Names
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from negatives.errors import DataError, nearest
from negatives.read.grades import is_number
from negatives.read.mined.columns import Column
from negatives.read.mined.names import ITEMS, USERS, plain, role_of

TREC_RUN: Final = ("query_id", "q0", "doc_id", "rank", "score", "tag")
TREC_QRELS: Final = ("query_id", "iteration", "doc_id", "relevance")
TEXTS: Final = ("query", "positive", "negative")
IDS: Final = ("query_id", "positive_id", "negative_id")

TAB: Final = "\t"
INDEX: Final = ""
"""The name of a column without one, which pandas writes before the others: row numbers."""

_OTHERS: Final = frozenset(
    ("_id", "id", "title", "contents", "prompt", "messages", "text_ids", *USERS, *ITEMS)
)
_GRADES: Final = frozenset(map(str, range(-2, 5)))


@dataclass(frozen=True)
class Header:
    """Names of the columns, whether the first line is one of them, and what to say of it."""

    names: tuple[str, ...]
    has_line: bool = True
    note: str = ""

    @property
    def is_trec(self) -> bool:
        """Whether the columns are those of TREC, apart by any white space."""
        return self.names in (TREC_RUN, TREC_QRELS)


def header_of(
    rows: Sequence[list[str]], where: str, *, tabs: bool, named: Names[str] = ()
) -> Header:
    """The header of a file with these first rows; `DataError` where it cannot be told.

    `named`: names of columns that a user has said.
    """
    if not rows:
        return Header(())
    names = tuple(name.strip() for name in rows[0])
    if any(role_of(name) or plain(name) in _OTHERS or name in named for name in names):
        return _checked(names, rows[1:], where)
    other = next((apart for apart in "\t;,|" if _is_apart(rows[0], apart, named)), "")
    if named:
        raise DataError(
            f"the first line has no column {next(iter(named))!r}",
            where=where,
            fix=_apart_otherwise(other, tabs) if other else nearest(next(iter(named)), names),
        )
    if len(names) == 1:
        names = tuple(names[0].split())
        trec = _trec(names)
    else:
        trec = _trec(names) if tabs else ()
    if trec:
        return Header(trec, False)
    columns = [_column(column) for column in zip(*rows, strict=False)]
    if tabs and len(columns) == 3:
        if all(column.is_worded for column in columns):
            return Header(TEXTS, False, "no header: read as triples of query, positive, negative")
        if all(map(_is_ids, columns)) and not ({*columns[2].sample} <= _GRADES):
            return Header(
                IDS,
                False,
                "no header: read as ids of query, positive, negative; above triples of a graph "
                "write head, relation, tail",
            )
    if len(columns) == 2 and _is_ids(columns[0]) and not _is_ids(columns[1]):
        raise DataError(
            f"the first line is no header: {_shown(rows[0])}: ids and texts, as of documents or "
            "queries",
            where=where,
            fix="pairs have a header, such as query and positive; documents go beside them as "
            "--corpus, queries as --queries",
        )
    raise DataError(
        f"the first line is no header that is known: {_shown(rows[0])}",
        where=where,
        fix=_apart_otherwise(other, tabs)
        if other
        else "let the first line name the columns, each once: query, positive, negative_1 ...; or "
        "say which column is which with --query-column and --positive-column, in Python with "
        "query_column and positive_column of Collection.load"
        + of_ids(len(names), where.removesuffix(", line 1")),
    )


def of_ids(width: int, where: str) -> str:
    """What else so many columns of words may be: edges of a graph, or its triples; said last."""
    if width == 3:
        return "; of triples of a graph: head, relation, tail"
    return f"; edges of a graph are read as ids:{where}" if width == 2 else ""


def _apart_otherwise(other: str, tabs: bool) -> str:
    """What to do with columns that are apart by something else than the name of the file says."""
    if other in (TAB, ","):
        ending, by = (".tsv", "tabs") if other == TAB else (".csv", "commas")
        return f"its columns are apart by {by}: end its name in {ending}"
    return (
        f"save it with {'tabs' if tabs else 'commas'} between the columns, and not {other!r}; or, "
        f"in Python, give the frame that pandas.read_csv(FILE, sep={other!r}) reads"
    )


def _checked(names: tuple[str, ...], rows: Sequence[list[str]], where: str) -> Header:
    if len({*names}) == len(names):
        unnamed = names.index(INDEX) if INDEX in names else -1
        if unnamed < 0:
            return Header(names)
        values = [row[unnamed] for row in rows if len(row) == len(names)]
        if Column(INDEX, "text", 0, tuple(values)).is_numbers or not values:
            return Header(names)
        raise DataError(
            f"column {unnamed + 1} has no name",
            where=where,
            fix="name every column in the first line",
        )
    raise DataError(
        f"the first line is no header: {_shown([*names])}",
        where=where,
        fix="let the first line name the columns, each once: query, positive, negative_1 ...",
    )


def _is_apart(row: Sequence[str], apart: str, named: Names[str]) -> bool:
    """Whether a row of one column is names of several, that stand apart by something else."""
    names = [name.strip() for name in row[0].split(apart)] if len(row) == 1 else []
    known = any(role_of(name) or name in named for name in names)
    return len(names) > 1 and (known or not any(re.search(r"\s", name) for name in names))


def _trec(row: Sequence[str]) -> tuple[str, ...]:
    if len(row) == len(TREC_QRELS) and row[1] in ("0", "Q0", "q0") and is_number(row[3]):
        return TREC_QRELS
    if len(row) == len(TREC_RUN) and is_number(row[3]) and is_number(row[4]):
        return TREC_RUN
    return ()


def _column(values: Sequence[str]) -> Column:
    return Column("", "text", 0, tuple(values))


def names_ids(values: Sequence[str]) -> bool:
    """Whether texts are ids: each one word, and numbers, or digits among them."""
    return _is_ids(_column(values))


def _is_ids(column: Column) -> bool:
    return all(value.strip() and not any(map(str.isspace, value)) for value in column.sample) and (
        column.is_numbers or any(map(str.isdigit, "".join(column.sample)))
    )


def _shown(row: Sequence[str]) -> str:
    return str([text if len(text) <= 40 else text[:40] + "..." for text in row[:8]])
