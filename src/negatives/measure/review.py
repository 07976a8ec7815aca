"""A random sample of the negatives: drawn to be judged, and read again once it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

import polars as pl

from negatives.errors import DataError, InputError
from negatives.measure.annotations import Form, annotated, tasks
from negatives.read.table import ids_of, read_table, write_table
from negatives.run.asking import ask_about, judged_sample, picks_of, random_sample
from negatives.run.inputs import collection_of
from negatives.run.reviews import (
    LINES,
    SAID,
    Order,
    Verdict,
    as_lines,
    as_verdicts,
    now,
    read_lines,
    settled,
    standing,
)
from negatives.schema import PAIR
from negatives.store.atomic import write_json
from negatives.store.run import Run
from negatives.wording import plural

ENDINGS: Final = (".jsonl", ".csv", ".tsv", ".parquet")
_NAMES: Final = ("relevant", "relevance", "verdict")
_OPTIONAL: Final = ("reviewer", "time", "note", "order", "picks")
_WORDS: Final = {
    "partly relevant": "partly",
    "not relevant": "not",
    "can't tell": "unsure",
    "cannot tell": "unsure",
}


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
    lines, undecided = read_verdicts(path)
    pairs = settled(lines)
    among = pairs.join(run.negatives.select(PAIR), on=PAIR, how="semi")
    return Review(
        judged=len(among),
        relevant=int(among["relevant"].sum()),
        undecided=undecided,
        elsewhere=len(pairs) - len(among),
    )


def review_of(run: Run) -> Review | None:
    """What the verdicts in a run's own reviews say of its negatives; None where there are none.

    Only those on a random sample of the present negatives count.
    """
    lines = judged_sample(run, read_lines(run.path))
    pairs = settled(lines)
    unsure = standing(lines).select(PAIR).unique().join(pairs, on=PAIR, how="anti")
    if pairs.is_empty() and unsure.is_empty():
        return None
    return Review(len(pairs), int(pairs["relevant"].sum()), len(unsure), 0)


def verdicts_of(given: str | Path | pl.DataFrame) -> list[Verdict]:
    """Verdicts to be kept: of a file, or a frame of query_id, doc_id and relevant (bool)."""
    if isinstance(given, pl.DataFrame):
        word = pl.when("relevant").then(pl.lit("relevant")).otherwise(pl.lit("not"))
        decided = given.filter(pl.col("relevant").is_not_null())
        lines = as_lines([]).clear()
        lines = pl.concat([lines, decided.select(*PAIR, verdict=word)], how="diagonal")
        lines = lines.with_columns(pl.col(pl.String).fill_null(""))
    else:
        lines, _ = read_verdicts(given)
    time = pl.when(pl.col("time") == "").then(pl.lit(now())).otherwise("time")
    return as_verdicts(lines.with_columns(time=time))


def read_verdicts(path: str | Path) -> tuple[pl.DataFrame, int]:
    """The judgements in a file, as lines of reviews; and how many rows were left open.

    JSON is Label Studio's or Argilla's; see `annotated`. Of JSONL, CSV, TSV and Parquet the columns
    are query_id, doc_id and `relevant` or `relevance` (above 0 relevant, 0 not, or one of the words
    of a review), and maybe reviewer, note, order and picks; a row without a judgement, or with one
    below 0, is open. `DataError` where a column is missing, a judgement is none of these, or a pair
    is judged twice by one reviewer, and differently.
    """
    path = Path(path)
    table = annotated(path) if path.suffix.lower() == ".json" else read_table(path)
    column = next((name for name in _NAMES if name in table.columns), None)
    missing = [name for name in PAIR if name not in table.columns]
    if column is None:
        missing.append("relevant")
    if missing or column is None:
        raise DataError(
            f"the review has no column {', '.join(missing)}",
            where=str(path),
            fix="give it query_id, doc_id and relevant (0 or 1)",
        )
    table = table.with_columns(ids_of(table, name, path) for name in PAIR)
    text = pl.col(column).cast(pl.String).str.strip_chars().str.to_lowercase()
    text = text.replace({"": None, "true": "1", "false": "0"}).replace(_WORDS)
    rows = table.with_row_index("row", 1).with_columns(given=text)
    rows = rows.with_columns(value=pl.col("given").cast(pl.Float64, strict=False))
    word = pl.col("given").is_in(list(SAID))
    known = word | pl.col("value").is_finite().fill_null(False)
    wrong = rows.filter(pl.col("given").is_not_null() & ~known)
    if len(wrong):
        first = wrong.row(0, named=True)
        raise DataError(
            f"{len(wrong):,} judgements are not numbers, the first {first['given']!r}",
            where=f"{path}, row {first['row']:,}, {column}",
            fix="write 1 for relevant, 0 for not relevant, nothing where you cannot tell",
        )
    said = (
        pl.when(word)
        .then("given")
        .when(pl.col("value") > 0)
        .then(pl.lit("relevant"))
        .otherwise(pl.lit("not"))
    )
    open_ = pl.col("given").is_null() | (pl.col("given") == "unsure") | (pl.col("value") < 0)
    decided = rows.filter(~open_.fill_null(False)).with_columns(verdict=said)
    there = {*PAIR, "verdict", *(name for name in _OPTIONAL if name in table.columns)}
    lines = decided.select(
        (pl.col(name) if name in there else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in LINES.items()
    ).with_columns(pl.col(pl.String).fill_null(""))
    _check_once(lines, path)
    return lines.unique(maintain_order=True), len(rows) - len(decided)


def _check_once(lines: pl.DataFrame, path: Path) -> None:
    judged = lines.select("reviewer", *PAIR, pl.col("verdict") == "not").unique()
    twice = judged.filter(pl.struct("reviewer", *PAIR).is_duplicated()).sort(PAIR)
    if len(twice):
        _, query, doc, _ = twice.row(0)
        raise DataError(
            plural(len(twice) // 2, "pair is", "pairs are") + " judged twice, and differently",
            where=f"{path}, query {query!r}, document {doc!r}",
            fix="keep one judgement of each pair",
        )
    orders = [each for each in lines["order"].unique().sort() if each not in get_args(Order)]
    if orders:
        raise DataError(
            f"there is no order {orders[0]!r}",
            where=f"{path}, order",
            fix="leave the column as it was written, or take it out",
        )


def draw_sample(run: Run, count: int, out: str | Path, form: Form = "table") -> int:
    """Write `count` negatives drawn at random, with their texts, to be judged; how many it wrote.

    Columns query_id, doc_id, query, document, `relevant`, empty, to be filled with 1 or 0, and what
    says that it is a random sample, and of which negatives. Which pairs depends on the run's seed;
    a larger sample holds the smaller one. `form`: as a table, or as tasks of another tool.
    """
    return _write(run, random_sample, count, out, "random", form)


def draw_questions(run: Run, count: int, out: str | Path, form: Form = "table") -> int:
    """Write `count` candidates whose judgements would tell most of the label rate; how many.

    In the form of `draw_sample`. They are no random sample of the negatives: those that are more
    often relevant tell more.
    """
    return _write(run, ask_about, count, out, "active", form)


def _write(
    run: Run,
    draw: Callable[[Run, int], pl.DataFrame],
    count: int,
    out: str | Path,
    order: Order,
    form: Form,
) -> int:
    path = Path(out)
    if count < 1:
        raise InputError(f"a sample of {count} pairs", fix="give at least 1")
    endings = ENDINGS if form == "table" else (".json",)
    if path.suffix.lower() not in endings:
        raise InputError(
            f"a sample cannot be written as {path.suffix or 'a file without an ending'}",
            where=str(path),
            fix=f"end its name in one of {', '.join(endings)}",
        )
    if path.exists():
        raise InputError(
            "the file is there already, and may hold judgements",
            where=str(path),
            fix="name another file",
        )
    collection, sample = collection_of(run), draw(run, count)
    if sample.is_empty():
        raise InputError(
            "there is no pair left to be judged",
            where=str(run.path),
            fix=f"negatives report {run.path} says what became of its candidates; those that "
            "were judged already are in its reviews",
        )
    for frame, key, name in (
        (collection.queries, "query_id", "query"),
        (collection.corpus, "doc_id", "document"),
    ):
        text = pl.col("text") if "text" in frame.columns else pl.lit("")
        texts = frame.select(key, text.alias(name))
        sample = sample.join(texts, on=key, how="left", maintain_order="left")
    sample = sample.with_columns(
        relevant=pl.lit(None, pl.Int8), order=pl.lit(order), picks=pl.lit(picks_of(run))
    )
    if form == "table":
        write_table(sample, path, new=True)
    else:
        write_json(path, tasks(sample, form), new=True)
    return len(sample)
