"""A small student that costs seconds: a linear map of frozen query vectors, learned by softmax.

    score(q, d) = scale * (q W) . d,  W = 1 at first;  loss(q) = -log softmax over its list

The list of an example is its positive, its own negatives, and the positives of the rows it shares a
batch with, without those known to be relevant to it. What a large model would find hard, learn
late, or never learn can be read off such a student long before the large one is trained; that is
all it is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from negatives.arrays import Bools, Doubles, Floats, Places
from negatives.errors import WorkError
from negatives.one_thread import one_thread

SCALE: Final = 20.0
RATE: Final = 0.1
BATCH: Final = 64


@dataclass(frozen=True)
class Lists:
    """The examples a student sees: n of them, by row."""

    queries: Floats
    """float32[n, dim], unit length: the query of each."""
    docs: Floats
    """float32[documents, dim], unit length."""
    shown: Places
    """int64[n, 1 + k]: its positive and its negatives, by document; -1 where there are fewer."""
    query: Places
    """int64[n]: the number of its query."""
    known: Places
    """int64[p]: query * documents + document of every pair known to be relevant, sorted."""

    def __len__(self) -> int:
        return len(self.queries)

    def absent(self, rows: Places) -> Bools:
        """bool[b, b + k]: what is not in the list of each of `rows`, as `Student.logits` has it."""
        positive, others = self.shown[rows, 0], self.shown[rows, 1:]
        pairs = self.query[rows][:, None] * len(self.docs) + positive
        relevant = _within(pairs, self.known) | (positive[:, None] == positive)
        np.fill_diagonal(relevant, False)
        return np.concatenate([relevant, others < 0], axis=1)


class Student:
    """The map W, as it is learned. `rate` is that of plain gradient descent.

    >>> import numpy as np
    >>> unit = np.eye(2, dtype=np.float32)
    >>> askew = np.array([[0.6, 0.8], [0.8, 0.6]], np.float32)
    >>> seen = Lists(askew, unit, np.array([[0, 1], [1, 0]]), np.arange(2), np.array([0, 3]))
    >>> student = Student(2)
    >>> before = student.losses(seen, np.arange(2)).mean()
    >>> _ = student.learn(seen, np.arange(2))
    >>> bool(student.losses(seen, np.arange(2)).mean() < before)
    True
    """

    def __init__(self, dim: int, *, scale: float = SCALE, rate: float = RATE) -> None:
        self.map = np.eye(dim, dtype=np.float32)
        self._scale, self._rate = scale, rate

    def logits(self, lists: Lists, rows: Places) -> Floats:
        """float32[b, b + k]: the positives of all rows (own ones on the diagonal), own negatives.

        What is not in a list is -inf.
        """
        mapped = lists.queries[rows] @ self.map
        shown = lists.shown[rows]
        near = mapped @ lists.docs[shown[:, 0]].T
        own = np.einsum("bd,bkd->bk", mapped, lists.docs[shown[:, 1:]])
        scores = np.concatenate([near, own], axis=1) * np.float32(self._scale)
        scores[lists.absent(rows)] = -np.inf
        return scores

    def losses(self, lists: Lists, rows: Places) -> Doubles:
        """float64[b]: minus the log of what the softmax gives the positive."""
        return _losses(self.logits(lists, rows))

    def gradient(self, lists: Lists, rows: Places) -> tuple[Floats, Doubles]:
        """float32[dim, dim] of the mean loss of `rows` by the map, and the losses.

        Raises `WorkError` where it is no number: what is read off such a student would be an empty
        choice, and nobody would know why.
        """
        scores = self.logits(lists, rows)
        shares = np.exp(scores - scores.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        wrong = shares.copy()
        wrong[np.arange(len(rows)), np.arange(len(rows))] -= 1
        shown = lists.shown[rows]
        pulled = wrong[:, : len(rows)] @ lists.docs[shown[:, 0]]
        pulled += np.einsum("bk,bkd->bd", wrong[:, len(rows) :], lists.docs[shown[:, 1:]])
        made = lists.queries[rows].T @ pulled * np.float32(self._scale / len(rows))
        if not np.isfinite(made).all():
            parts = {
                "map": self.map,
                "queries": lists.queries[rows],
                "documents": lists.docs[shown],
                "scores": np.where(lists.absent(rows), 0, scores),
                "shares": shares,
                "pull": pulled,
            }
            at_fault = [name for name, values in parts.items() if not np.isfinite(values).all()]
            raise WorkError(
                f"a student of {len(rows)} examples has a gradient that is no number; no finite "
                f"numbers are among its {', '.join(at_fault) or 'last product alone'}",
                fix="look at the vectors that the encoder gives; where these are right, report it",
            )
        return made, _losses(scores)

    def learn(self, lists: Lists, rows: Places) -> Doubles:
        """One step on a batch; its losses before the step."""
        gradient, losses = self.gradient(lists, rows)
        self.map -= np.float32(self._rate) * gradient
        return losses

    def epoch(self, lists: Lists, order: Places, size: int = BATCH) -> Doubles:
        """float64[len(order)]: one pass in that order; the loss of each as it came by."""
        losses = [np.empty(0)]
        with one_thread():  # or rounding would follow the threads
            losses += [self.learn(lists, rows) for rows in batches_of(order, size)]
        return np.concatenate(losses)

    def seen(self, lists: Lists, order: Places, size: int = BATCH) -> tuple[Doubles, Places]:
        """Loss of each of `order` without learning, and the rank of its positive in its list."""
        losses, ranks = [np.empty(0)], [np.empty(0, np.int64)]
        with one_thread():
            for rows in batches_of(order, size):
                scores = self.logits(lists, rows)
                own = np.diagonal(scores)
                losses.append(_losses(scores))
                ranks.append(1 + (scores > own[:, None]).sum(1))
        return np.concatenate(losses), np.concatenate(ranks)


def batches_of(order: Places, size: int) -> Iterator[Places]:
    """`size` rows at a time, the last of them fewer."""
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _losses(scores: Floats) -> Doubles:
    high = scores.max(1, keepdims=True)
    whole = np.log(np.exp(scores - high).sum(1, dtype=np.float64)) + high[:, 0]
    return np.asarray(whole - np.diagonal(scores), np.float64)


def _within(values: Places, among: Places) -> Bools:
    """Whether each is one of the sorted `among`."""
    if not len(among):
        return np.zeros(values.shape, bool)
    at = np.minimum(np.searchsorted(among, values), len(among) - 1)
    return np.asarray(among[at] == values)
