"""What a stage is opened with, and what it is once it is open on a collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import polars as pl

from negatives.arrays import Floats, Rows
from negatives.engine import LOCAL, Mapper
from negatives.events import Emit, silent
from negatives.machine import MODEST, Machine
from negatives.schema import Collection


@dataclass(frozen=True, slots=True)
class Context:
    """What a stage is opened with, for one collection.

    `scratch` is a folder of this stage's own that lives as long as the run is unfinished: an index
    or vectors kept there survive a restart, and other processes that open the stage find them.
    `engine` carries out what can be done in parts, such as encoding many texts.
    """

    collection: Collection
    scratch: Path
    machine: Machine = MODEST
    engine: Mapper = LOCAL
    seed: int = 0
    emit: Emit = silent


@dataclass(frozen=True, slots=True)
class JudgeContext(Context):
    """What a judge is opened with: the run's sources by label, and which is the reference.

    `sources` is filled before any row is judged. `saw_labels`: those of them whose scores were
    learned from the labels of the collection, so that they tell a pair's own label.
    """

    reference: str = ""
    sources: Mapping[str, Proposer] = field(default_factory=dict)
    saw_labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EstimateContext(JudgeContext):
    """What an estimator is opened with: what the run's judges and sources say of themselves.

    `evidence`: what may be learned from (`Judge.evidence`). `copies`: rows that a judge knows for
    copies (`Judge.copies`); None: nobody looks. `blind`: labels of the sources that propose without
    looking at the judgements.
    """

    evidence: Mapping[str, int] = field(default_factory=dict)
    copies: pl.Expr | None = None
    blind: frozenset[str] = frozenset()


class Proposer(Protocol):
    """A source opened on a collection."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever ranks or scores would for a reason the recipe does not show."""

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Candidates for `queries`: query, doc (uint32), rank (int32, from 1), score (float32).

        Sorted by (query, rank); a sampling source adds log_q (float32). `proposed` holds what the
        sources before this one in the recipe proposed for the same queries.
        """

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """float32[n] score of each given pair, or None where the source scores only its own."""


@runtime_checkable
class Likens(Protocol):
    """A proposer that can also say how alike two documents, or two queries, are."""

    def doc_likeness(self, left: Rows, right: Rows) -> Floats:
        """float32[n]: likeness of document left[i] to document right[i]; higher is more alike."""

    def query_likeness(self, left: Rows, right: Rows) -> Floats:
        """float32[n]: likeness of two mined queries each."""


@runtime_checkable
class Tiled(Protocol):
    """A proposer whose search can be done in ranges of documents, and put together afterwards.

    A tile is docs: uint32[q, k] and scores: float32[q, k] of its queries and its range.
    """

    def tile(self, queries: Rows, start: int, stop: int) -> tuple[Rows, Floats]:
        """What there is for `queries` among documents `start` to `stop` - 1."""

    def among(self, tiles: Sequence[tuple[Rows, Floats]]) -> Proposer:
        """The same proposer, to be asked for the queries of these tiles, which cover the corpus."""


@dataclass(frozen=True)
class Foreseen:
    """What asking would cost: `asked` questions, of which `known` need no call; the rest `calls`.

    `read` and `written`: tokens, about and at most. `money`: None where no price is given. `pairs`:
    what the questions are about, where they are about pairs.

    >>> Foreseen(asked=10, known=4, read=2400, written=48, money=None).calls
    6
    """

    asked: int
    known: int
    read: int
    written: int
    money: float | None
    pairs: int = 0

    @property
    def calls(self) -> int:
        """Questions that no answer is known to."""
        return self.asked - self.known

    def __add__(self, other: Foreseen) -> Foreseen:
        prices = [each.money for each in (self, other) if each.money is not None]
        return Foreseen(
            self.asked + other.asked,
            self.known + other.known,
            self.read + other.read,
            self.written + other.written,
            sum(prices) if prices else None,
            self.pairs + other.pairs,
        )


NOTHING: Final = Foreseen(asked=0, known=0, read=0, written=0, money=None)
"""What asking nothing costs."""


class Ruling(Protocol):
    """A judge opened on a collection."""

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Evidence for `rows`: a frame of the same height and order, of new columns only.

        Three columns have a meaning of their own: `verdict`, null where the judge has no objection,
        `reason`, prose that nothing parses, and, of a judge with several rules, `rule`, the name of
        the one; without it the judge's kind is the rule. `rows` holds query, doc, relevance (null:
        unjudged) and NAME_rank, NAME_score of every source; whole queries only, positives included.
        """
