"""The rows of files of time series: the series as text, and the class of each.

A series is kept as `.ts` files write it: values by commas, dimensions by colons, `?` or NaN for a
value that is missing. `models/series.py` makes numbers of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.files import Lines, ending
from negatives.read.findings import RAGGED, WRONG_TYPE, Fault, Findings, shown
from negatives.read.series.found import ENDING

_VALUE: Final = r"(?:[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\?|[Nn]a[Nn])"
_SERIES: Final = rf"^{_VALUE}(?:,{_VALUE})*(?::{_VALUE}(?:,{_VALUE})*)*$"
_FORM: Final = Fault(
    WRONG_TYPE.key,
    "row is no series",
    "rows are no series",
    "write numbers by commas, dimensions by colons, ? for a value that is missing, and the class "
    "last where the header has classes",
)
_CLASS: Final = Fault(
    "unknown-class",
    "row has a class that the header does not list",
    "rows have a class that the header does not list",
    "list every class after @classLabel true",
)
_DIMENSIONS: Final = Fault(
    RAGGED.key,
    "row has other dimensions than the first",
    "rows have other dimensions than the first",
    "give every series the same dimensions, in the same order",
)


def read_rows(path: Path, split: str, findings: Findings) -> pl.DataFrame:
    """id, series, row, file, line of each series, and `type`, its class, where there are classes.

    They are called SPLIT-00001 and so on.
    """
    read = _of_ts if ending(path) == ENDING else _of_table
    made = read(path, findings)
    if made.is_empty():
        raise DataError("there is no series", where=str(path), fix="give it at least one row")
    made = _sound(made, path, findings)
    findings.done()
    findings.note(
        "{n} series has no value: all of it is missing",
        "{n} series have no value: all of each is missing",
        int((~made["series"].str.contains(r"\d")).sum()),
    )
    number = (pl.int_range(pl.len()) + 1).cast(pl.String).str.zfill(5)
    return made.select(
        pl.format("{}-{}", pl.lit(split), number).alias("id"),
        pl.exclude("line"),
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"),
        pl.lit(findings.file(path), pl.UInt32).alias("file"),
        "line",
    )


def _of_ts(path: Path, findings: Findings) -> pl.DataFrame:
    """series, line and type of a `.ts` file; `DataError` where its header cannot be followed."""
    lines = _lines(path, findings)
    header = lines.filter(pl.col("text").str.starts_with("@"))
    told = {
        words[0].lower(): words[1:] for text in header["text"] if (words := text[1:].split()) != []
    }
    begins = header.filter(pl.col("text").str.to_lowercase().str.starts_with("@data"))
    if begins.is_empty():
        raise DataError(
            "the header has no line @data, after which the series begin",
            where=str(path),
            fix="give the whole file, as the archive has it",
        )
    if _is_true(told.get("timestamps", [])):
        raise DataError(
            "the series have a time for each value, and values alone are read",
            where=f"{path}, @timeStamps true",
            fix="write the values alone, at even steps, and @timeStamps false",
        )
    rows = lines.filter(pl.col("line") > begins["line"][0])
    classes = told.get("classlabel", [])
    if not (_is_true(classes) or _is_true(told.get("targetlabel", []))):
        return rows.select("line", series=_bare("text"))
    parts = rows.select("line", "text", cut=pl.col("text").str.extract(r":\s*([^:]*)$"))
    rest = pl.col("text").str.extract(r"^(.*):[^:]*$").fill_null("")
    made = parts.select("line", series=_bare(rest), type=pl.col("cut").str.strip_chars())
    if not _is_true(classes):
        return made.drop("type")  # a number to be predicted is no class
    unknown = ~pl.col("type").fill_null("").is_in(classes[1:])
    return _without(made, unknown, "type", _CLASS, path, findings)


def _of_table(path: Path, findings: Findings) -> pl.DataFrame:
    """series, line and type of a table of the archive: the class, then the values, by tabs.

    Shorter series end in NaN there.
    """
    values = pl.col("text").str.extract(r"^[^\t]*\t(.*)$").fill_null("")
    return _lines(path, findings).select(
        "line",
        series=_bare(values.str.replace_all("\t", ",")).str.replace(r"(,NaN)+$", ""),
        type=pl.col("text").str.extract(r"^([^\t]*)").str.strip_chars(),
    )


def _lines(path: Path, findings: Findings) -> pl.DataFrame:
    """text and line (from 1) of the lines that are neither blank nor comments."""
    found = [
        pl.DataFrame({"text": texts, "line": list(numbers)[: len(texts)]})
        for numbers, texts, _ in Lines(path, findings).in_blocks()
    ]
    empty = pl.DataFrame(schema={"text": pl.String, "line": pl.Int64})
    text = pl.col("text").str.strip_chars(" \r\n\t")
    told = pl.concat([empty, *found]).with_columns(text, pl.col("line").cast(pl.UInt32))
    return told.filter(~pl.col("text").str.contains(r"^([#%]|$)"))


def _bare(text: str | pl.Expr) -> pl.Expr:
    expression = pl.col(text) if isinstance(text, str) else text
    return expression.str.replace_all(r"\s", "")


def _is_true(words: list[str]) -> bool:
    return words[:1] != [] and words[0].lower() == "true"


def _sound(rows: pl.DataFrame, path: Path, findings: Findings) -> pl.DataFrame:
    """The rows that are series of as many dimensions as the first; the others are reported."""
    rows = _without(rows, ~pl.col("series").str.contains(_SERIES), "series", _FORM, path, findings)
    dimensions = pl.col("series").str.count_matches(":")
    return _without(rows, dimensions != dimensions.first(), "series", _DIMENSIONS, path, findings)


def _without(
    rows: pl.DataFrame, bad: pl.Expr, told: str, fault: Fault, path: Path, findings: Findings
) -> pl.DataFrame:
    """The rows that are not bad; of the others, the column `told` is shown."""
    file = findings.file(path)
    for row in rows.filter(bad).iter_rows(named=True):
        findings.add(fault, file, row["line"], shown(row[told] or ""), row)
        findings.enough()
    return rows.filter(~bad)
