"""reviews.jsonl: what people, or judges as good, said of a run's pairs; one verdict a line.

Append-only and on disk before anything follows from it. Of several verdicts on a pair the last one
counts.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from negatives.errors import RunError

REVIEWS: Final = "reviews.jsonl"
PAIR: Final = ["query_id", "doc_id"]


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether somebody found a document relevant to a query."""

    query_id: str
    doc_id: str
    relevant: bool


def read_reviews(run: Path) -> pl.DataFrame:
    """query_id, doc_id and relevant (bool) of every pair that has a verdict, by ids; maybe none."""
    path = run / REVIEWS
    found: dict[tuple[str, str], bool] = {}
    for number, line in enumerate(_whole_lines(path), start=1):
        try:
            verdict = msgspec.json.decode(line, type=Verdict)
        except msgspec.MsgspecError as error:
            raise RunError(
                f"a verdict cannot be read: {error}",
                where=f"{path}, line {number}",
                fix="remove the line; every other one is kept",
            ) from None
        found[verdict.query_id, verdict.doc_id] = verdict.relevant
    rows = [(query, doc, relevant) for (query, doc), relevant in sorted(found.items())]
    schema = {"query_id": pl.String, "doc_id": pl.String, "relevant": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def append_reviews(run: Path, verdicts: pl.DataFrame) -> int:
    """Add the verdicts (query_id, doc_id, relevant) that the file does not hold; how many."""
    path = run / REVIEWS
    new = verdicts.join(read_reviews(run), on=[*PAIR, "relevant"], how="anti").sort(PAIR)
    if new.is_empty():
        return 0
    lines = [
        msgspec.json.encode(Verdict(query, doc, relevant)) + b"\n"
        for query, doc, relevant in new.select(*PAIR, "relevant").iter_rows()
    ]
    whole = sum(len(line) + 1 for line in _whole_lines(path))
    with path.open("r+b" if path.exists() else "xb") as file:
        file.truncate(whole)  # a line that a kill cut short
        file.seek(whole)
        file.write(b"".join(lines))
        file.flush()
        os.fsync(file.fileno())
    return len(new)


def _whole_lines(path: Path) -> list[bytes]:
    """The lines that end; what comes after the last line end was cut short."""
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
