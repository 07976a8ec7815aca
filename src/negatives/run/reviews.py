"""reviews.jsonl: what people, or judges as good, said of a run's pairs; one verdict a line.

The file is append-only, and every line is on disk before anything follows from it. Whoever writes
holds the file's own lock and reads first what others have written, so that two tabs, two reviewers
or two servers never overwrite each other. A verdict is taken back by a further line. Of several
verdicts of one reviewer on a pair the last one counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec
import polars as pl

from negatives.errors import RunError
from negatives.schema import PAIR
from negatives.store.atomic import explained

REVIEWS: Final = "reviews.jsonl"
Said = Literal["relevant", "partly", "not", "unsure"]
"""What a person can say of a pair; `unsure` is that they cannot tell."""
SAID: Final[tuple[Said, ...]] = get_args(Said)
RETRACTED: Final = "retracted"
GRADES: Final = {"relevant": 2, "partly": 1, "not": 0}
"""The grade of each verdict that decides; partly relevant counts as relevant."""
Order = Literal["", "random", "active"]
"""How a pair came to be judged: drawn at random from the negatives, chosen for what its verdict
tells of the others, or in a way that is not known."""


class Verdict(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """A line: what a reviewer said of a document and a query, when, and how they came to be asked.

    `picks` says which negatives the run had then (`picks_of`): a random sample is one of those.
    `p` and `position` are p_relevant, and the place among the query's negatives, at that time.
    """

    query_id: str
    doc_id: str
    verdict: Said | Literal["retracted"]
    reviewer: str = ""
    time: str = ""
    order: Order = ""
    picks: str = ""
    p: float | None = None
    position: int | None = None
    note: str = ""


LINES: Final = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "verdict": pl.String,
    "reviewer": pl.String,
    "time": pl.String,
    "order": pl.String,
    "picks": pl.String,
    "p": pl.Float64,
    "position": pl.Int64,
    "note": pl.String,
}
_DECIDED: Final = pl.col("verdict").is_in(list(GRADES))


def now() -> str:
    """The time as lines have it: UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_lines(verdicts: Sequence[Verdict]) -> pl.DataFrame:
    """Verdicts as a frame of `LINES`, in their order."""
    columns = {name: [getattr(each, name) for each in verdicts] for name in LINES}
    return pl.DataFrame(columns, schema=LINES)


def as_verdicts(lines: pl.DataFrame) -> list[Verdict]:
    """The other way round."""
    return [Verdict(**row) for row in lines.select(*LINES).iter_rows(named=True)]


def read_lines(run: Path) -> pl.DataFrame:
    """Every line of a run's reviews, a frame of `LINES` in the order of the file; maybe none."""
    return as_lines(ReviewFile(run).news())


def standing(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines that count: of each reviewer the last on each pair, unless it takes one back."""
    last = lines.unique(["reviewer", *PAIR], keep="last", maintain_order=True)
    return last.filter(pl.col("verdict") != RETRACTED)


def settled(lines: pl.DataFrame) -> pl.DataFrame:
    """query_id, doc_id, relevant (bool) and grade of every pair that somebody decided, by ids.

    Where reviewers differ a pair is relevant if at least half of them say so: in doubt it is no
    negative. Its grade is the mean, rounded up.
    """
    grade = pl.col("verdict").replace_strict(GRADES, return_dtype=pl.Int32)
    return (
        standing(lines)
        .filter(_DECIDED)
        .group_by(PAIR)
        .agg(relevant=(grade > 0).mean() >= 0.5, grade=grade.mean().ceil().cast(pl.Int32))
        .with_columns(grade=pl.when("relevant").then("grade").otherwise(0).cast(pl.Int32))
        .sort(PAIR)
    )


def read_reviews(run: Path) -> pl.DataFrame:
    """query_id, doc_id, relevant and grade of every pair that has a verdict; see `settled`."""
    return settled(read_lines(run))


def append_reviews(run: Path, verdicts: Sequence[Verdict]) -> int:
    """Add the verdicts that do not stand already in the file; how many."""
    return ReviewFile(run).append(verdicts) if verdicts else 0  # no file for nothing


class ReviewFile:
    """The reviews of one run, followed: what is new in it is read once, whoever wrote it."""

    def __init__(self, run: Path) -> None:
        self.path = run / REVIEWS
        self._whole = 0
        """Bytes of the lines that have been read."""
        self._lines = 0
        self._standing: dict[tuple[str, str, str], Verdict] = {}
        self._unheard: list[Verdict] = []

    def news(self) -> list[Verdict]:
        """The verdicts that have been written since this was last asked.

        A last line that does not end is being written, or was cut short: it is not read.
        """
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            self._read(file.fileno())
        found, self._unheard = self._unheard, []
        return found

    def append(self, verdicts: Sequence[Verdict]) -> int:
        """Add verdicts, each on disk before the next is written; how many were new.

        A verdict that stands already is not written again, so that what is sent twice counts once.
        """
        written = 0
        with explained(self.path), _alone(self.path) as file:
            self._read(file)
            for verdict in verdicts:
                if _same(verdict, self._standing.get(_key(verdict))):
                    continue
                os.ftruncate(file, self._whole)  # a line that a kill cut short
                line = msgspec.json.encode(verdict) + b"\n"
                at = 0
                while at < len(line):  # the last bytes of a full disk take a part of it
                    at += os.pwrite(file, line[at:], self._whole + at)
                os.fsync(file)
                self._take(verdict, len(line))
                written += 1
        return written

    def _read(self, file: int) -> None:
        size = os.fstat(file).st_size
        if size < self._whole:  # somebody has taken lines out: begin again
            self._whole, self._lines, self._standing = 0, 0, {}
        for line in os.pread(file, size - self._whole, self._whole).split(b"\n")[:-1]:
            try:
                verdict = msgspec.json.decode(line, type=Verdict)
            except msgspec.MsgspecError as error:
                raise RunError(
                    f"a verdict cannot be read: {error}",
                    where=f"{self.path}, line {self._lines + 1}",
                    fix="remove the line; every other one is kept",
                ) from None
            self._take(verdict, len(line) + 1)

    def _take(self, verdict: Verdict, length: int) -> None:
        self._whole += length
        self._lines += 1
        self._standing[_key(verdict)] = verdict
        self._unheard.append(verdict)


def _key(verdict: Verdict) -> tuple[str, str, str]:
    return (verdict.reviewer, verdict.query_id, verdict.doc_id)


def _same(new: Verdict, old: Verdict | None) -> bool:
    """Whether a verdict says what stands already, or takes back what does not stand."""
    if old is None:
        return new.verdict == RETRACTED
    return (new.verdict, new.note) == (old.verdict, old.note)


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """The file, made if it is not there, held by nobody else who would write."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            import fcntl  # absent on Windows
        except ImportError:
            import msvcrt

            # Far behind the end, for a locked range cannot be read there.
            os.lseek(file, 1 << 30, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)
