"""A model that scores one pair after another, opened on a collection: what such judges share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial

import polars as pl

from negatives.judge.asked_pairs import AskedPairs
from negatives.models.reranker import Reranker
from negatives.models.score_texts import OpenAgain
from negatives.models.scored_pairs import ScoredPairs
from negatives.opening import JudgeContext
from negatives.schema import Floats, Rows


def scored_pairs(
    model: Reranker, name: str, top: int, context: JudgeContext, again: OpenAgain | None = None
) -> ScoredPairs:
    """A model's scores of the pairs of a run, of which about `top` a query will be asked for.

    `again` opens it in other processes, where there are some.
    """
    collection = context.collection
    whole = partial(
        ScoredPairs,
        model,
        name,
        collection,
        context.scratch,
        memory=context.machine.memory,
        emit=context.emit,
        expected=len(collection.mined_queries) * top + len(collection.positives),
    )
    return whole() if again is None else whole(engine=context.engine, again=again)


@dataclass(frozen=True)
class ScoredRuling(ABC):
    """Scores of the chosen pairs; a subclass says what becomes of them.

    `column` holds the scores, `held` those that may be learned from: where the pair would have been
    scored without its label.
    """

    asked: AskedPairs
    scored: ScoredPairs
    column: str
    held: str

    @property
    def fingerprint(self) -> str:
        """Changes with the model."""
        return self.scored.reranker.fingerprint

    @property
    def calls(self) -> int:
        """Pairs that the model has scored since it was opened; the others were in the store."""
        return self.scored.calls

    @property
    def derived(self) -> tuple[pl.Expr, ...]:
        """Further columns, of the scores."""
        return ()

    @abstractmethod
    def rule(self) -> tuple[pl.Expr, pl.Expr]:
        """`verdict` and `reason` from the score's column."""

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The scores of the chosen pairs, null of the others, and what the rule says of them.

        Positives are always scored; `held` is null of those that would not have been.
        """
        made = self.asked.scored(rows, self.score, self.column, self.held)
        return made.with_columns(*self.derived, *self.rule())

    def score(self, query: Rows, doc: Rows) -> Floats:
        """float32[n] of these pairs, whatever else is known of them."""
        return self.scored.score(query, doc)
