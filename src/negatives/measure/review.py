"""A random sample of the negatives: drawn to be judged, and read again once it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.chance import pair_uniforms
from negatives.errors import DataError, InputError
from negatives.measure.table import read_table, write_table
from negatives.run.inputs import collection_of
from negatives.run.reviewing import ask_about
from negatives.store.run import Run

ENDINGS: Final = (".jsonl", ".csv", ".tsv", ".parquet")
_NAMES = ("relevant", "relevance")


@dataclass(frozen=True, slots=True)
class Review:
    """Judged negatives: how many were judged, how many of them are relevant, and what was left out.

    `undecided`: rows without a judgement; `elsewhere`: pairs that are not among the negatives.
    """

    judged: int
    relevant: int
    undecided: int
    elsewhere: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "judged": self.judged,
            "relevant": self.relevant,
            "undecided": self.undecided,
            "not among the negatives": self.elsewhere,
        }


def read_review(path: str | Path, run: Run) -> Review:
    """What the judgements in a file say of a run's negatives; see `read_verdicts`."""
    pairs, undecided = read_verdicts(path)
    among = pairs.join(
        run.negatives.select("query_id", "doc_id"), on=["query_id", "doc_id"], how="semi"
    )
    return Review(
        judged=len(among),
        relevant=int(among["relevant"].sum()),
        undecided=undecided,
        elsewhere=len(pairs) - len(among),
    )


def read_verdicts(path: str | Path) -> tuple[pl.DataFrame, int]:
    """The judgements in a file: query_id, doc_id and relevant (bool); and how many were left open.

    Its columns are query_id, doc_id and `relevant` or `relevance` (above 0 relevant, 0 not), as
    JSONL, CSV, TSV or Parquet; a row without a judgement, or with one below 0, is open. `DataError`
    where a column is missing, a judgement is no number, or a pair is judged twice and differently.
    """
    table = read_table(Path(path))
    column = next((name for name in _NAMES if name in table.columns), None)
    missing = [name for name in ("query_id", "doc_id") if name not in table.columns]
    if column is None:
        missing.append("relevant")
    if missing or column is None:
        raise DataError(
            f"the review has no column {', '.join(missing)}",
            where=str(path),
            fix="give it query_id, doc_id and relevant (0 or 1)",
        )
    text = pl.col(column).cast(pl.String).str.strip_chars().str.to_lowercase()
    text = text.replace({"": None, "true": "1", "false": "0"})
    rows = table.with_row_index("row", 1).select(
        "row",
        pl.col("query_id", "doc_id").cast(pl.String),
        given=text,
        value=text.cast(pl.Float64, strict=False),
    )
    wrong = rows.filter(
        pl.col("given").is_not_null() & ~pl.col("value").is_finite().fill_null(False)
    )
    if len(wrong):
        first = wrong.row(0, named=True)
        raise DataError(
            f"{len(wrong):,} judgements are not numbers, the first {first['given']!r}",
            where=f"{path}, row {first['row']:,}, {column}",
            fix="write 1 for relevant, 0 for not relevant, nothing where you cannot tell",
        )
    decided = rows.filter(pl.col("value") >= 0).with_columns(pl.col("value") > 0)
    pairs = decided.select("query_id", "doc_id", "value").unique()
    twice = pairs.filter(pl.struct("query_id", "doc_id").is_duplicated()).sort("query_id", "doc_id")
    if len(twice):
        query, doc, _ = twice.row(0)
        raise DataError(
            f"{len(twice) // 2:,} pairs are judged twice, and differently",
            where=f"{path}, query {query!r}, document {doc!r}",
            fix="keep one judgement of each pair",
        )
    return pairs.rename({"value": "relevant"}).sort("query_id", "doc_id"), len(rows) - len(decided)


def draw_sample(run: Run, count: int, out: str | Path) -> int:
    """Write `count` negatives drawn at random, with their texts, to be judged; how many it wrote.

    Columns query_id, doc_id, query, document, and `relevant`, empty, to be filled with 1 or 0.
    Which pairs depends on the run's seed; a larger sample holds the smaller one.
    """
    negatives = run.negatives.select("query_id", "doc_id")
    drawn = pl.Series("_drawn", pair_uniforms(negatives, run.recipe.seed, "audit/sample"))
    sample = negatives.with_columns(drawn).sort("_drawn", "query_id", "doc_id").head(count)
    return _write(run, sample.drop("_drawn"), count, out)


def draw_questions(run: Run, count: int, out: str | Path) -> int:
    """Write `count` candidates whose judgements would tell most of the label rate; how many.

    In the form of `draw_sample`. They are no random sample of the negatives: those that are more
    often relevant tell more.
    """
    return _write(run, ask_about(run, count), count, out)


def _write(run: Run, pairs: pl.DataFrame, count: int, out: str | Path) -> int:
    path = Path(out)
    if count < 1:
        raise InputError(f"a sample of {count} pairs", fix="give at least 1")
    if path.suffix.lower() not in ENDINGS:
        raise InputError(
            f"a sample cannot be written as {path.suffix or 'a file without an ending'}",
            where=str(path),
            fix=f"end its name in one of {', '.join(ENDINGS)}",
        )
    if path.exists():
        raise InputError(
            "the file is there already, and may hold judgements",
            where=str(path),
            fix="name another file",
        )
    collection, sample = collection_of(run), pairs
    for frame, key, name in (
        (collection.queries, "query_id", "query"),
        (collection.corpus, "doc_id", "document"),
    ):
        text = pl.col("text") if "text" in frame.columns else pl.lit("")
        texts = frame.select(key, text.alias(name))
        sample = sample.join(texts, on=key, how="left", maintain_order="left")
    sample = sample.with_columns(relevant=pl.lit(None, pl.Int8))
    write_table(sample, path)
    return len(sample)
