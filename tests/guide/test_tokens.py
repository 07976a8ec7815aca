"""NegToMe: the page's numbers, loops over tokens, and what is left as it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Doubles
from negatives.errors import DataError
from negatives.guide import negtome
from tests.guide.both import arrays, both

REFERENCE = np.array([[0.9, 0.1], [-1.0, 0.0]])


@pytest.mark.method("negtome")
def test_the_worked_numbers() -> None:
    made = both(negtome, np.eye(2), REFERENCE, alpha=0.9, threshold=0.65)
    assert made == pytest.approx(np.array([[1.09, -0.09], [0.0, 1.0]]))
    # Over the wrong axis this would be [[1.18, -.54], [-.72, 1.36]].
    other = both(negtome, np.eye(2), np.array([[0.8, 0.6], [1.0, 0.0]]))
    assert other == pytest.approx(np.eye(2))


def naive(hidden: Doubles, reference: Doubles, alpha: float, threshold: float) -> Doubles:
    """Token by token."""
    made = hidden.copy()
    for place, token in enumerate(hidden):
        cosines = []
        for other in reference:
            lengths = [max(float(np.linalg.norm(each)), 1e-12) for each in (token, other)]
            cosines.append(float(token @ other / lengths[0] / lengths[1]))
        if max(cosines) > threshold:
            equal = [cosine == max(cosines) for cosine in cosines]  # all, of a token of no length
            match = reference[equal].mean(axis=0)
            made[place] = (1 + alpha) * token - alpha * match
    return made


@given(arrays(3, 4), st.integers(0, 2**32 - 1), st.floats(0, 2), st.floats(-0.9, 0.999))
def test_it_is_what_a_loop_over_tokens_makes(
    hidden: Doubles, seed: int, alpha: float, threshold: float
) -> None:
    random = np.random.default_rng(seed)
    reference = random.normal(size=(5, 4))
    made = both(negtome, hidden, reference, alpha=alpha, threshold=threshold)
    assert made == pytest.approx(naive(hidden, reference, alpha, threshold), abs=1e-6)
    turned = negtome(hidden, random.permutation(reference), alpha=alpha, threshold=threshold)
    assert turned == pytest.approx(made)


def test_what_is_left_as_it_is() -> None:
    random = np.random.default_rng(0)
    hidden, reference = random.normal(size=(2, 6, 3)), random.normal(size=(4, 3))
    for kept in (
        both(negtome, hidden, reference, alpha=0.0, threshold=-1.0),
        both(negtome, hidden, reference, threshold=1.0),
        both(negtome, hidden, reference, threshold=-1.0, mask=np.zeros(4, bool)),
        both(negtome, hidden, hidden, threshold=0.999),  # each is its own match
        both(negtome, np.zeros((2, 3)), np.zeros((2, 3)), threshold=0.5),
    ):
        assert np.isfinite(kept).all()
        assert kept == pytest.approx(hidden if kept.shape == hidden.shape else np.zeros((2, 3)))


def test_only_tokens_that_are_let_be_a_match_are_one() -> None:
    mask = np.array([False, True])
    made = both(negtome, np.eye(2), np.array([[1.0, 0.1], [0.8, 0.6]]), mask=mask, alpha=1.0)
    assert made == pytest.approx(np.array([[1.2, -0.6], [0.0, 1.0]]))


def test_each_item_of_a_batch_has_the_reference_or_one_of_its_own() -> None:
    random = np.random.default_rng(1)
    hidden, references = random.normal(size=(3, 4, 5)), random.normal(size=(3, 6, 5))
    own = both(negtome, hidden, references, threshold=0.0)
    for item in range(3):
        assert own[item] == pytest.approx(naive(hidden[item], references[item], 0.9, 0.0))
    shared = negtome(hidden, references[0], threshold=0.0)
    assert shared[2] == pytest.approx(naive(hidden[2], references[0], 0.9, 0.0))


def test_moved_tokens_resemble_their_match_less() -> None:
    hidden, match = np.array([[1.0, 0.3]]), np.array([[1.0, 0.0]])
    cosines = [
        float((made / np.linalg.norm(made))[0] @ match[0])
        for made in (negtome(hidden, match, alpha=alpha) for alpha in (0.0, 0.5, 0.9))
    ]
    assert cosines == sorted(cosines, reverse=True)
    assert cosines[0] > cosines[-1]


def test_other_features_and_no_cosine_are_refused() -> None:
    with pytest.raises(DataError, match=r"features \(2, 2\) and of the reference \(2, 3\)"):
        negtome(np.eye(2), np.ones((2, 3)))
    with pytest.raises(DataError, match="a threshold of 2"):
        negtome(np.eye(2), np.eye(2), threshold=2)
