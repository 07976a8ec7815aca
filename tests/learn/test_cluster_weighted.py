"""MEOW's loss: how often clusterings keep a negative apart is how often it counts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from negatives.learn.cluster_weighted import (
    ClusterWeighted,
    apart,
    spreads,
    times_apart,
    to_centres,
)
from tests.learn.batches import drawn

NODES = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], dtype=torch.float64)
CLUSTERINGS = torch.tensor([[0, 0, 1], [0, 1, 1]])
APART = [[0, 1, 2], [1, 0, 1], [2, 1, 0]]


def worked(weights: Tensor) -> Tensor:
    """The rows of the page's three nodes, each of which is its own positive, at temperature .5."""
    logits = NODES @ NODES.T / 0.5
    return apart(logits.diagonal().clone(), logits, weights)


@pytest.mark.recipe("meow")
def test_the_worked_nodes() -> None:
    weights = times_apart(CLUSTERINGS, CLUSTERINGS)
    assert weights.tolist() == APART
    found = worked(weights)
    assert found.tolist() == pytest.approx([-0.060822, 0.113015, -0.328505], abs=1e-6)
    assert float(found.mean()) == pytest.approx(-0.092104, abs=1e-6)


@pytest.mark.recipe("meow")
def test_where_all_weights_are_larger_so_is_the_loss_by_their_logarithm() -> None:
    weights = torch.tensor(APART)
    assert (worked(3 * weights) - worked(weights)).tolist() == pytest.approx([math.log(3)] * 3)
    # each node a cluster of its own: every other one counts once (the decoupled InfoNCE)
    alone = times_apart(torch.arange(3)[None], torch.arange(3)[None])
    assert alone.tolist() == (1 - torch.eye(3, dtype=torch.int64)).tolist()


@pytest.mark.recipe("meow")
def test_a_row_with_no_negative_has_neither_a_loss_nor_a_gradient() -> None:
    positive = torch.ones(2, dtype=torch.float64, requires_grad=True)
    logits = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    found = apart(positive, logits * 1.0, torch.tensor([[0, 0, 0], [0, 1, 0]]))
    found.sum().backward()
    assert found.tolist() == [0.0, -1.0]
    assert positive.grad is not None
    assert logits.grad is not None
    assert positive.grad.tolist() == [0.0, -1.0]
    assert logits.grad.tolist() == [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def classes(seed: int) -> Tensor:
    """float64[24, 4]: three classes of eight vectors, far apart, all a little scattered."""
    chance = torch.Generator().manual_seed(seed)
    noise = torch.randn(24, 4, generator=chance, dtype=torch.float64)
    return torch.eye(4, dtype=torch.float64)[:3].repeat(8, 1) + 0.05 * noise


@pytest.mark.recipe("meow")
def test_documents_of_the_same_class_are_not_pushed_away() -> None:
    loss = ClusterWeighted(sizes=[8, 8], prototypes=0.0)
    batch = replace(drawn(1, 24, 1, 4), queries=classes(1), docs=classes(2)[:, None])
    docs = batch.docs.requires_grad_()
    loss.open()(batch)[0].backward()
    assert docs.grad is not None
    pushed = docs.grad.squeeze(1).norm(dim=-1)
    own = torch.arange(24) % 3 == 0
    assert pushed[own][1:].tolist() == [0.0] * 7
    assert (pushed[~own] > 0).all()


@pytest.mark.recipe("meow")
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_it_is_what_plain_loops_say(seed: int, n: int, width: int) -> None:
    batch = drawn(seed, n, width)
    chance = torch.Generator().manual_seed(seed)
    relevant = batch.relevant | (torch.rand(n, n * width, generator=chance) < 0.2)
    present = batch.present.clone()
    present[:, 1:] = torch.rand(n, width - 1, generator=chance) < 0.7
    batch = replace(batch, relevant=relevant, present=present)
    loss = ClusterWeighted(sizes=[3, 1], prototypes=0.5)
    there = present.flatten()
    unit = torch.nn.functional.normalize
    groups = loss._clustered(unit(batch.pool(), dim=-1), there)
    assert ((groups < 0) == ~there).all()
    queries, docs = unit(batch.queries, dim=-1).tolist(), unit(batch.pool(), dim=-1).tolist()
    expected = []
    for i in range(n):
        own = i * width
        total = 0.0
        for j in range(n * width):
            times = sum(int(row[j] != row[own]) for row in groups.tolist())
            if there[j] and not relevant[i, j]:
                total += times * math.exp(np.dot(queries[i], docs[j]) / 0.4)
        row = math.log(total) - np.dot(queries[i], docs[own]) / 0.4 if total else 0.0
        expected.append(row + 0.5 * sum(_drawn(docs, own, r, there) for r in groups.tolist()) / 2)
    assert loss.open()(batch).tolist() == pytest.approx(expected, abs=1e-5)


def _drawn(docs: list[list[float]], own: int, groups: list[int], there: Tensor) -> float:
    """-log of the share of a document's own centre, in plain loops."""
    members = {
        c: [np.array(docs[j]) for j, each in enumerate(groups) if each == c]
        for c in sorted({c for c, kept in zip(groups, there.tolist(), strict=True) if kept})
    }
    centres = {c: sum(every) / np.linalg.norm(sum(every)) for c, every in members.items()}
    wide = {
        c: np.mean([np.linalg.norm(each - centres[c]) for each in every]) / math.log(len(every) + 5)
        for c, every in members.items()
    }
    widest = max(wide.values())
    wide = {c: wide[c] if len(members[c]) > 1 else widest for c in wide}
    low, high = np.quantile(list(wide.values()), [0.1, 0.9])
    wide = {c: min(max(each, low), high) for c, each in wide.items()}
    mean = np.mean(list(wide.values()))
    logits = {
        c: np.dot(docs[own], centres[c]) / (wide[c] / mean * 0.4 if mean > 1e-12 else 0.4)
        for c in members
    }
    return float(math.log(sum(map(math.exp, logits.values()))) - logits[groups[own]])


@pytest.mark.recipe("meow")
def test_the_gradient_is_that_of_finite_differences() -> None:
    batch = drawn(3, 6, 2)
    queries, docs = batch.queries.requires_grad_(), batch.docs.requires_grad_()
    loss = ClusterWeighted(sizes=[4, 2], prototypes=0.0).open()

    def total(queries: Tensor, docs: Tensor) -> Tensor:
        return loss(replace(batch, queries=queries, docs=docs)).sum()

    assert torch.autograd.gradcheck(total, (queries, docs))
    # centres and spreads are constants of the second term
    groups = torch.tensor([0, 0, 1, 1, 2, 2])
    members = torch.nn.functional.normalize(docs[:, 0].detach(), dim=-1)
    vectors = queries.detach().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda vectors: to_centres(vectors, groups, members, groups, 0.4).sum(), (vectors,)
    )


@pytest.mark.recipe("meow")
def test_a_lone_member_is_as_wide_as_the_widest_and_all_have_the_temperature_on_average() -> None:
    distances = torch.tensor([0.2, 0.4, 0.0, 0.6, 0.6])
    groups, sizes = torch.tensor([0, 0, 1, 2, 2]), torch.tensor([2, 1, 2])
    found = spreads(distances, groups, sizes, 0.4)
    assert float(found.mean()) == pytest.approx(0.4)
    assert found[1] == found[2] > found[0]
    assert spreads(distances * 0, groups, sizes, 0.4).tolist() == pytest.approx([0.4] * 3)
