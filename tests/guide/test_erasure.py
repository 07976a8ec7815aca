"""Erasing a concept with its neighbours: the ring's bounds and the solution's limits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import DataError
from negatives.guide import beyond, erased, in_ring, ring

RANDOM = np.random.default_rng(0)


@pytest.mark.method("realera")
def test_the_worked_numbers() -> None:
    near = ring(np.array([1.0, 0.0, 0.0]), 20, lowest=0.9, highest=0.9)
    assert near[:, 0] == pytest.approx(np.full(20, 0.9))
    assert np.linalg.norm(near - [1, 0, 0], axis=1) == pytest.approx(np.full(20, 0.447214))
    concept = np.array([3.0, 4.0])
    assert ring(concept, 2, lowest=1.0, highest=1.0) == pytest.approx(np.array([concept, concept]))


@given(st.integers(2, 9), st.floats(-1, 1), st.floats(0, 1), st.integers(0, 99))
def test_every_neighbour_is_within_the_bounds(
    size: int, lowest: float, part: float, seed: int
) -> None:
    highest = lowest + part * (1 - lowest)
    concept = np.random.default_rng(seed).normal(size=size)
    for near in ring(concept, 5, lowest=lowest, highest=highest, seed=seed):
        lengths = np.linalg.norm(near) * np.linalg.norm(concept)
        cosine = sum(a * b for a, b in zip(near, concept, strict=True)) / lengths
        assert lowest - 1e-9 <= cosine <= highest + 1e-9
        assert np.linalg.norm(near) == pytest.approx(np.linalg.norm(concept))


def test_real_vectors_are_of_the_ring_or_beyond_it_never_both() -> None:
    vectors, concept = RANDOM.normal(size=(200, 3)), RANDOM.normal(size=3)
    inside, outside = in_ring(vectors, concept), beyond(vectors, concept)
    assert inside.any()
    assert outside.any()
    assert not (inside & outside).any()
    for vector, is_near in zip(vectors, inside, strict=True):
        cosine = vector @ concept / np.linalg.norm(vector) / np.linalg.norm(concept)
        assert is_near == (0.6 <= cosine <= 0.9)


@given(st.integers(0, 99), st.floats(0.01, 10))
def test_it_is_the_matrix_of_the_formula(seed: int, tie: float) -> None:
    random = np.random.default_rng(seed)
    weights, erase, keep = (random.normal(size=shape) for shape in ((3, 4), (2, 4), (5, 4)))
    targets = random.normal(size=(2, 3))
    right, left = tie * weights, tie * np.eye(4)
    for k, v in zip(erase, targets, strict=True):
        right, left = right + np.outer(v, k), left + np.outer(k, k)
    for p in keep:
        right, left = right + np.outer(weights @ p, p), left + np.outer(p, p)
    made = erased(weights, erase, targets, keep, tie=tie)
    assert made == pytest.approx(right @ np.linalg.inv(left), abs=1e-6)


def test_its_limits() -> None:
    weights, erase, keep = RANDOM.normal(size=(3, 4)), np.eye(4)[:1], np.eye(4)[1:3]
    targets = np.array([[1.0, 2.0, 3.0]])
    assert erased(weights, erase, targets, tie=1e12) == pytest.approx(weights)
    sharp = erased(weights, erase, targets, keep, tie=1e-9)
    assert sharp @ erase[0] == pytest.approx(targets[0])
    # What is perpendicular to what is erased is kept exactly, asked for or not.
    assert sharp[:, 1:] == pytest.approx(weights[:, 1:])


def test_nonsense_is_refused() -> None:
    eye = np.eye(2)
    calls: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: ring(np.zeros(3), 1), "has no direction"),
        (lambda: ring(np.ones(3), 1, lowest=0.9, highest=0.6), "a ring of cosines from 0.9 to 0.6"),
        (lambda: erased(eye, eye[:1], eye[:1], eye[:1]), "1 vectors are to be erased and kept"),
        (lambda: erased(eye, np.ones((1, 3)), eye[:1]), "for weights of"),
        (lambda: erased(eye, eye, eye[:1]), "for 2 erased vectors"),
        (lambda: erased(eye, eye[:1], eye[:1], tie=0.0), "a tie of 0"),
    )
    for call, said in calls:
        with pytest.raises(DataError, match=said):
            call()
