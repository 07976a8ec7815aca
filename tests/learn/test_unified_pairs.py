"""Unified pairs: the noise filter as its authors define it, and everybody's pairs in every row."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.learn.encoded import EncodedBatch
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.learn.unified_pairs import UnifiedPairs, kept
from tests.learn.encodings import batch_of, batches, cosine, plain, random_batch

WORKED = torch.tensor([-0.3, 0, 0.05, 0.1, 0.1, 0.15, 0.2, 0.9], dtype=torch.float64)


@pytest.mark.recipe("unpg")
def test_the_worked_fences_drop_both_ends() -> None:
    assert kept(WORKED, "both", 1.5).tolist() == [False, *[True] * 6, False]


@pytest.mark.parametrize(("fences", "dropped"), [("upper", [7]), ("lower", [0]), ("none", [])])
def test_one_end_can_be_spared(fences: str, dropped: list[int]) -> None:
    assert (~kept(WORKED, fences, 1.5)).nonzero().flatten().tolist() == dropped


def test_a_wide_whisker_keeps_all_and_equal_quartiles_only_equals() -> None:
    assert kept(WORKED, "both", 1e9).all()
    same = torch.tensor([0.1, 0.2, 0.2, 0.2, 0.2, 0.3])
    assert kept(same, "both", 1.5).tolist() == [False, True, True, True, True, False]


def test_a_batch_without_pairs_passes_through() -> None:
    batch = random_batch(1, 2)
    unified = UnifiedPairs(temperature=0.05, margin=0).open()(batch)
    assert torch.equal(unified, MultipleNegatives(temperature=0.05).open()(batch))


@pytest.mark.recipe("unpg")
def test_the_worked_loss_of_one_more_pair() -> None:
    assert plain(2, [0.4, 0]) == pytest.approx(0.290602, abs=1e-6)
    assert plain(2, [0.4, 0, 1.6]) == pytest.approx(0.696916, abs=1e-6)
    # A query whose documents have cosines .5, .1 and 0, in a batch whose one pair has .4.
    queries = torch.tensor([[1, 0, 0], [0.4, math.sqrt(1 - 0.16), 0]], dtype=torch.float64)
    docs = torch.tensor(
        [
            [[0.5, 0, math.sqrt(0.75)], [0.1, 0, math.sqrt(0.99)], [0, 0, 1]],
            [[0, 1, 0], [0, 1, 0], [0, 1, 0]],
        ],
        dtype=torch.float64,
    )
    present = torch.tensor([[True] * 3, [True, False, False]])
    relevant = torch.tensor([[1, 0, 0, 1, 0, 0], [0, 0, 0, 1, 0, 0]]).bool()
    batch = batch_of(queries, docs, present=present, relevant=relevant)
    stage = UnifiedPairs(temperature=0.25, margin=0, fences="none")
    # They share a document, so they are no pair until it is unknown.
    assert stage.open()(batch)[0].item() == pytest.approx(0.290602, abs=1e-6)
    relevant[0, 3] = False
    expected = plain(2, [0.4, 0, 0, 1.6])  # the other row's document, of cosine 0, too
    assert stage.open()(batch)[0].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(
    batch=batches(),
    stage=st.builds(
        UnifiedPairs,
        temperature=st.just(0.2),
        margin=st.sampled_from([0.0, 0.3]),
        among=st.sampled_from(["queries", "positives"]),
        fences=st.sampled_from(["both", "upper", "lower", "none"]),
        whisker=st.sampled_from([0.1, 1.5]),
    ),
)
def test_it_is_the_sum_over_pairs(batch: EncodedBatch, stage: UnifiedPairs) -> None:
    n, width = batch.docs.shape[:2]
    queries, pool = batch.queries.detach(), batch.docs.detach().flatten(0, 1)
    relevant = batch.relevant
    there = batch.present.flatten()
    everyone = []
    for i, j in combinations(range(n), 2):
        if stage.among == "queries":
            if not (relevant[i] & relevant[j]).any():
                everyone.append(cosine(queries[i], queries[j]))
        elif not (relevant[:, i * width] & relevant[:, j * width]).any():
            everyone.append(cosine(pool[i * width], pool[j * width]))
    if everyone and stage.fences != "none":
        ordered = sorted(everyone)
        low, high = ordered[int(0.25 * len(ordered))], ordered[int(0.75 * len(ordered))]
        reach = stage.whisker * (high - low) + 1e-12
        bottom = low - reach if stage.fences != "upper" else -2
        top = high + reach if stage.fences != "lower" else 2
        everyone = [each for each in everyone if bottom <= each <= top]
    expected = []
    for i in range(n):
        own = [
            cosine(queries[i], pool[c]) for c in range(n * width) if there[c] and not relevant[i, c]
        ]
        positive = (cosine(queries[i], pool[i * width]) - stage.margin) / stage.temperature
        expected.append(plain(positive, [each / stage.temperature for each in own + everyone]))
    assert stage.open()(batch).tolist() == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.slow
def test_kept_pairs_have_a_gradient_and_the_fences_none() -> None:
    batch = random_batch(5, 0)
    stage = UnifiedPairs(temperature=0.5).open()
    assert torch.autograd.gradcheck(lambda q, d: stage(batch_of(q, d)), (batch.queries, batch.docs))
