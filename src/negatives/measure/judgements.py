"""A run measured by a file of judgements alone, as trec_eval does: no corpus, no texts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError, InputError
from negatives.read.address import PAIR_ENDINGS
from negatives.read.files import Lines, ending
from negatives.read.findings import Findings
from negatives.read.gathered import note_pooled
from negatives.read.qrels import DOC_NAMES, QUERY_NAMES, SCORE_NAMES, read_qrels
from negatives.schema import PAIR, Collection
from negatives.wording import plural

_GRADE: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")


def is_judgements(path: str | Path) -> bool:
    """Whether it is a file that begins as qrels do: TREC's four columns or BEIR's three."""
    where = Path(path)
    if not where.is_file() or ending(where) in {*PAIR_ENDINGS, ".onnx"} - {".tsv"}:
        return False
    try:
        lines = iter(Lines(where, Findings(set_aside=True)))
        head = next((line for line in lines if line.strip()), "").strip("\r\n")
    except DataError:
        return False
    if not head:
        return "qrel" in where.name
    columns = [name.strip() for name in head.split("\t")]
    if len(columns) == 3:
        names = (QUERY_NAMES, DOC_NAMES, SCORE_NAMES)
        named = all(name.lower() in known for name, known in zip(columns, names, strict=True))
        return named or _GRADE.fullmatch(columns[2]) is not None
    columns = re.split(r"[ \t\f\v]+", head.strip(" \t\f\v"))
    return len(columns) == 4 and _GRADE.fullmatch(columns[3]) is not None


def refuse_judgements(model: str, data: str | Path) -> None:
    """Raise `InputError` where `data` are judgements alone, for a model that is no run."""
    if is_judgements(data) and ending(Path(data)) not in PAIR_ENDINGS:
        raise InputError(
            f"the data are judgements alone, which only a TREC run can be measured by: {model} is "
            "no file of one",
            where=str(data),
            fix="give a run's file, or name the collection in place of its qrels file",
        )


def judgements_alone(path: str | Path, findings: Findings) -> pl.DataFrame:
    """The judgements in a file, BEIR's or TREC's; `DataError` where it holds none."""
    qrels = read_qrels(Path(path), findings)
    findings.done()
    if qrels.is_empty():
        raise DataError(
            "the qrels file is empty",
            where=str(path),
            fix="write lines of query, document and relevance",
        )
    return qrels


def judged_alone(path: str | Path, run: pl.DataFrame) -> Collection:
    """A collection of the ids that judgements and a run name: every text of it is empty.

    Raises `DataError` for a file that is none of qrels, or that judges a pair twice and
    differently.
    """
    findings = Findings()
    qrels = judgements_alone(path, findings)
    once = qrels.group_by(PAIR).agg(
        pl.col("relevance").min(), highest=pl.col("relevance").max()
    ).sort(PAIR)  # fmt: skip
    twice = once.filter(pl.col("relevance") != pl.col("highest"))
    if len(twice):
        query, doc, *grades = twice.row(0)
        raise DataError(
            plural(len(twice), "pair is", "pairs are")
            + f" judged twice, and differently: query {query!r}, document {doc!r} is "
            f"{grades[0]} and {grades[1]}",
            where=str(path),
            fix="keep one judgement of each pair",
        )
    note_pooled(once, findings)
    return Collection(
        name=str(path),
        split="",
        corpus=_bare(pl.concat([once["doc_id"], run["doc_id"]])),
        queries=_bare(once["query_id"]),
        qrels=once.drop("highest"),
        notes=findings.notes,
    )


def _bare(ids: pl.Series) -> pl.DataFrame:
    """Each id once, in order, with an empty text."""
    frame = ids.unique().sort().to_frame()
    return (
        frame.with_columns(text=pl.lit("")).with_row_index("row").select(pl.exclude("row"), "row")
    )
