"""Shared negatives: one list for a batch, each row blind to its own positives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import InputError
from negatives.sample import (
    InBatchNegatives,
    PopularityNegatives,
    Shared,
    SharedNegatives,
    UniformNegatives,
)
from tests.sample.worlds import Make, Pairs, exclusion, known, makes

worlds = known().flatmap(
    lambda world: st.tuples(st.just(world), makes(world[2]), st.integers(0, 20))
)


@pytest.mark.slow
@given(worlds)
def test_each_row_masks_its_own_positives_and_no_other(
    world: tuple[tuple[Pairs, int, int], Make, int],
) -> None:
    (pairs, queries, docs), make, count = world
    sampler = make(exclusion(pairs, queries, docs), engine="numpy")
    shared = SharedNegatives(sampler).draw(np.arange(queries), count)
    listed = shared.docs.tolist()
    law = sampler.conditioned.law
    some = docs if law.is_uniform else np.count_nonzero(law.tickets)
    assert len(listed) == (min(count, some) if sampler.distinct else count)
    assert shared.mask.tolist() == [[(q, d) not in pairs for d in listed] for q in range(queries)]
    assert shared.missing.tolist() == [sum((q, d) in pairs for d in listed) for q in range(queries)]
    for query in range(queries):
        own = sampler.conditioned.log_q(np.array([query]), shared.docs[None])[0]
        expected = np.where(shared.mask[query], own, -np.inf)
        assert np.array_equal(shared.log_q[query], expected)


def test_a_shared_list_depends_on_seed_and_step_only() -> None:
    sampler = SharedNegatives(UniformNegatives(exclusion([(0, 1)], 9, 1_000), seed=3))
    one, other = sampler.draw([0, 1, 2], 8, step=4), sampler.draw([5], 8, step=4)
    assert np.array_equal(one.docs, other.docs)
    assert not np.array_equal(one.docs, sampler.draw([0, 1, 2], 8, step=5).docs)


def test_what_a_row_keeps_of_a_shared_list_follows_the_law_without_its_positives() -> None:
    known = exclusion([(0, 0)], 2, 3)
    sampler = PopularityNegatives(known, weights=[5, 2, 1], power=1)
    shared = SharedNegatives(sampler).draw([0, 1], 60_000)
    kept = shared.docs[shared.mask[0]]
    assert np.mean(kept == 1) == pytest.approx(2 / 3, abs=0.02)
    assert np.exp(shared.log_q[0, shared.docs == 1][0]) == pytest.approx(2 / 3)
    assert np.exp(shared.log_q[1, shared.docs == 1][0]) == pytest.approx(2 / 8)


@given(known(8), st.integers(0, 99))
def test_in_a_batch_other_rows_positives_are_negatives_unless_also_one_s_own(
    world: tuple[Pairs, int, int], seed: int
) -> None:
    pairs, queries, docs = world
    if not pairs:
        return
    rng = np.random.default_rng(seed)
    batch = rng.choice(sorted(pairs), 6)
    shared = InBatchNegatives(exclusion(pairs, queries, docs)).among(batch[:, 0], batch[:, 1])
    rows = batch.tolist()
    assert shared.mask.tolist() == [[(q, other) not in pairs for _, other in rows] for q, _ in rows]
    total = {d: sum(p[1] == d for p in pairs) for d in range(docs)}
    for i, (query, _) in enumerate(rows):
        left = sum(n for d, n in total.items() if (query, d) not in pairs)
        for j, (_, doc) in enumerate(rows):
            log_q = shared.log_q[i, j]
            if shared.mask[i, j]:
                assert np.exp(log_q) == pytest.approx(total[doc] / left, rel=1e-4)
            else:
                assert np.isneginf(log_q)


def test_a_row_s_own_document_is_no_negative_even_if_not_known() -> None:
    batch = InBatchNegatives(exclusion([], 3, 4), weights=[1, 1, 1, 1])
    shared = batch.among([0, 1, 2], [3, 1, 3])
    assert shared.mask.tolist() == [
        [False, True, False], [True, False, True], [False, True, False]
    ]  # fmt: skip


def among(**settings: Any) -> Shared:
    return InBatchNegatives(exclusion([(0, 1)], 2, 3), **settings).among([0, 1], [1, 2])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: among(), r"that no query has as a positive: \[2\]\n.*`weights`"),
        (lambda: InBatchNegatives(exclusion([(0, 1)], 2, 3)).among([0], [1, 1]), "1 queries are"),
        (lambda: InBatchNegatives(exclusion([], 2, 3)), "every weight is 0"),
        (lambda: among(weights=[1, 1]), "law has 2 documents, the exclusion 3"),
        (
            lambda: SharedNegatives(UniformNegatives(exclusion([], 2, 3))).draw([0], -1),
            "count is -1",
        ),
    ],
)
def test_batches_that_cannot_be_are_refused(wrong: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        wrong()
