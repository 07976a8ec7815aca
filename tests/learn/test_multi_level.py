"""Levels: what is positive, negative and out of play at each grade."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings

from negatives.errors import DataError
from negatives.learn.encoded import EncodedBatch
from negatives.learn.multi_level import MultiLevel
from negatives.learn.multiple_negatives import MultipleNegatives
from tests.learn.encodings import batch_of, batches, cosine, of_similarities, plain, random_batch


def graded(cosines: list[float], grades: list[float]) -> EncodedBatch:
    """One query and its own documents."""
    alike = torch.tensor(cosines, dtype=torch.float64)
    docs = torch.stack([alike, (1 - alike**2).sqrt()], 1).unsqueeze(0)
    return batch_of(torch.tensor([[1.0, 0.0]]).double(), docs, labels=torch.tensor([grades]))


@pytest.mark.recipe("detective")
@pytest.mark.parametrize(
    ("cosines", "expected"),
    [([0.9, 0.5, -0.2, 0.1], 0.000192), ([0.1, 0.05, -0.9, -0.9], 0.00000179)],
)
def test_the_worked_level_leaves_out_rather_than_counting_exp_0(
    cosines: list[float], expected: float
) -> None:
    losses = MultiLevel(weights=[1]).open()(graded(cosines, [1, 1, 0, 0]))
    assert losses.tolist() == [pytest.approx(expected, abs=6e-7, rel=1e-2)]


def test_one_level_with_one_positive_is_multiple_negatives() -> None:
    labels = torch.tensor([[1.0, 0.0, 0.0]] * 4)
    batch = random_batch(4, 2, labels=labels)
    found = MultiLevel(temperature=0.05, weights=[1]).open()(batch)
    assert torch.allclose(found, MultipleNegatives(temperature=0.05).open()(batch))


def test_each_level_has_only_what_is_below_it_against_it() -> None:
    batch = graded([0.9, 0.6, 0.3, 0.1], [3, 2, 1, 0])
    z = [s / 0.07 for s in (0.9, 0.6, 0.3, 0.1)]
    levels = [plain(z[2], z[3:]), plain(z[1], z[2:]), plain(z[0], z[1:])]
    for weights in ([1, 0, 0], [0, 1, 0], [0, 0, 1], [0.2, 0.3, 0.5]):
        expected = sum(w * each for w, each in zip(weights, levels, strict=True))
        found = MultiLevel(weights=[float(w) for w in weights]).open()(batch)
        assert found.tolist() == [pytest.approx(expected)]


def test_a_level_nobody_is_at_costs_nothing() -> None:
    batch = graded([0.1, 0.9], [2, 0])
    assert MultiLevel(weights=[1, 0, 1]).open()(batch).tolist() == [0]


def test_documents_of_other_rows_are_negatives_unless_told_otherwise() -> None:
    batch = of_similarities([[0.5, 0.4], [0.3, 0.6]], labels=torch.tensor([[1.0], [1.0]]))
    losses = MultiLevel(temperature=1, weights=[1]).open()(batch)
    assert losses.tolist() == pytest.approx([plain(0.5, [0.4]), plain(0.6, [0.3])])
    alone = MultiLevel(temperature=1, weights=[1], in_batch=False).open()(batch)
    assert alone.tolist() == [0, 0]


@settings(deadline=None, max_examples=40)
@given(batch=batches())
def test_it_is_the_sum_over_levels(batch: EncodedBatch) -> None:
    stage = MultiLevel(temperature=0.3, weights=[1.0, 0.5, 2.0])
    n, width = batch.docs.shape[:2]
    assert batch.labels is not None
    queries, pool = batch.queries.detach(), batch.docs.detach().flatten(0, 1)
    labels, there = batch.labels.flatten().tolist(), batch.present.flatten().tolist()
    expected = []
    for i in range(n):
        z = [cosine(queries[i], doc) / 0.3 for doc in pool]
        mine = [c for c in range(n * width) if c // width == i and there[c]]
        known = batch.relevant[i].tolist()
        total = 0.0
        for grade, weight in enumerate(stage.weights, 1):
            same = [z[c] for c in mine if labels[c] == grade]
            lower = [z[c] for c in mine if labels[c] < grade and not (known[c] and labels[c] == 0)]
            others = [
                z[c] for c in range(n * width) if c // width != i and there[c] and not known[c]
            ]
            if same:
                total += weight * plain(sum(same) / len(same), lower + others)
        expected.append(total)
    assert stage.open()(batch).tolist() == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_gradients_of_levels_are_right() -> None:
    labels = torch.tensor([[3, 2, 2, 0], [2, 1, 0, 0]], dtype=torch.float64)
    batch = random_batch(2, 3)
    stage = MultiLevel(temperature=0.5).open()
    assert torch.autograd.gradcheck(
        lambda q, d: stage(batch_of(q, d, labels=labels)), (batch.queries, batch.docs)
    )


def test_a_batch_without_grades_is_an_error() -> None:
    with pytest.raises(DataError, match="no grades"):
        MultiLevel().open()(random_batch(2, 1))
