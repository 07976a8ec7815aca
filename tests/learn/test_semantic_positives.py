"""SRA-CL's contrast of users: drawn to the mean of their neighbours, and to no neighbour apart."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from negatives.errors import DataError
from negatives.learn.encoded import EncodedBatch
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.learn.pairs import TrainingPairs
from negatives.learn.semantic_positives import SemanticPositives, neighbour_weights, to_neighbours
from tests.cli.commands import negatives
from tests.learn.encodings import batches, cosine, plain, random_batch


def naive(batch: EncodedBatch, loss: SemanticPositives) -> list[float]:
    """The same, query by query and neighbour by neighbour."""
    assert batch.guide is not None
    n, width = batch.docs.shape[:2]
    queries, pool = batch.queries.detach(), batch.docs.detach().flatten(0, 1)
    guide = batch.guide.queries.detach()
    relevant, present = batch.relevant.tolist(), batch.present.flatten().tolist()
    found = []
    for i in range(n):
        documents = [
            cosine(queries[i], pool[c]) / loss.temperature
            for c in range(n * width)
            if present[c] and not relevant[i][c]
        ]
        value = plain(cosine(queries[i], pool[i * width]) / loss.temperature, documents)
        alike = {j: cosine(guide[i], guide[j]) for j in range(n) if j != i}
        able = [j for j in alike if loss.least <= alike[j] <= 1 - 1e-4]
        near = sorted(able, key=lambda j: -alike[j])[: loss.neighbours]
        if near:
            heavy = [math.exp(alike[j] / loss.sharpness) for j in near]
            units = [queries[j] / queries[j].norm() for j in near]
            mean = sum((w * u for w, u in zip(heavy, units, strict=True)), torch.zeros(()))
            others = [
                cosine(queries[i], queries[j]) / loss.temperature
                for j in alike
                if j not in near and not any(map(min, relevant[i], relevant[j]))
            ]
            second = plain(cosine(queries[i], mean) / loss.temperature, others)
            value += loss.weight * second
        found.append(value)
    return found


@pytest.mark.recipe("sra-cl")
@settings(deadline=None, max_examples=60)
@given(
    batch=batches(),
    loss=st.builds(
        SemanticPositives,
        temperature=st.just(0.2),
        neighbours=st.sampled_from([1, 2, 9]),
        least=st.sampled_from([-1.0, 0.0, 0.5]),
        sharpness=st.sampled_from([0.1, 1.0]),
        weight=st.sampled_from([0.0, 0.1, 2.0]),
    ),
)
def test_it_is_the_sum_over_neighbours_and_others(
    batch: EncodedBatch, loss: SemanticPositives
) -> None:
    assert loss.open()(batch).tolist() == pytest.approx(naive(batch, loss), rel=1e-9, abs=1e-9)


def vectors(*degrees: float) -> Tensor:
    angles = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    return torch.stack([angles.cos(), angles.sin()], -1)


@pytest.mark.recipe("sra-cl")
def test_equal_cosines_count_equally_and_one_neighbour_counts_whole() -> None:
    alike = vectors(0, 60, -60) @ vectors(0, 60, -60).T
    assert neighbour_weights(alike, 2, 0.4, 0.1)[0].tolist() == pytest.approx([0, 0.5, 0.5])
    for sharpness in (0.01, 1.0):
        row = neighbour_weights(alike, 1, 0.4, sharpness)[1].tolist()
        assert row == pytest.approx([1, 0, 0])
    # 60 degrees from it are near enough, 120 are not: of its two the second has but one neighbour
    assert (neighbour_weights(alike, 2, 0.4, 0.1)[1] > 0).tolist() == [True, False, False]


@pytest.mark.recipe("sra-cl")
def test_a_text_is_no_neighbour_of_its_copy() -> None:
    alike = vectors(10, 10, 40) @ vectors(10, 10, 40).T
    copies = neighbour_weights(alike, 2, 0.5, 0.1)[:2]
    assert copies.tolist() == [[0, 0, 1], [0, 0, 1]]


@pytest.mark.recipe("sra-cl")
def test_the_second_positive_is_the_neighbour_where_there_is_one() -> None:
    batch = random_batch(4, 0, seed=3)
    weights = torch.eye(4, dtype=torch.float64).roll(1, 1)  # the next one
    found = to_neighbours(TrainingPairs(batch, "cosine", 0.5), weights).detach()
    for i in range(4):
        others = [j for j in range(4) if j not in (i, (i + 1) % 4)]
        queries = batch.queries.detach()
        logits = {j: cosine(queries[i], queries[j]) / 0.5 for j in range(4)}
        by_hand = plain(logits[(i + 1) % 4], [logits[j] for j in others])
        assert float(found[i]) == pytest.approx(by_hand)


@pytest.mark.recipe("sra-cl")
def test_two_that_are_neighbours_of_each_other_have_no_term_between_them() -> None:
    pair = random_batch(2, 0, guide=replace(random_batch(2, 0), queries=vectors(0, 20)))
    both = SemanticPositives(weight=5.0)
    assert torch.equal(both.open()(pair), MultipleNegatives().open()(pair))


@pytest.mark.recipe("sra-cl")
def test_the_order_of_the_rows_changes_nothing_but_the_order() -> None:
    guide = replace(random_batch(5, 0), queries=vectors(0, 20, 35, 50, 200))
    batch = random_batch(5, 0, guide=guide)
    order = torch.tensor([3, 0, 4, 2, 1])

    def turned(each: EncodedBatch) -> EncodedBatch:
        return replace(each, queries=each.queries[order], docs=each.docs[order])

    found = SemanticPositives(weight=1.0).open()
    moved = found(replace(turned(batch), guide=turned(guide)))
    assert torch.allclose(moved, found(batch)[order])
    assert found.told() == {"rows_with_neighbours": pytest.approx(0.8)}  # type: ignore[attr-defined]


@pytest.mark.recipe("sra-cl")
def test_without_weight_or_neighbours_it_is_multiple_negatives() -> None:
    batch = random_batch(5, 2, guide=random_batch(5, 2, seed=7))
    plainly = MultipleNegatives().open()(batch)
    assert torch.allclose(SemanticPositives(weight=0.0, least=-1.0).open()(batch), plainly)
    assert torch.allclose(SemanticPositives(weight=9.0, least=1.0).open()(batch), plainly)


@pytest.mark.recipe("sra-cl")
def test_the_gradient_is_that_of_finite_differences() -> None:
    guide = replace(random_batch(5, 1), queries=vectors(0, 20, 35, 50, 200))
    batch = random_batch(5, 1, seed=2, guide=guide)
    loss = SemanticPositives(weight=1.0, temperature=0.3).open()

    def total(queries: Tensor, docs: Tensor) -> Tensor:
        return loss(replace(batch, queries=queries, docs=docs)).sum()

    assert torch.autograd.gradcheck(total, (batch.queries, batch.docs))


@pytest.mark.recipe("sra-cl")
def test_a_batch_without_a_guide_is_refused() -> None:
    with pytest.raises(DataError, match="semantic-positives: the batch holds no embeddings"):
        SemanticPositives().open()(random_batch(3, 1))


@pytest.mark.recipe("sra-cl")
def test_histories_that_mean_alike_come_nearer(tmp_path: Path) -> None:
    """From the command line: texts name what users had, items are documents."""
    tastes = {
        "jazz": ["Kind of Blue", "A Love Supreme", "Time Out", "Mingus Ah Um"],
        "rock": ["Paranoid", "Back in Black", "Highway to Hell", "Master of Puppets"],
    }
    rows = [
        (f"{name} records, heard: {', '.join(had[:at] + had[at + 1 :])}", had[at])
        for name, had in tastes.items()
        for at in range(4)
    ]
    pl.DataFrame(rows, schema=["query", "positive"], orient="row").write_csv(tmp_path / "heard.csv")
    done = negatives(
        *("train", tmp_path / "heard.csv", "--recipe", "sra-cl", "--out", tmp_path / "model"),
        *("--set", "train.batch_size=8", "--steps", "5", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert '"rows_with_neighbours": 1.0' in (tmp_path / "model" / "training.json").read_text()
