"""Files of triples (head, relation, tail): which of a folder they are, and their rows.

A file has a header that names the three columns (below), in any order and with others beside them,
or three columns and no header. Without one nothing but its look tells a file of triples, so it is
taken for one only in a folder with several splits, where the relations repeat, as they do in a
graph and texts do not. Where the third column is all numbers it could be ratings: then relations
must not be numbers, and be fewer than the tails, and heads and tails must share some ids.

| column   | names, in upper or lower case, with `_`, `-` or a space               |
|----------|-----------------------------------------------------------------------|
| head     | head, h, subject, subj, s; each also with _label, _id or _name        |
| relation | relation, r, predicate, pred, p; likewise                             |
| tail     | tail, t, object, obj, o; likewise                                     |
| label    | label: 1 true; 0 or -1 verified to be false                           |

In a folder the names begin with train, dev, valid, validation, val, test or eval; a name that goes
on with negatives (`test_negatives.tsv`) is of triples that were verified to be false. Or it is one
of PyKEEN's: `pykeen_triples.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.errors import DataError
from negatives.read.delimited import chunks, records
from negatives.read.files import ending, matching, stem
from negatives.read.findings import BAD_SCORE, Fault, Findings
from negatives.read.frames import from_frames, parquet_frames, parquet_schema
from negatives.read.jsonl import Field, JsonLines, first_records
from negatives.read.mined.names import ITEMS, RATINGS, USERS, plain, role_of

PARTS: Final = ("head", "relation", "tail")
LABEL: Final = "label"
PLACE: Final[dict[str, Any]] = {"file": pl.UInt32, "line": pl.UInt32}
TRIPLES: Final[dict[str, Any]] = dict.fromkeys(PARTS, pl.String) | {"true": pl.Boolean} | PLACE
"""What rows are read as: whether a triple is true, or was verified to be false."""

ENDINGS: Final = (".tsv", ".txt", ".csv", ".parquet", ".jsonl", ".ndjson")
INCOMPLETE = Fault(
    "incomplete-triple",
    "triple lacks its head, its relation or its tail",
    "triples lack their head, their relation or their tail",
    "give every triple all three",
)
_SAID: Final = {
    "head": ("head", "h", "subject", "subj", "s"),
    "relation": ("relation", "r", "predicate", "pred", "p"),
    "tail": ("tail", "t", "object", "obj", "o"),
}
_AFTER: Final = ("", "_label", "_id", "_name")
_SPLIT: Final = re.compile(
    r"(train|dev|test|validation|valid|val|eval)[-_.]?(triples?)?[-_.]?(neg|negs|negatives?)?",
    re.IGNORECASE,
)
_LOOKED_AT: Final = 5_000
"""Rows by which a file without a header is told."""
_NUMBER: Final = r"^[+-]?\d+(\.\d*)?$"
_FRACTION: Final = r"^[+-]?\d+\.0+$"
_GRADES: Final = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "-1": False} | {
    "-1.0": False,
    "false": False,
}


@dataclass
class SplitFiles:
    """The files of one split: of its triples, and of those verified to be false."""

    true: list[Path] = field(default_factory=list)
    false: list[Path] = field(default_factory=list)


def named_parts(columns: Sequence[str]) -> list[str] | None:
    """The columns of head, relation and tail, by their names; None where one is missing."""
    names = {plain(name): name for name in reversed(columns)}
    found = [
        next((names[f"{said}{after}"] for after in _AFTER for said in _SAID[part]
              if f"{said}{after}" in names), None)
        for part in PARTS
    ]  # fmt: skip
    return None if None in found else [name for name in found if name is not None]


def split_files(folder: Path) -> dict[str, SplitFiles]:
    """The files of each split of a folder, by their names; none of a folder without triples."""
    found: dict[str, SplitFiles] = {}
    for path in matching(folder, *(f"*{end}" for end in ENDINGS)):
        told = _SPLIT.fullmatch(stem(path))
        if told is not None:
            split = found.setdefault(told[1].lower(), SplitFiles())
            (split.false if told[3] else split.true).append(path)
    return {name: files for name, files in found.items() if files.true}


def holds_triples(folder: Path) -> bool:
    """Whether the files of splits in a folder hold triples."""
    found = split_files(folder)
    paths = [path for files in found.values() for path in files.true]
    if not paths:
        return False
    filled = [path for path in paths if _first_rows(path, 1)]
    if not filled:
        return False
    if all(is_triple_file(path) for path in filled):
        return True
    headless = len(found) > 1 and all(ending(path) in (".tsv", ".txt") for path in filled)
    return headless and all(_looks_like_triples(path) for path in filled)


def is_triple_file(path: Path) -> bool:
    """Whether a file has columns of heads, relations and tails, by their names."""
    if not path.is_file() or ending(path) not in ENDINGS:
        return False
    try:
        return named_parts(_columns(path)) is not None
    except DataError:
        return False  # what is wrong with it is said by whoever reads it


def _columns(path: Path) -> list[str]:
    match ending(path):
        case ".parquet":
            return [*parquet_schema(path)]
        case ".jsonl" | ".ndjson":
            return [*dict.fromkeys(name for row in first_records(path) for name in row)]
        case _:
            rows = _first_rows(path, 1)
            return rows[0] if rows else []


def _looks_like_triples(path: Path) -> bool:
    rows = _first_rows(path, _LOOKED_AT)
    if any(len(row) != 3 for row in rows[:20]) or any(map(_names_another, rows[0])):
        return False
    whole = [row for row in rows[1:] or rows if len(row) == 3]  # the first may be of names
    heads, relations, tails = ({*column} for column in zip(*whole, strict=True))
    if len(whole) > 1 and 2 * len(relations) > len(whole):
        return False
    if not all(map(_is_number, tails)):
        return True
    numbers = all(map(_is_number, relations))
    return not numbers and len(relations) < len(tails) and bool(heads & tails)


def _names_another(name: str) -> bool:
    """Whether a column by its name is one of pairs, or of users and items."""
    return role_of(name) is not None or plain(name) in (*USERS, *ITEMS, *RATINGS)


def _is_number(text: str) -> bool:
    return re.match(_NUMBER, text) is not None


def _first_rows(path: Path, count: int) -> list[list[str]]:
    if ending(path) in (".parquet", ".jsonl", ".ndjson"):
        return [["some"]]
    rows = records(path, _separator(path), Findings(set_aside=True))
    return [row for _, row in islice(rows, count)]


def _separator(path: Path) -> str:
    if ending(path) == ".csv":
        return ","
    first = next(records(path, "\t", Findings(set_aside=True)), (0, [""]))[1]
    return " " if len(first) == 1 and len(first[0].split(" ")) == 3 else "\t"


# ---- rows ----------------------------------------------------------------------------------------


def read_triples(path: Path, findings: Findings) -> pl.DataFrame:
    """head, relation, tail, true, file, line of a file; `true` by its label, true without one."""
    match ending(path):
        case ".parquet":
            there = [*parquet_schema(path)]
            return typed_triples(parquet_frames(path, there), there, str(path), findings)
        case ".jsonl" | ".ndjson":
            there = _columns(path)
            fields = _fields(there, str(path), findings)
            return _joined(JsonLines(path, fields, findings), findings)
        case _:
            return _joined(_delimited(path, findings), findings)


def typed_triples(
    frames: Iterable[pl.DataFrame], there: Sequence[str], where: str, findings: Findings
) -> pl.DataFrame:
    """The same of tables that follow one another, whose columns have types."""
    fields = _fields(there, where, findings)
    return _joined(from_frames(frames, there, fields, where, findings), findings)


def _fields(there: Sequence[str], where: str, findings: Findings) -> dict[str, Field]:
    parts = named_parts(there)
    if parts is None:
        raise DataError(
            f"no columns of heads, relations and tails among {', '.join(there)}",
            where=where,
            fix="call them head, relation and tail",
        )
    own = {plain(name): name for name in there}
    label = {LABEL: Field(own[LABEL], "any", required=False)} if LABEL in own else {}
    used = {*parts, *(each.name for each in label.values())}
    _note_unused([name for name in there if name not in used and not _repeats(name)], findings)
    return {part: Field(name, "id") for part, name in zip(PARTS, parts, strict=True)} | label


def _repeats(name: str) -> bool:
    """Whether a column says a part of the triple a second time, such as an id beside a label."""
    return any(
        plain(name) == f"{said}{after}" for names in _SAID.values() for said in names
        for after in _AFTER
    )  # fmt: skip


def _note_unused(names: Sequence[str], findings: Findings) -> None:
    for name in names:
        findings.note(f"column {name!r} is not used", "", 1)


def _delimited(path: Path, findings: Findings) -> Iterator[pl.DataFrame]:
    rows = records(path, _separator(path), findings)
    first = list(islice(rows, 1))
    if not first:
        return
    header = first[0][1]
    parts = named_parts(header)
    written = header if parts is not None else []
    if parts is None:
        header, parts, rows = [*PARTS], [*PARTS], chain(first, rows)
    label = next((name for name in header if plain(name) == LABEL), None)
    _note_unused(
        [name for name in header if name not in parts and name != label and not _repeats(name)],
        findings,
    )
    file = findings.file(path)
    names = [str(at) for at in range(len(header))]  # a header may name two columns alike
    for table, _, lines in chunks(path, names, iter(rows), findings, written):
        columns = {part: table[names[header.index(name)]] for part, name in zip(PARTS, parts)}  # noqa: B905
        if label is not None:
            columns[LABEL] = table[names[header.index(label)]]
        made = pl.DataFrame(columns).with_columns(
            pl.lit(file, dtype=pl.UInt32).alias("file"), pl.Series("line", lines)
        )
        yield made


def _joined(blocks: Iterable[pl.DataFrame], findings: Findings) -> pl.DataFrame:
    """Blocks as one table; triples that are not whole, and labels that say nothing, reported."""
    made = [pl.DataFrame(schema=TRIPLES)]
    for block in blocks:
        whole = block.with_columns(pl.col(PARTS).str.strip_chars())
        lacking = whole.select(pl.any_horizontal(pl.col(PARTS).fill_null("") == "")).to_series()
        for row in whole.filter(lacking).iter_rows(named=True):
            raw = [row[part] for part in PARTS]
            findings.add(INCOMPLETE, row["file"], row["line"], f"found {raw}", raw)
            findings.enough()
        made.append(_labelled(whole.filter(~lacking), findings))
    rows = pl.concat(made)
    _refuse_fractions(rows, findings)
    return rows


def _refuse_fractions(rows: pl.DataFrame, findings: Findings) -> None:
    """Ids are no numbers with a fraction: of 12.0 and 12 nobody can say that they are one."""
    for part in PARTS if len(rows) else ():
        if rows[part].str.contains(_FRACTION).all():
            raise DataError(
                f"every {part} is a number with a fraction, such as {rows[part][0]}, which is how "
                "a table writes whole numbers among empty cells",
                where=findings.place(rows["file"][0], rows["line"][0]),
                fix="write them as whole numbers, in all files: .astype('Int64') in pandas",
            )


def _labelled(block: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    if LABEL not in block.columns:
        return block.select(*PARTS, pl.lit(True).alias("true"), "file", "line")
    said = pl.col(LABEL).cast(pl.String).str.to_lowercase().str.strip_chars('" ')
    made = block.with_columns(true=said.replace_strict(_GRADES, default=None))
    for row in made.filter(pl.col("true").is_null()).iter_rows(named=True):
        reason = f"the label is {row[LABEL]!r}, and neither 1 nor 0 or -1"
        raw = [row[name] for name in (*PARTS, LABEL)]
        findings.add(BAD_SCORE, row["file"], row["line"], reason, raw)
        findings.enough()
    return made.drop_nulls("true").select(*PARTS, "true", "file", "line")
