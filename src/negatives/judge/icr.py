"""In-context re-ranking as evidence: a small local model's attention to a query's candidates."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles
from negatives.chance import pair_uniforms
from negatives.events import Counted, Progress, Warned
from negatives.judge.asked_pairs import AskedPairs
from negatives.models.in_context import InContext
from negatives.models.language_model import LocalModel, run_here
from negatives.opening import JudgeContext
from negatives.schema import TEXTS, Floats, Needs, Rows
from negatives.stage import Judge
from negatives.store.embedding_shards import text_keys
from negatives.store.pair_scores import PairScores, pair_keys, pair_scores

COLUMN: Final = "icr_score"
HELD: Final = "icr_held"
"""The score where the pair would have been read without its label: what may be learned from."""
_LONG: Final = 60.0
"""Seconds of work from which on the user is told before it is done."""


class ICR(Judge, kind="icr"):
    """Reads a query's likeliest candidates and its positives in one prompt, and sees which it uses.

    How much attention a document draws for the query, less what it draws for a query without
    content (Chen et al. 2025). Two passes for a whole list, nothing is written, and every document
    gets a number. `icr_score` counts in standard deviations from the mean of the query's list,
    since numbers of different prompts cannot be compared; a list of one has none. The documents
    stand in an order drawn by their ids, of which some may be averaged (`orders`), for a model
    looks at some places more than at others.

    >>> from negatives import ICR
    >>> judge = ICR(model="HuggingFaceTB/SmolLM2-135M-Instruct", orders=2)
    >>> judge.needs.queries, judge.scores
    (('text',), ('icr_score',))
    """

    takes_all: ClassVar[bool] = True
    scores: ClassVar[tuple[str, ...]] = (COLUMN,)
    evidence: ClassVar[Mapping[str, int]] = {HELD: 1}

    model: LocalModel
    top: Annotated[
        int,
        Meta(ge=0, description="candidates a query that are read, by reference score; 0: all"),
    ] = 15
    window: Annotated[
        int, Meta(ge=2, description="documents in one prompt; longer lists are read in windows")
    ] = 20
    orders: Annotated[
        int, Meta(ge=1, le=20, description="orders of the documents whose scores are averaged")
    ] = 1
    characters: Annotated[
        int, Meta(ge=1, description="characters of a document that are read, fewer in long lists")
    ] = 600

    @property
    def needs(self) -> Needs:
        """Texts of both sides to read."""
        return TEXTS

    def open(self, context: JudgeContext) -> ICRRuling:
        """Load the model."""
        asked = AskedPairs(self.kind, context.collection, context.reference, self.top)
        model = run_here(self.model, context.machine, attention=True)
        reader = InContext(model, window=self.window, characters=self.characters)
        return ICRRuling(self, asked, reader, context)


@dataclass
class ICRRuling:
    """A language model opened on a collection. `column` holds its scores."""

    stage: ICR
    asked: AskedPairs
    reader: InContext
    context: JudgeContext
    column: str = COLUMN
    calls: int = 0
    """Pairs that the model has read since it was opened; the others were in the store."""
    _seconds: float = field(default=0.0, repr=False)
    _told: bool = field(default=False, repr=False)

    @property
    def fingerprint(self) -> str:
        """Changes with the weights, and with how lists are read."""
        return f"{self.reader.fingerprint}-{self.stage.orders}"

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`icr_score` of the pairs of each query's list, null of the others; it rejects none."""
        return self.asked.scored(rows, self.score, COLUMN, HELD).with_columns(*self.rule())

    def rule(self) -> tuple[pl.Expr, pl.Expr]:
        """No verdict and no reason."""
        none = pl.lit(None, pl.String)
        return none.alias("verdict"), none.alias("reason")

    def score(self, query: Rows, doc: Rows) -> Floats:
        """float32[n]: of each pair, among those of the same query that are given with it."""
        made = np.full(len(query), np.nan, np.float32)
        several = [rows for rows in _of_each(query) if len(rows) > 1]
        before, began = self.calls, self._seconds
        with pair_scores(
            self.context.scratch,
            fingerprint=self.fingerprint,
            name=self.stage.model,
            memory=self.context.machine.memory,
        ) as store:
            for done, rows in enumerate(several, 1):
                made[rows] = self._of_query(store, int(query[rows[0]]), doc[rows])
                self._tell(len(several))
                self.context.emit(Progress("icr", done, len(several), "queries"))
        figures = {
            "pairs": len(query),
            "calls": self.calls - before,
            "seconds": self._seconds - began,
        }
        self.context.emit(Counted("icr", figures))
        return made

    def _of_query(self, store: PairScores, query: int, docs: Rows) -> Floats:
        """float32[docs] of one list; the texts in the orders they are read in are its key."""
        data = self.asked.collection
        (asked,) = data.query_texts(np.array([query], np.uint32))
        texts = data.doc_texts(docs)
        orders = self._orders(query, docs)
        listing = repr([asked, [[texts[place] for place in order] for order in orders]])
        keys = pair_keys(
            np.repeat(text_keys([listing]), len(docs), 0),
            text_keys(str(place) for place in np.argsort(orders[0]).tolist()),
        )
        known, there = store.get(keys)
        if there.all():
            return known
        began = time.perf_counter()
        sums = np.zeros(len(docs))
        for order in orders:
            sums[order] += standardised(self.reader.score(asked, [texts[at] for at in order]))
        made = (sums / len(orders)).astype(np.float32)
        store.add(keys, made)
        self.calls += len(docs)
        self._seconds += time.perf_counter() - began
        return made

    def _orders(self, query: int, docs: Rows) -> list[list[int]]:
        """Places of the documents in each order, drawn by ids."""
        pairs = pl.DataFrame(
            {"query": np.full(len(docs), query, np.uint32), "doc": docs.astype(np.uint32)}
        )
        ids = self.asked.collection.ids_of(pairs)
        return [
            np.argsort(pair_uniforms(ids, self.context.seed, f"icr/order/{n}")).tolist()
            for n in range(self.stage.orders)
        ]

    def _tell(self, queries: int) -> None:
        """After the first list, once: how long it will take, where that is long."""
        if self._told or not self.calls:
            return
        self._told = True
        if self._seconds * queries >= _LONG:
            self.context.emit(
                Warned(
                    f"icr reads a list of {self.calls:,} documents in {self._seconds:,.1f} seconds "
                    f"here: about {self._seconds * queries / 60:,.0f} minutes for {queries:,} "
                    "queries"
                )
            )


def standardised(scores: Doubles) -> Doubles:
    """float64[n]: how many standard deviations each lies above the mean; 0 where all are alike.

    >>> import numpy as np
    >>> standardised(np.array([0.0, 2.0])).tolist()
    [-1.0, 1.0]
    """
    if np.ptp(scores) == 0:  # of equal numbers, the computed deviation need not be 0
        return np.zeros(len(scores))
    return np.asarray((scores - scores.mean()) / scores.std())


def _of_each(query: Rows) -> Sequence[np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Places of the pairs of each query."""
    order = np.argsort(query, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(query[order])) + 1) if len(query) else []
