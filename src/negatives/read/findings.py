"""What reading found: bad rows, by what is wrong with them, and notes about what is merely odd.

A reader adds every bad row here and goes on. Without a quarantine (`quarantine.py`) the first five
become one `DataError`; with one they are set aside, counted, and the rest is read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from negatives.errors import DataError

FIRST: Final = 5
"""Offenders listed in a message; the rest are counted."""

RAW_LIMIT: Final = 60
"""Characters of a bad line shown in a message; the quarantine file holds it whole."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a row can be wrong: its name, how to say it of one or many, how to fix."""

    key: str
    one: str
    many: str
    fix: str

    def of(self, count: int, *, more: bool = False, total: int = 0) -> str:
        """The fault said of `count` rows, of `total` where it is known; or of at least so many."""
        at_least = "at least " if more else ""
        said = self.one if count == 1 and not more else self.many
        if total:
            rows, verdict = self.many.split(" ", 1)[0], said.split(" ", 1)[1]
            return f"{at_least}{count:,} of {total:,} {rows} {verdict}"
        return f"{at_least}{count:,} {said}"


NOT_JSON = Fault(
    "not-json",
    "line is not JSON",
    "lines are not JSON",
    "write one JSON object a line, as UTF-8",
)
REPEATED_KEY = Fault(
    "repeated-key",
    "line names a key twice",
    "lines name a key twice",
    "write every key once: of two values nobody can say which is meant",
)
NOT_UTF8 = Fault(
    "not-utf8",
    "line is not UTF-8",
    "lines are not UTF-8",
    "save the file as UTF-8 (for example: iconv -f cp1252 -t utf-8)",
)
MISSING = Fault(
    "missing",
    "row lacks an id or a text",
    "rows lack an id or a text",
    'give every row an id and a text (an empty text, "", is accepted)',
)
MISSING_ID = Fault(
    MISSING.key,
    "row lacks an id",
    "rows lack an id",
    "give every row both ids, or take it out",
)
WRONG_TYPE = Fault(
    "wrong-type",
    "row has a value of the wrong type",
    "rows have a value of the wrong type",
    "write texts as strings, ids as strings or whole numbers, relevance as whole numbers",
)
HEADER_AGAIN = Fault(
    "header-again",
    "row is the header again",
    "rows are the header again",
    "take it out: files joined into one keep the header of the first alone",
)
RAGGED = Fault(
    "ragged",
    "row has the wrong number of columns",
    "rows have the wrong number of columns",
    "give every row the columns of the others, and quote a field that holds the separator",
)
BAD_QUOTES = Fault(
    "bad-quotes",
    "row has quotation marks that do not match",
    "rows have quotation marks that do not match",
    'write " inside a quoted field as "", or save the file as JSONL',
)
STRAY_RETURN = Fault(
    "stray-return",
    "row has a carriage return in the middle of a field without quotation marks",
    "rows have a carriage return in the middle of a field without quotation marks",
    "end all lines in the same way (for example: dos2unix, mac2unix), or quote such fields",
)
BAD_SCORE = Fault(
    "bad-score",
    "row has a relevance that is no whole number",
    "rows have a relevance that is no whole number",
    "grade with whole numbers: above 0 relevant, 0 judged and not relevant; scores of a teacher do "
    "not tell which documents are negatives; of ratings --relevant-from tells which are likes",
)
DUPLICATE_ID = Fault(
    "duplicate-id",
    "row repeats an id",
    "rows repeat an id",
    "give every document, and every query, an id of its own",
)
DANGLING = Fault(
    "dangling",
    "row names a query or document that is not there",
    "rows name a query or document that is not there",
    "add the missing queries and documents, or remove these rows",
)
CONTRADICTORY = Fault(
    "contradictory",
    "row judges a pair again, differently",
    "rows judge a pair again, differently",
    "keep one judgement a pair",
)


@dataclass
class _Seen:
    count: int = 0
    total: int = 0
    first: list[dict[str, Any]] = field(default_factory=list)


class Findings:
    """Bad rows and notes of one reading.

    `option`: how a command that is not asked to sets bad rows aside, for the message. `count_lost`:
    judgements of documents that the corpus lacks are kept, for measures to count as not found.
    """

    def __init__(
        self, sink: IO[bytes] | None = None, *, set_aside: bool = False, option: str = ""
    ) -> None:
        self.set_aside = set_aside or sink is not None
        self.count_lost = False
        self._option = option
        self.faults: dict[Fault, _Seen] = {}
        self._sink = sink
        self._counts: Counter[tuple[str, str]] = Counter()
        self._files: list[tuple[str, str]] = []

    def file(self, path: Path | str, unit: str = "line") -> int:
        """A number by which rows of a table say that they come from `path`."""
        entry = (str(path), unit)
        if entry not in self._files:
            self._files.append(entry)
        return self._files.index(entry)

    def seen_from(self, file: int, other: int, number: int) -> str:
        """Row `number` of the file `other`, said in a message about a row of `file`."""
        path, unit = self._files[other]
        return f"{unit} {number}" if file == other else f"{unit} {number} of {path}"

    def add(self, fault: Fault, file: int, number: int, reason: str, raw: object) -> None:
        """Row `number` (from 1) of `file` is bad; `raw` is what it held."""
        path, unit = self._files[file]
        seen = self.faults.setdefault(fault, _Seen())
        seen.count += 1
        if len(seen.first) < FIRST:
            seen.first.append({"file": path, unit: number, "reason": reason})
        if self._sink is not None:
            row = {"file": path, unit: number, "fault": fault.key, "reason": reason, "raw": raw}
            self._sink.write(msgspec.json.encode(row) + b"\n")

    def among(self, fault: Fault, rows: int) -> None:
        """The rows of a fault are some of so many."""
        if fault in self.faults:
            self.faults[fault].total += rows

    def place(self, file: int, number: int) -> str:
        """Where row `number` of `file` is, for a message."""
        path, unit = self._files[file]
        return f"{path}, {unit} {number}"

    def note(self, one: str, many: str, count: int) -> None:
        """Add to the count of something odd; `{n}` in the texts is where the count goes.

        `many` is empty where it is the same sentence however often, such as once for each side.
        """
        if count:
            self._counts[one, many] += count

    def enough(self) -> None:
        """Stop reading, when bad rows are errors and there are as many as a message lists."""
        if not self.set_aside and any(seen.count >= FIRST for seen in self.faults.values()):
            raise self._error(more=True)

    def done(self) -> None:
        """A file or a check is finished: stop if it had bad rows and they are errors."""
        if not self.set_aside and self.faults:
            raise self._error(more=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was set aside and what is odd, one sentence each."""
        aside = [f"{_said(fault, seen)}: set aside" for fault, seen in self.faults.items()]
        odd = [
            (one if count == 1 or not many else many).replace("{n}", f"{count:,}")
            for (one, many), count in self._counts.items()
        ]
        return (*aside, *odd)

    def problems(self) -> list[dict[str, Any]]:
        """Every fault with its count and first offenders, as plain values."""
        return [
            {
                "kind": fault.key,
                "what": _said(fault, seen),
                "count": seen.count,
                "first": seen.first,
                "fix": fault.fix,
            }
            for fault, seen in self.faults.items()
        ]

    def _error(self, *, more: bool) -> DataError:
        (fault, seen), *others = self.faults.items()
        also = "".join(f"; also {_said(other, left)}" for other, left in others)
        every = [offender for each in self.faults.values() for offender in each.first]
        where = "\n         ".join(_place(offender) for offender in every[:FIRST])
        return DataError(
            fault.of(seen.count, more=more and seen.count >= FIRST, total=seen.total) + also,
            where=where,
            fix=fault.fix + (f"; or set bad rows aside with {self._option}" * bool(self._option)),
        )


def _said(fault: Fault, seen: _Seen) -> str:
    return fault.of(seen.count, total=seen.total)


def _place(offender: dict[str, Any]) -> str:
    unit = "line" if "line" in offender else "row"
    return f"{offender['file']}, {unit} {offender[unit]}: {offender['reason']}"


def shown(text: str) -> str:
    """The beginning of a bad line, for a message."""
    return repr(text if len(text) <= RAW_LIMIT else text[:RAW_LIMIT] + "...")
