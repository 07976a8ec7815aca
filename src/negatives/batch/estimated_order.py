"""Batches in the order that is estimated to end with the least loss, without training by any."""

from __future__ import annotations

from itertools import permutations
from typing import Annotated, Final

import numpy as np
from msgspec import Meta
from threadpoolctl import threadpool_limits

from negatives.arrays import Doubles, Floats, Places
from negatives.batch.curriculum import difficulty
from negatives.batch.epochs import Ordering, Orders
from negatives.batch.examples import Examples
from negatives.batch.needed import missing
from negatives.batch.order import cut, permutation
from negatives.batch.student_lists import student_lists
from negatives.stats.linear_student import Lists, Student, batches_of

_ROWS: Final = 512
"""Examples of a block, and held-out ones, by which gradients are told, at most."""
_STEP: Final = 1e-2
"""Of a gradient of length 1, by which the map is moved to see how gradients change."""


class EstimatedOrder(Ordering, kind="estimated-order"):
    """Blocks of rising difficulty, in the order estimated to end with the least loss.

    Yang et al. (2025) estimate what a training order leads to without retraining, by Taylor
    expansions of the optimiser's updates, and choose a curriculum by it. A reconstruction: the
    model is a linear map of the frozen vectors, and the updates are those of gradient descent. To
    second order, what depends on the order is, over all blocks j that come before i, the sum of
    v . H_i g_j: g_j the gradient of block j, H_i the curvature of block i, v the gradient of
    held-out examples. Of all orders of the blocks the one with the least sum is taken, every epoch;
    within a block chance decides.

    >>> from negatives import tiny
    >>> from negatives.batch.estimated_order import EstimatedOrder
    >>> tiny.batches(EstimatedOrder(blocks=2), size=4)
    [['tram', 'car', 'van', 'cat'], ['dog', 'hen', 'bus', 'cat 2']]
    """

    blocks: Annotated[
        int, Meta(ge=1, le=7, description="of equal size, by difficulty, that are put in order")
    ] = 5

    def orders(self, examples: Examples, size: int, seed: int) -> Orders:
        """Estimate once; every epoch shuffles each block anew."""
        if examples.query_vectors is None or examples.doc_vectors is None:
            raise missing(self.kind)
        ranked = np.argsort(difficulty(examples), kind="stable")
        parts = [part for part in np.array_split(ranked, self.blocks) if len(part)]
        lists = student_lists(examples, examples.query_vectors(), examples.doc_vectors())
        best = best_order(effects(lists, parts, seed))

        def order(epoch: int) -> Places:
            shuffled = permutation(len(examples), seed, f"{self.kind}/{epoch}")
            place = np.empty(len(examples), np.int64)
            for at, block in enumerate(best):
                place[parts[block]] = at
            return shuffled[np.argsort(place[shuffled], kind="stable")]

        return lambda epoch: cut(order(epoch), size)


def effects(lists: Lists, blocks: list[Places], seed: int) -> Doubles:
    """float64[i, j]: v . H_i g_j, what it adds to the loss that block j comes before block i."""
    held = permutation(len(lists), seed, "estimated-order/held")[:_ROWS]
    drawn = [
        block[permutation(len(block), seed, f"estimated-order/{at}")[:_ROWS]]
        for at, block in enumerate(blocks)
    ]
    with threadpool_limits(limits=1, user_api="blas"):
        start = Student(lists.queries.shape[1]).map
        towards = _gradient(lists, held, start)
        length = float(np.linalg.norm(towards)) or 1.0
        gradients = [_gradient(lists, rows, start) for rows in drawn]
        moved = np.float32(_STEP / length) * towards
        curved = [
            (_gradient(lists, rows, start + moved) - _gradient(lists, rows, start - moved))
            * np.float32(length / (2 * _STEP))
            for rows in drawn
        ]
    return np.array(
        [[float(np.vdot(after, before)) for before in gradients] for after in curved], np.float64
    )


def best_order(effect: Doubles) -> list[int]:
    """Of all orders the one whose sum of effect[i, j], j before i, is least; the first of several.

    >>> import numpy as np
    >>> best_order(np.array([[0.0, 1.0, 1.0], [2.0, 0.0, -1.0], [0.0, 3.0, 0.0]]))
    [0, 2, 1]
    """
    every = list(permutations(range(len(effect))))
    return list(every[int(np.argmin([order_effect(effect, each) for each in every]))])


def order_effect(effect: Doubles, order: tuple[int, ...]) -> float:
    """The sum of effect[i, j] over all j that come before i."""
    return float(sum(effect[after, order[at]] for n, after in enumerate(order) for at in range(n)))


def _gradient(lists: Lists, rows: Places, at: Floats) -> Floats:
    """float32[dim, dim]: of the mean loss of `rows`, in batches, where the map is `at`."""
    student = Student(len(at))
    student.map = at
    parts = [(student.gradient(lists, part)[0], len(part)) for part in batches_of(rows, 64)]
    made: Floats = sum(part * np.float32(n / len(rows)) for part, n in parts)  # type: ignore[assignment]
    return made
