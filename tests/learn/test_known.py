"""Known pairs go by text: what is relevant in a batch is what the definition says, in loops."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from negatives.learn.known import KnownPairs
from negatives.text.keys import normalised_keys
from tests.build import collection

numbers = st.lists(st.integers(0, 6), max_size=12)
pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30)


def keys(values: list[int]) -> NDArray[np.uint64]:
    """Keys far apart, as hashes are, in an order that is not that of the numbers."""
    return (np.array(values, np.uint64) * np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)


@given(pairs, numbers, numbers)
def test_a_pair_is_relevant_exactly_if_it_was_listed(
    listed: list[tuple[int, int]], queries: list[int], docs: list[int]
) -> None:
    known = KnownPairs.of_pairs(keys([q for q, _ in listed]), keys([d for _, d in listed]))
    found = known.relevant(keys(queries), keys(docs))
    assert found.shape == (len(queries), len(docs))
    assert found.tolist() == [[(q, d) in listed for d in docs] for q in queries]


@given(pairs)
def test_each_query_and_each_of_its_positives_is_kept_once(listed: list[tuple[int, int]]) -> None:
    known = KnownPairs.of_pairs(keys([q for q, _ in listed]), keys([d for _, d in listed]))
    assert len(known.queries) == len({q for q, _ in listed})
    assert len(known.docs) == len(known.queries)
    assert len(known.docs.values) == len(set(listed))


def test_texts_are_the_same_whatever_their_case_and_punctuation() -> None:
    known = KnownPairs.of_texts(pl.Series(["What is lift?"]), pl.Series(["A force, upwards."]))
    asked = normalised_keys(pl.Series(["what is LIFT", "what is drag"]))
    shown = normalised_keys(pl.Series(["a force upwards", "A force downwards"]))
    assert known.relevant(asked, shown).tolist() == [[True, False], [False, False]]


def test_a_query_that_occurs_twice_has_the_positives_of_both() -> None:
    data = collection(
        {"d1": "one", "d2": "two", "d3": "three"},
        {"q1": "Which?", "q2": "which", "q3": "other"},
        [("q1", "d1", 1), ("q2", "d2", 1), ("q3", "d3", 1), ("q1", "d3", 0)],
    )
    asked = normalised_keys(pl.Series(["which"]))
    shown = normalised_keys(data.corpus["text"])
    assert KnownPairs.of(data).relevant(asked, shown).tolist() == [[True, True, False]]


def test_nothing_known_is_nothing_relevant() -> None:
    assert not KnownPairs.of_pairs(keys([]), keys([])).relevant(keys([1, 2]), keys([1])).any()
