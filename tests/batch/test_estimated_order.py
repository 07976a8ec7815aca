"""The order estimated to end with the least loss, against training by every order."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from negatives.batch.estimated_order import EstimatedOrder, best_order, effects, order_effect
from negatives.batch.naive import LossHistory
from negatives.batch.order import permutation
from negatives.batch.random import RandomBatches
from negatives.batch.student_lists import student_lists
from negatives.batch.weights import Naive
from negatives.errors import WorkError
from negatives.stats.linear_student import Student
from tests.batch.made import clustered, flat


@pytest.mark.recipe("sample-order")
def test_the_estimate_tells_which_order_ends_with_less_loss() -> None:
    made = clustered(96, 12, noise=1.5)
    assert made.query_vectors is not None
    assert made.doc_vectors is not None
    lists = student_lists(made, made.query_vectors(), made.doc_vectors())
    blocks = np.array_split(np.arange(96), 4)
    effect = effects(lists, blocks, seed=0)
    held = permutation(96, 0, "estimated-order/held")
    told, true = [], []
    for order in permutations(range(4)):
        student = Student(16, rate=1e-3)
        for block in order:
            student.learn(lists, blocks[block])
        losses = [student.losses(lists, held[at : at + 64]).sum() for at in (0, 64)]
        true.append(sum(losses) / 96)
        told.append(order_effect(effect, order))
    assert np.corrcoef(told, true)[0, 1] > 0.9
    assert tuple(best_order(effect)) == list(permutations(range(4)))[int(np.argmin(told))]


def test_a_gradient_that_is_no_number_is_an_error_and_no_empty_choice() -> None:
    made = clustered(8, 4)
    assert made.query_vectors is not None
    assert made.doc_vectors is not None
    docs = made.doc_vectors().copy()
    docs[3] = np.nan
    lists = student_lists(made, made.query_vectors(), docs)
    with pytest.raises(WorkError, match=r"no finite numbers are among its documents"):
        Student(docs.shape[1]).learn(lists, np.arange(8))


def test_every_epoch_has_the_blocks_in_one_order_and_the_rows_in_another() -> None:
    batches = EstimatedOrder(blocks=3).open(clustered(30, 5), 10)
    first, second = (list(batches.epoch(number)) for number in (0, 1))
    assert [sorted(each) for each in first] == [sorted(each) for each in second]
    assert flat(first).tolist() != flat(second).tolist()


@pytest.mark.recipe("naive-samples")
def test_what_is_learned_stops_counting_and_counts_again_when_its_loss_rises() -> None:
    made = clustered(4, 2)
    weighing = RandomBatches(weight=Naive(floor=0.1, slow=0.5, times=2)).weigh(made)
    assert isinstance(weighing, LossHistory)
    rows = np.arange(4, dtype=np.int32)
    for losses in ([0.01, 1, 1, 1], [0.01, 1, 1, 1]):
        assert weighing.weights(rows, 0, 9).tolist() == [1, 1, 1, 1]
        weighing.observe(rows, np.array(losses, np.float32))
    assert weighing.weights(rows, 2, 9) == pytest.approx([0, 4 / 3, 4 / 3, 4 / 3])
    again = Naive(floor=0.1, slow=0.5, times=2).open(made)
    assert again is not None
    again.restore(weighing.state())
    assert again.weights(rows, 2, 9).tolist() == weighing.weights(rows, 2, 9).tolist()
    weighing.observe(rows[:1], np.array([2.0], np.float32))
    assert weighing.weights(rows, 3, 9).tolist() == [1, 1, 1, 1]
