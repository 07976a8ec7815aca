"""The pairs of a batch a loss contrasts, direction by direction, and which never are negatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from negatives.learn.contrast import leave_out
from negatives.learn.encoded import EncodedBatch
from negatives.learn.similarity import unit
from negatives.optional import Tensor, torch

Direction = Literal["query-doc", "doc-query", "query-query", "doc-doc"]
"""What row i is contrasted with: its query with the pool, its positive with the other queries, its
query with the other queries, its positive with the pool but for its own documents."""
Matrix = Callable[[Any], Tensor]


class TrainingPairs:
    """Logits (similarity / temperature) of a batch of n queries and m = n * (1 + k) documents.

    Each matrix is made anew when asked for, so that its user may change it in place. What must not
    be a negative follows from `relevant` and `present` alone, so every loss masks the same.
    """

    def __init__(self, batch: EncodedBatch, similarity: str, temperature: float) -> None:
        self.batch = batch
        self.temperature = temperature
        self.unit_queries = unit(_single(batch.queries), similarity)
        self.unit_docs = unit(_single(batch.docs), similarity)
        self.queries = self.unit_queries / temperature
        """float[n, dim]: divided by the temperature, which is cheaper than to divide the logits."""
        self.pool = self.unit_docs.flatten(0, 1)
        """float[m, dim]"""
        self.width = batch.docs.shape[1]
        """1 + k"""

    def positive(self) -> Tensor:
        """float[n]: each query and its own positive."""
        return (self.queries * self.unit_docs[:, 0]).sum(-1)

    def own(self) -> Tensor:
        """float[n, k]: each query and its own negatives."""
        return by_row(self.unit_docs[:, 1:], self.queries)

    def own_never(self) -> Tensor:
        """bool[n, k]"""
        batch = self.batch
        return own_of(batch.relevant, self.width)[:, 1:] | ~batch.present[:, 1:]

    def query_doc(self) -> Tensor:
        """float[n, m]"""
        return times(self.queries, self.pool)

    def query_doc_never(self, *, own: bool = False) -> Tensor:
        """bool[n, m]: relevant documents and fillers, and with `own` all documents of the row."""
        made: Tensor = self.batch.relevant | ~self.batch.present.flatten()
        if own:
            own_of(made, self.width).fill_(True)
        return made

    def doc_query(self) -> Tensor:
        """float[n, n]: positive i and query j."""
        return times(self.unit_docs[:, 0], self.queries)

    def doc_query_never(self) -> Tensor:
        """bool[n, n]: where positive i answers query j."""
        return self.batch.relevant[:, :: self.width].T

    def query_query(self) -> Tensor:
        """float[n, n]"""
        return times(self.queries, self.unit_queries)

    def query_query_never(self) -> Tensor:
        """bool[n, n]: where one document answers both queries; the diagonal, so."""
        relevant = self.batch.relevant
        shared = relevant[:, relevant.sum(0) > 1].float()  # few documents answer several queries
        never: Tensor = shared @ shared.T > 0
        return never.fill_diagonal_(True)

    def doc_doc(self) -> Tensor:
        """float[n, m]: positive i and document j of the pool."""
        return times(self.unit_docs[:, 0] / self.temperature, self.pool)

    def doc_doc_never(self) -> Tensor:
        """bool[n, m]: documents that answer a query which positive i answers, fillers, its row."""
        relevant = self.batch.relevant
        never = self.query_doc_never(own=True)
        answers = relevant[:, :: self.width]
        several = answers.sum(0) > 1  # the others answer their own query alone: `relevant` has it
        never[several] |= answers[:, several].T.float() @ relevant.float() > 0
        return never

    def positives(self) -> Tensor:
        """float[n, n]: positive i and positive j."""
        return times(self.unit_docs[:, 0] / self.temperature, self.unit_docs[:, 0])

    def positives_never(self) -> Tensor:
        """bool[n, n]: where one query is answered by both; the diagonal, so."""
        return self.doc_doc_never()[:, :: self.width]

    def masked(self, direction: Direction) -> Tensor:
        """The logits of a direction, what is never a negative left out."""
        logits, never = _OF_DIRECTION[direction]
        return leave_out(logits(self), never(self))


_OF_DIRECTION: Final[Mapping[Direction, tuple[Matrix, Matrix]]] = {
    "query-doc": (TrainingPairs.query_doc, TrainingPairs.query_doc_never),
    "doc-query": (TrainingPairs.doc_query, TrainingPairs.doc_query_never),
    "query-query": (TrainingPairs.query_query, TrainingPairs.query_query_never),
    "doc-doc": (TrainingPairs.doc_doc, TrainingPairs.doc_doc_never),
}
"""Logits, and what is never a negative."""


def own_of(matrix: Tensor, width: int) -> Tensor:
    """[n, 1 + k]: a view of [n, n * (1 + k)] on each row's own documents."""
    rows = len(matrix)
    return matrix.view(rows, rows, width).diagonal(0, 0, 1).T


def times(left: Tensor, right: Tensor) -> Tensor:
    """float[n, m]: products of all pairs; in full precision, which mixed precision would not do."""
    with torch.autocast(left.device.type, enabled=False):
        made: Tensor = left @ right.T
    return made


def by_row(documents: Tensor, queries: Tensor) -> Tensor:
    """float[n, s]: products of each query float[n, dim] and its own float[n, s, dim]; likewise."""
    with torch.autocast(queries.device.type, enabled=False):
        made: Tensor = (documents @ queries.unsqueeze(-1)).squeeze(-1)
    return made


def _single(vectors: Tensor) -> Tensor:
    """At least float32: with 8 bits of mantissa a logit of 100 is off by a quarter."""
    return vectors.float() if vectors.element_size() < 4 else vectors
