"""What lint found: rules, findings, and the report that they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import polars as pl

from negatives.card import Card, Showing
from negatives.measure.audits.asked import Answers
from negatives.measure.lint.facts import FileFacts
from negatives.read.mined.layout import Layout

Severity = Literal["error", "warning", "info"]
Unit = Literal["negatives", "rows", "queries"]
Removes = Literal["negative", "row", "nothing"]

OFFENCES: Final = pl.Schema({"row": pl.UInt32, "place": pl.Int32, "note": pl.String})
"""Where something is wrong; `place` is the negative's in its row, null where it is the row."""

SHOWN: Final = 5
"""Examples of a finding."""


def of_rows(rows: pl.DataFrame, note: pl.Expr | None = None) -> pl.DataFrame:
    """Offences of whole rows, each with a note."""
    said = pl.lit("") if note is None else note
    return rows.select("row", place=pl.lit(None, pl.Int32), note=said).cast(OFFENCES)


@dataclass(frozen=True)
class LintRule:
    """One thing that can be wrong.

    `find` gives the offences; `one` and `many` are the verdict after the count; `removes` is what a
    fix takes out of the file for each offence, but of the layouts that it `spares`.
    """

    name: str
    severity: Severity
    unit: Unit
    find: Callable[[FileFacts], pl.DataFrame]
    one: str
    many: str
    fix: str
    removes: Removes = "nothing"
    spares: Callable[[Layout], bool] = lambda layout: False


@dataclass(frozen=True)
class Finding:
    """What one rule found: how often, in which share, in a sentence, where, and how to fix it.

    `score` is the share of the file's negatives, rows or queries (`unit`) that are affected.
    `offences` (row, place, note) lists them all; `examples` the first five with their texts.

    >>> import polars as pl
    >>> from negatives import lint
    >>> columns = {"query": ["why"], "positive": ["It is so."], "negative": ["it IS so"]}
    >>> pl.DataFrame(columns).write_csv("mined.csv")
    >>> finding = lint("mined.csv")["positive-by-normalised-text"]
    >>> finding.severity, finding.count, finding.rows
    ('error', 1, [1])
    >>> finding.verdict
    '1 negative differs from a positive of its query only by case, punctuation or spaces'
    """

    rule: str
    severity: Severity
    count: int
    unit: Unit
    score: float
    verdict: str
    fix: str
    examples: tuple[dict[str, Any], ...]
    removes: Removes = field(repr=False)
    offences: pl.DataFrame = field(repr=False)

    @property
    def rows(self) -> list[int]:
        """The rows of the file affected, from 1, in order."""
        return self.offences["row"].unique().sort().to_list()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        names = ("rule", "severity", "count", "unit", "score", "verdict", "fix")
        return {name: getattr(self, name) for name in names} | {"examples": list(self.examples)}


@dataclass(frozen=True)
class Report(Showing):
    """What lint found in a file; `findings` come worst first.

    >>> import polars as pl
    >>> from negatives import lint
    >>> columns = {"query": ["why"], "positive": ["It is so."], "negative": ["it IS so"]}
    >>> pl.DataFrame(columns).write_csv("mined.csv")
    >>> report = lint("mined.csv")
    >>> report.ok, [finding.rule for finding in report.findings]
    (False, ['positive-by-normalised-text'])
    """

    file: str
    format: str
    rows: int
    queries: int
    negatives: int
    findings: tuple[Finding, ...]
    facts: FileFacts = field(repr=False)
    notes: tuple[str, ...] = ()
    """What is odd in the file, and was set aside in the collection that it is compared with."""
    asked: Answers | None = None
    """What a language model says of who wrote the negatives, where it was asked."""

    def __repr__(self) -> str:
        told = [f"{len(self.of(kind)):,} {kind}{'s' if len(self.of(kind)) > 1 else ''}"
                for kind in ("error", "warning", "info") if self.of(kind)]  # fmt: skip
        found = ", ".join(told) or "nothing is wrong"
        return f"Report({self.file!r}: {self.rows:,} rows, {self.negatives:,} negatives; {found})"

    def card(self) -> Card:
        """What it says to a person: each finding, and what to do about it."""
        rows = [("note", note) for note in self.notes]
        for finding in self.findings:
            rows += [(finding.severity, f"{finding.rule}: {finding.verdict}"), ("", finding.fix)]
        if not self.findings:
            rows.append(("", "nothing is wrong"))
        if self.asked is not None:
            rows += self.asked.card().rows
        counts = f"{self.rows:,} rows, {self.queries:,} queries, {self.negatives:,} negatives"
        return Card(f"{self.file}: {self.format}, {counts}", tuple(rows))

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings may be left."""
        return not self.of("error")

    def of(self, severity: Severity) -> list[Finding]:
        """The findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]

    def __getitem__(self, rule: str) -> Finding:
        """The finding of a rule; `KeyError` where it found nothing."""
        for finding in self.findings:
            if finding.rule == rule:
                return finding
        raise KeyError(rule)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        names = ("file", "format", "ok", "rows", "queries", "negatives")
        found = [finding.as_dict() for finding in self.findings]
        plain = {name: getattr(self, name) for name in names}
        told = {} if self.asked is None else {"asked": self.asked.as_dict()["checks"]}
        return plain | {"notes": list(self.notes), "findings": found} | told
