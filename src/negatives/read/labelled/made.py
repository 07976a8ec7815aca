"""Rows with labels, and the labels, become a collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.findings import Fault, Findings
from negatives.read.gathered import Tables, Unlabelled, gather
from negatives.read.id_notes import LABELS, without_negatives
from negatives.read.jsonl import PLACE
from negatives.schema import Collection

UNKNOWN_LABEL: Final = Fault(
    "unknown-label",
    "row has a label that is not there",
    "rows have a label that is not there",
    "add the label to the list of labels, or leave it out of the row; where labels are numbers "
    "they begin at 0",
)
UNLABELLED: Final = Unlabelled(
    "{n} row has no label: it is not mined", "{n} rows have no label: they are not mined"
)


@dataclass(frozen=True)
class Rows:
    """The rows of one split.

    `queries`: query_id, row, file, line, and text where there is one. `pairs`: query_id, label,
    relevance, file, line. `width`: how many labels the file says there are. `numbered`: labels are
    places in the list of labels (from 0), whatever their ids are.
    """

    path: Path
    queries: pl.DataFrame
    pairs: pl.DataFrame
    width: int | None = None
    numbered: bool = False

    def with_texts(self, texts: pl.Series, where: Path) -> Rows:
        """The rows with a text each; `DataError` where there are more of either."""
        if len(texts) != len(self.queries):
            raise DataError(
                f"{len(texts):,} texts for {len(self.queries):,} rows of {self.path.name}",
                where=str(where),
                fix="write one text a line, in the order of the rows",
            )
        return replace(self, queries=self.queries.with_columns(text=texts.str.strip_chars()))


def collected(
    name: str,
    split: str,
    where: str,
    chosen: Rows,
    labels: pl.DataFrame | None,
    others: Sequence[Rows],
    findings: Findings,
    by_id: bool,
) -> Collection:
    """The collection of `split`; without `labels`, the labels are those that any row has."""
    pairs = _noted_once(chosen.pairs, findings)
    if labels is None:
        labels = _of_rows(chosen, others, where, by_id)
    pairs = _resolved(pairs, labels, chosen, findings)
    queries = chosen.queries
    if by_id:
        labels, queries = (
            frame.drop("text") if "text" in frame.columns else frame for frame in (labels, queries)
        )
    findings.done()
    tables = Tables(
        corpus=labels, queries=queries, qrels=pairs, identity="id", unlabelled=UNLABELLED
    )
    made = gather(name, split, tables, findings)
    findings.note(
        "{n} label is of no row of this split: nobody has it",
        "{n} labels are of no row of this split: nobody has them",
        len(made.corpus) - made.qrels["doc_id"].n_unique(),
    )
    return replace(made, notes=(*findings.notes, *without_negatives(made, LABELS)))


def _noted_once(pairs: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """Each label once a row."""
    once = pairs.unique(["query_id", "label"], keep="first", maintain_order=True)
    findings.note(
        "{n} label is in its row twice: it counts once",
        "{n} labels are in their row twice: they count once",
        len(pairs) - len(once),
    )
    return once


def _resolved(
    pairs: pl.DataFrame, labels: pl.DataFrame, rows: Rows, findings: Findings
) -> pl.DataFrame:
    """The judgements by document; labels that are not there are reported."""
    key = labels.select(
        "doc_id", label=pl.col("row").cast(pl.String) if rows.numbered else pl.col("doc_id")
    )
    found = pairs.join(key, on="label", how="left", maintain_order="left")
    unknown = found.filter(pl.col("doc_id").is_null())
    count = len(labels)
    for row in unknown.head(10_000).iter_rows(named=True):
        is_number = row["label"].isascii() and row["label"].isdigit()
        range_of = f" (there are {count:,}, numbered from 0)" if is_number else f" of the {count:,}"
        reason = f"label {row['label']!r} is none{range_of}"
        raw = {"id": row["query_id"], "label": row["label"]}
        findings.add(UNKNOWN_LABEL, row["file"], row["line"], reason, raw)
        findings.enough()
    return found.filter(pl.col("doc_id").is_not_null()).select(
        "query_id", "doc_id", "relevance", "file", "line"
    )


def _of_rows(chosen: Rows, others: Sequence[Rows], where: str, by_id: bool) -> pl.DataFrame:
    """The labels where no file lists them: numbers up to a width, or the names that rows have."""
    if chosen.width is not None:
        made = pl.DataFrame({"row": pl.int_range(chosen.width, dtype=pl.UInt32, eager=True)})
        ids = pl.col("row").cast(pl.String)
    else:
        named = pl.concat([each.pairs.select("label") for each in (chosen, *others)])
        names = named["label"].unique().sort()
        made = pl.DataFrame({"name": names}).with_row_index("row")
        ids = pl.col("name")
    made = made.select(
        ids.alias("doc_id"), "row", *(pl.lit(0, pl.UInt32).alias(name) for name in ("file", "line"))
    )
    if by_id:
        return made
    if made["doc_id"].str.contains(r"^\d+$").all():
        raise DataError(
            "labels are numbers, and nothing says what they are called",
            where=f"{where} (there is no labels.jsonl and no labels.txt)",
            fix="put the labels' texts beside the rows, as labels.jsonl (_id, text) or one a "
            f"line as labels.txt; or let them go by their ids alone: ids:{where}",
        )
    return made.with_columns(text="doc_id").select("doc_id", "text", *PLACE)
