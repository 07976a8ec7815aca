"""Batches: every text once, no wider than allowed, and the same whatever the threads do."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.arrays import Places
from negatives.models import batching
from negatives.models.batching import Read, batches, encode_batches, encode_once
from negatives.models.encoder import Encoded

many_lengths = st.lists(st.integers(0, 40), max_size=60).map(lambda n: np.array(n, np.int64))


@given(many_lengths, st.integers(1, 200))
def test_every_text_is_in_exactly_one_batch(lengths: Places, budget: int) -> None:
    made = batches(lengths, budget)
    assert sorted(int(row) for batch in made for row in batch) == list(range(len(lengths)))


@given(many_lengths, st.integers(1, 200))
def test_a_batch_stays_within_the_budget_unless_it_is_one_text(
    lengths: Places, budget: int
) -> None:
    for batch in batches(lengths, budget):
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget


@given(many_lengths, st.integers(1, 200))
def test_the_longest_come_first_and_equals_keep_their_order(lengths: Places, budget: int) -> None:
    flat = [int(row) for batch in batches(lengths, budget) for row in batch]
    assert flat == sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))


@given(many_lengths, st.integers(1, 200))
def test_no_batch_could_have_taken_the_next_text(lengths: Places, budget: int) -> None:
    made = batches(lengths, budget)
    for batch in made[:-1]:
        assert (len(batch) + 1) * max(1, lengths[batch].max()) > budget


def read(texts: list[str]) -> Read[str]:
    lengths = np.array([len(text) for text in texts], np.int64)
    return Read(texts, lengths, lengths > 5)


def compute(pieces: list[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([[len(text), sum(map(ord, text))] for text in pieces], np.float32)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text("abc", max_size=9), max_size=30), st.integers(1, 30), st.integers(1, 4))
def test_each_text_gets_its_own_vector_and_mark(
    texts: list[str], budget: int, workers: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "SLICE", 4)
        made = encode_batches(texts, 2, read, compute, budget=budget, workers=workers)
    np.testing.assert_array_equal(made.vectors, compute(texts).reshape(-1, 2))
    assert made.truncated.tolist() == [len(text) > 5 for text in texts]


def test_the_batches_do_not_depend_on_which_thread_is_slow() -> None:
    texts = ["a" * (row % 17) + str(row) for row in range(300)]

    def of(workers: int, slow: int) -> set[tuple[str, ...]]:
        seen: set[tuple[str, ...]] = set()
        lock = threading.Lock()

        def computed(pieces: list[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            with lock:
                seen.add(tuple(pieces))
                turn = len(seen)
            time.sleep(0.002 * (turn % slow == 0))
            return compute(pieces)

        encode_batches(texts, 2, read, computed, budget=64, workers=workers)
        return seen

    assert of(1, 2) == of(4, 3) == of(3, 5)


def test_the_next_slice_is_read_while_the_present_one_is_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "SLICE", 1)
    second_read = threading.Event()
    reads: list[str] = []

    def noted(texts: list[str]) -> Read[str]:
        reads.extend(texts)
        if len(reads) == 2:
            second_read.set()
        return read(texts)

    def waiting(pieces: list[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        assert second_read.wait(10), "the next slice is not read before this one is computed"
        return compute(pieces)

    encode_batches(["aaa", "bb"], 2, noted, waiting, budget=10)
    assert reads == ["aaa", "bb"]


def test_an_error_ends_the_work_and_is_the_first_in_the_order_of_the_batches() -> None:
    begun: list[str] = []

    def failing(pieces: list[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        begun.extend(pieces)
        raise ValueError(pieces[0])

    with pytest.raises(ValueError, match="100 aaa"):
        encode_batches([f"{row} aaa" for row in range(1000)], 2, read, failing, budget=1)
    assert len(begun) < 10


@given(st.lists(st.sampled_from("abcdefg")))
def test_a_text_that_comes_twice_is_encoded_once(texts: list[str]) -> None:
    asked: list[list[str]] = []

    def encode(distinct: list[str]) -> Encoded:
        asked.append(distinct)
        return Encoded(compute(distinct).reshape(-1, 2), np.array([t == "c" for t in distinct]))

    made = encode_once(texts, encode)
    assert asked == [list(dict.fromkeys(texts))]
    np.testing.assert_array_equal(made.vectors, compute(texts).reshape(-1, 2))
    assert made.truncated.tolist() == [text == "c" for text in texts]
