"""Multiple negatives: which pairs are contrasted, and the same numbers as sentence-transformers."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from negatives.errors import RecipeError
from negatives.learn.encoded import EncodedBatch
from negatives.learn.focal import Focal
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.learn.pairs import Direction
from tests.each import for_each
from tests.learn.encodings import batch_of, batches, cosine, of_similarities, random_batch

DIRECTIONS: list[Direction] = list(get_args(Direction))


def naive(batch: EncodedBatch, loss: MultipleNegatives) -> list[float]:
    """The same, pair by pair."""
    n, width = batch.docs.shape[:2]
    pool = batch.docs.detach().flatten(0, 1)
    queries, relevant = batch.queries.detach(), batch.relevant.tolist()
    present = batch.present.flatten().tolist()
    assert batch.p_relevant is not None
    doubts = batch.p_relevant.flatten().tolist()
    alike = cosine if loss.similarity == "cosine" else lambda a, b: float(a @ b)

    def answers_both(i: int, j: int) -> bool:
        return any(relevant[i][c] and relevant[j][c] for c in range(n * width))

    def answer_one(c: int, d: int) -> bool:
        return any(relevant[q][c] and relevant[q][d] for q in range(n))

    def of_query(i: int) -> list[float]:
        found = []
        for c in range(n * width):
            hard = c // width == i
            if relevant[i][c] or not present[c]:
                continue
            if (loss.negatives == "hard" and not hard) or (loss.negatives == "in-batch" and hard):
                continue
            s, weight = alike(queries[i], pool[c]), 1.0
            doubt = 0.0 if math.isnan(doubts[c]) else doubts[c]
            if hard and loss.doubt == "weight":
                weight = 1 - doubt
            if hard and loss.doubt == "mask" and doubt > 0.5:
                continue
            if loss.hardness_of == "all" or hard == (loss.hardness_of == "hard"):
                weight *= math.exp(loss.hardness * s)
            found.append(weight * math.exp(s / loss.temperature))
        return found

    def terms(i: int, direction: Direction) -> list[float]:
        mine, t = pool[i * width], loss.temperature
        if direction == "query-doc":
            return of_query(i)
        if direction == "doc-query":
            others = [queries[j] for j in range(n) if not relevant[j][i * width]]
            return [math.exp(alike(mine, q) / t) for q in others]
        if direction == "query-query":
            others = [queries[j] for j in range(n) if j != i and not answers_both(i, j)]
            return [math.exp(alike(queries[i], q) / t) for q in others]
        docs = [
            pool[c]
            for c in range(n * width)
            if c // width != i and present[c] and not answer_one(i * width, c)
            # a document answering this query is no negative of its positive
        ]
        return [math.exp(alike(mine, d) / t) for d in docs]

    losses = []
    for i in range(n):
        sums = [sum(terms(i, direction)) for direction in loss.directions]
        sums = [sum(sums)] if loss.partition == "joint" else sums
        own = [i * width]
        if loss.positives == "known":
            own = [c for c in range(n * width) if relevant[i][c] and present[c]]
        each = [
            math.log1p(total / math.exp(alike(queries[i], pool[c]) / loss.temperature))
            for c in own
            for total in sums
        ]
        losses.append(sum(each) / len(each))
    return losses


@pytest.mark.slow
@settings(deadline=None)
@given(
    batch=batches(),
    loss=st.builds(
        MultipleNegatives,
        temperature=st.sampled_from([0.1, 1.0]),
        similarity=st.sampled_from(["cosine", "dot"]),
        negatives=st.sampled_from(["all", "hard", "in-batch"]),
        directions=st.lists(st.sampled_from(DIRECTIONS), min_size=1, unique=True),
        partition=st.sampled_from(["joint", "per-direction"]),
        positives=st.sampled_from(["own", "known"]),
        doubt=st.sampled_from(["ignore", "weight", "mask"]),
        hardness=st.sampled_from([0.0, 0.7]),
        hardness_of=st.sampled_from(["all", "hard", "in-batch"]),
    ),
)
def test_it_is_the_sum_over_pairs(batch: EncodedBatch, loss: MultipleNegatives) -> None:
    assert loss.open()(batch).tolist() == pytest.approx(naive(batch, loss), rel=1e-9, abs=1e-9)


def test_the_worked_in_batch_numbers() -> None:
    batch = of_similarities([[0.6, 0.5, 0.2], [0.1, 0.7, 0.6], [0, 0.3, 0.5]])
    expected = [0.326563, 0.315072, 0.132845]
    losses = MultipleNegatives(temperature=0.1).open()(batch)
    assert losses.tolist() == pytest.approx(expected, abs=1e-6)


def test_duplicates_in_a_batch_floor_the_loss_unless_they_are_known() -> None:
    same = torch.eye(3)[[0, 0, 1]].double()
    known = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]]).bool()
    loss = MultipleNegatives(temperature=0.01).open()
    unaware = loss(batch_of(same, same.unsqueeze(1)))
    aware = loss(batch_of(same, same.unsqueeze(1), relevant=known))
    assert unaware[:2].tolist() == pytest.approx([math.log(2)] * 2)
    assert aware.tolist() == pytest.approx([0] * 3)


def test_swapping_the_sides_changes_nothing_when_both_directions_count() -> None:
    batch = random_batch(4, 0)
    swapped = batch_of(batch.docs[:, 0], batch.queries.unsqueeze(1))
    both = MultipleNegatives(directions=["query-doc", "doc-query"], partition="per-direction")
    assert torch.allclose(both.open()(batch), both.open()(swapped))


def test_a_rotation_of_everything_changes_nothing() -> None:
    batch = random_batch(4, 2)
    turn = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))[0]
    loss = MultipleNegatives(directions=DIRECTIONS).open()
    turned = batch_of(batch.queries @ turn, batch.docs @ turn)
    assert torch.allclose(loss(batch), loss(turned))


THEIRS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    (
        {"directions": DIRECTIONS[:2], "partition": "per-direction"},
        {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"},
    ),
    (
        {"directions": ["query-doc", "query-query", "doc-doc"]},
        {"directions": ("query_to_doc", "query_to_query", "doc_to_doc")},
    ),
    *(
        (
            {"hardness": 5.0, "hardness_of": ours},
            {"hardness_strength": 5.0, "hardness_mode": theirs},
        )
        for ours, theirs in (
            ("all", "all_negatives"),
            ("hard", "hard_negatives"),
            ("in-batch", "in_batch_negatives"),
        )
    ),
]


@for_each(("ours", "theirs"), THEIRS)
@for_each("k", [0, 1, 3])
def test_loss_and_gradient_are_those_of_sentence_transformers(
    ours: dict[str, Any], theirs: dict[str, Any], k: int
) -> None:
    batch = random_batch(6, k)
    mine = MultipleNegatives(temperature=0.05, **ours).open()(batch).mean()
    other = MultipleNegativesRankingLoss(None, scale=20.0, **theirs)
    columns = [batch.queries, *batch.docs.unbind(1)]
    reference = other.compute_loss_from_embeddings(columns, None)
    assert mine.item() == pytest.approx(reference.item(), rel=1e-9)
    leaves = [batch.queries, batch.docs]
    found, expected = torch.autograd.grad(mine, leaves), torch.autograd.grad(reference, leaves)
    for a, b in zip(found, expected, strict=True):
        assert torch.allclose(a, b)


@pytest.mark.slow
@for_each("negatives", ["all", "hard", "in-batch"])
@for_each("doubt", ["ignore", "weight", "mask"])
def test_writing_masks_in_place_leaves_the_gradient_right(negatives: str, doubt: str) -> None:
    relevant = random_batch(3, 2).relevant.clone()
    relevant[0, 3] = relevant[2, 1] = True
    chances = torch.rand(3, 3, dtype=torch.float64)
    loss = MultipleNegatives(
        negatives=negatives,  # type: ignore[arg-type]
        doubt=doubt,  # type: ignore[arg-type]
        directions=DIRECTIONS,
        positives="known",
        temperature=0.5,
    ).open()
    batch = random_batch(3, 2)
    assert torch.autograd.gradcheck(
        lambda q, d: loss(batch_of(q, d, relevant=relevant, p_relevant=chances)),
        (batch.queries, batch.docs),
    )


def test_certainly_relevant_hard_negatives_have_no_weight() -> None:
    doubted = random_batch(3, 2, p_relevant=torch.ones(3, 3))
    in_batch = MultipleNegatives(negatives="in-batch").open()(doubted)
    weighed = MultipleNegatives(doubt="weight").open()(doubted)
    assert torch.allclose(weighed, in_batch)


def test_a_direction_named_twice_is_an_error() -> None:
    with pytest.raises(RecipeError, match="named twice"):
        MultipleNegatives(directions=["doc-doc", "doc-doc"])


# Focal


@pytest.mark.recipe("kalm-v2")
def test_focal_weights_and_mean_losses_as_worked() -> None:
    positive = [0.9, 0.5, 0.1]  # probabilities, each against one hard negative of logit 0
    rows = [[math.log(p / (1 - p)), 0.0] for p in positive]
    docs = torch.tensor(rows, dtype=torch.float64).unsqueeze(-1)
    batch = batch_of(torch.ones(3, 1, dtype=torch.float64), docs)
    means = []
    for gamma in (0, 0.5, 1):
        loss = Focal(gamma=gamma, temperature=1, similarity="dot", negatives="hard").open()(batch)
        means.append(loss.mean().item())
        if gamma == 0.5:
            weights = loss / -torch.tensor(positive).double().log()
            assert weights.tolist() == pytest.approx([0.316228, 0.707107, 0.948683], abs=1e-6)
    assert means == pytest.approx([1.033698, 0.902624, 0.809812], abs=1e-6)


def test_focal_weights_have_no_gradient() -> None:
    batch = random_batch(4, 1)
    losses = MultipleNegatives(temperature=0.5).open()(batch)
    weights = (1 - (-losses.detach()).exp()).sqrt()
    expected = torch.autograd.grad((weights * losses).sum(), batch.queries)[0]
    focal = Focal(temperature=0.5, gamma=0.5).open()(batch)
    assert torch.allclose(torch.autograd.grad(focal.sum(), batch.queries)[0], expected)
