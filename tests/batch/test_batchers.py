"""What every batcher promises: each row once an epoch, the same for the same seed, none too big."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from negatives.batch.epochs import Ordering
from negatives.batch.examples import Examples
from negatives.errors import RecipeError
from negatives.kinds import KINDS
from negatives.stage import build
from tests.batch.made import any_examples, clustered, examples, flat, in_conflict
from tests.each import for_each

ALL = sorted(KINDS["batch"])
NEED_VECTORS = ["cluster-aware", "neighbours", "no-same-cluster", "self-aware", "topic-aware"]


def batcher(kind: str) -> Ordering:
    made = build("batch", {"kind": kind})
    assert isinstance(made, Ordering)
    return made


@pytest.mark.slow
@for_each("kind", ALL)
@given(made=any_examples(vectors=True), size=st.integers(1, 12), epoch=st.integers(0, 7))
def test_every_row_comes_once_an_epoch_and_no_batch_is_too_big(
    kind: str, made: Examples, size: int, epoch: int
) -> None:
    batches = list(batcher(kind).open(made, size, 3).epoch(epoch))
    assert sorted(flat(batches).tolist()) == list(range(len(made)))
    assert all(0 < len(batch) <= size and batch.dtype == np.int32 for batch in batches)


@for_each("kind", ALL)
def test_no_examples_make_no_batches(kind: str) -> None:
    nothing = np.empty((0, 4), np.float32)
    made = examples([], [], vectors=(nothing, nothing))
    assert list(batcher(kind).open(made, 4).epoch(0)) == []


@pytest.mark.slow
@for_each("kind", ALL)
def test_an_epoch_depends_on_seed_and_number_only(kind: str) -> None:
    made = clustered(200, 10)
    first, second = batcher(kind).open(made, 16, 5), batcher(kind).open(made, 16, 5)
    list(second.epoch(0))
    with threadpool_limits(limits=1):
        once = [batch.tobytes() for batch in first.epoch(2)]
    assert once == [batch.tobytes() for batch in second.epoch(2)]
    assert once != [batch.tobytes() for batch in second.epoch(1)]
    assert once != [batch.tobytes() for batch in batcher(kind).open(made, 16, 6).epoch(2)]


@for_each("kind", ALL)
def test_training_that_was_stopped_goes_on_by_leaving_out_what_it_has_seen(kind: str) -> None:
    made = clustered(100, 5)
    whole = [batch.tolist() for batch in batcher(kind).open(made, 8).epoch(1)]
    rest = [batch.tolist() for batch in islice(batcher(kind).open(made, 8).epoch(1), 4, None)]
    assert rest == whole[4:]


@for_each("kind", ALL)
def test_what_is_told_counts_the_rows_in_conflict(kind: str) -> None:
    made = clustered(60, 4)
    made = Examples(made.query // 2, made.docs, made.known, made.query_vectors, made.doc_vectors)
    opened = batcher(kind).open(made, 8)
    assert opened.told() == {"batches": 0}
    batches = list(opened.epoch(3))
    told = opened.told()
    assert told["conflict_rate"] == pytest.approx(in_conflict(made, batches) / 60)
    assert told["batches"] == len(batches)
    assert (told["examples"], told["largest"]) == (60, max(map(len, batches)))


@pytest.mark.parametrize("kind", NEED_VECTORS)
def test_a_batcher_that_needs_vectors_says_so(kind: str) -> None:
    with pytest.raises(RecipeError) as raised:
        batcher(kind).open(examples([0], [[0]]), 4)
    assert f"{kind} batches need vectors" in raised.value.what
    assert "conflict-free" in raised.value.fix


def test_grouped_batches_keep_the_rows_of_a_query_together() -> None:
    made = examples([row // 3 for row in range(60)], [[row] for row in range(60)])
    for batch in batcher("grouped").open(made, 8).epoch(0):
        queries = made.query[batch].tolist()
        assert all(queries.count(query) == 3 for query in queries)


def test_a_group_bigger_than_a_batch_is_cut() -> None:
    made = examples([0] * 10 + [1], [[row] for row in range(11)])
    assert sorted(map(len, batcher("grouped").open(made, 4).epoch(0))) in ([3, 4, 4], [1, 2, 4, 4])
