"""Guidance by predictions: the pages' numbers, naive loops, and what holds whatever is given."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Doubles
from negatives.errors import DataError
from negatives.guide import cfg, negative_prompt, perp_neg, perpendicular, subtracted
from tests.guide.both import arrays, both

NONE, WANTED, UNWANTED = np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[0.6, 0.8]]])
predictions = arrays(3, 2, 2)
"""Three samples of four numbers."""
weights = st.floats(0, 5)


@pytest.mark.method("perp-neg")
def test_the_worked_numbers() -> None:
    away = both(perp_neg, NONE, WANTED, [UNWANTED], 1.0, scale=7.5)
    assert away.tolist() == [[7.5, -6.0]]
    assert both(perpendicular, UNWANTED, WANTED).tolist() == [[0.0, 0.8]]
    assert both(subtracted, NONE, WANTED, [UNWANTED], 1.0, scale=7.5).tolist() == [[3.0, -6.0]]
    assert both(negative_prompt, UNWANTED, WANTED, 7.5) == pytest.approx(np.array([[3.6, -5.2]]))


def naive(
    none: Doubles, wanted: Doubles, others: list[Doubles], given: list[float], scale: float
) -> Doubles:
    """Perp-Neg, sample by sample and number by number."""
    made = np.empty_like(none)
    for sample in range(len(none)):
        u, c = none[sample].ravel(), wanted[sample].ravel()
        guided = [a - b for a, b in zip(c, u, strict=True)]
        length = sum((a - b) ** 2 for a, b in zip(c, u, strict=True))
        for weight, other in zip(given, others, strict=True):
            e = [a - b for a, b in zip(other[sample].ravel(), u, strict=True)]
            inner = sum(x * (a - b) for x, a, b in zip(e, c, u, strict=True))
            for place in range(len(u)):
                along = inner / max(length, 1e-6) * (c[place] - u[place])
                guided[place] -= weight * (e[place] - along)
        made[sample] = np.reshape(u + scale * np.array(guided), none[sample].shape)
    return made


@given(predictions, predictions, predictions, predictions, weights, weights)
def test_perp_neg_is_what_loops_over_each_sample_make(
    none: Doubles, wanted: Doubles, first: Doubles, second: Doubles, one: float, two: float
) -> None:
    made = both(perp_neg, none, wanted, [first, second], [one, two], scale=3.0)
    assert made == pytest.approx(naive(none, wanted, [first, second], [one, two], 3.0), abs=1e-6)


@given(predictions, predictions, predictions, weights, st.floats(0, 8))
def test_what_is_guided_along_the_wanted_is_the_scale_whatever_the_negatives(
    none: Doubles, wanted: Doubles, other: Doubles, weight: float, scale: float
) -> None:
    wanted = wanted + 20 * (np.arange(4).reshape(2, 2) == 0)  # a direction there is
    made = perp_neg(none, wanted, [other], weight, scale=scale)
    for sample in range(3):
        d = (wanted - none)[sample].ravel()
        along = (made - none)[sample].ravel() @ d / np.linalg.norm(d)
        assert along == pytest.approx(scale * np.linalg.norm(d), abs=1e-6)
        assert perpendicular(other, wanted - none)[sample].ravel() @ d == pytest.approx(0, abs=1e-6)
    apart = made - cfg(none, wanted, scale)
    further = none + 2 * (other - none)
    assert perp_neg(none, wanted, [further], weight, scale=scale) - cfg(
        none, wanted, scale
    ) == pytest.approx(2 * apart, abs=1e-6)


@given(predictions, predictions, predictions, st.floats(0.5, 9))
def test_what_becomes_of_special_negatives(
    none: Doubles, wanted: Doubles, other: Doubles, scale: float
) -> None:
    plain = both(cfg, none, wanted, scale)
    assert perp_neg(none, wanted, [other], 0.0, scale=scale) == pytest.approx(plain)
    assert perp_neg(none, wanted, [], scale=scale) == pytest.approx(plain)
    apart = wanted - none
    if (np.square(apart).sum((1, 2)) > 1e-6).all():
        # The positive as its own negative takes nothing away; subtracted, all of the guidance.
        assert perp_neg(none, wanted, [wanted], 2.0, scale=scale) == pytest.approx(plain, abs=1e-6)
    assert subtracted(none, wanted, [wanted], 1.0, scale=scale) == pytest.approx(none, abs=1e-6)
    # A perpendicular negative is subtracted whole.
    right = none + perpendicular(perpendicular(other - none, apart), apart)
    assert perp_neg(none, wanted, [right], 0.7, scale=scale) == pytest.approx(
        subtracted(none, wanted, [right], 0.7, scale=scale), abs=1e-3
    )


@given(predictions, predictions, predictions, st.floats(1, 9))
def test_a_negative_prompt_is_a_subtraction_of_no_weight_of_its_own(
    none: Doubles, wanted: Doubles, other: Doubles, scale: float
) -> None:
    made = both(negative_prompt, other, wanted, scale)
    weight = (scale - 1) / scale
    assert made == pytest.approx(subtracted(none, wanted, [other], weight, scale=scale), abs=1e-6)
    assert negative_prompt(wanted, wanted, scale) == pytest.approx(wanted)
    assert both(cfg, none, wanted, 1.0) == pytest.approx(wanted)
    assert cfg(none, wanted, 0.0) == pytest.approx(none)
    assert cfg(none, none, scale) == pytest.approx(none)


def test_samples_of_a_batch_do_not_meddle_with_one_another() -> None:
    random = np.random.default_rng(0)
    none, wanted, other = random.normal(size=(3, 5, 2, 4))
    together = perp_neg(none, wanted, [other], 1.5)
    alone = []
    for sample in range(5):
        u, c, n = (x[sample : sample + 1] for x in (none, wanted, other))
        alone.append(perp_neg(u, c, [n], 1.5)[0])
    assert together == pytest.approx(np.stack(alone))


def test_further_positives_add_what_is_perpendicular_to_the_main_one() -> None:
    made = both(perp_neg, NONE, WANTED, [], positives=[UNWANTED], positive_weights=0.5, scale=2.0)
    assert made == pytest.approx(np.array([[2.0, 0.8]]))


def test_a_weight_may_be_a_number_of_any_sort() -> None:
    sorts: list[Any] = [2, 2.0, np.float32(2), np.array(2.0), [2.0], (2,), np.array([2.0])]
    for weight in sorts:
        made = perp_neg(NONE, WANTED, [UNWANTED], weight, scale=1.0)
        assert made == pytest.approx(np.array([[1.0, -1.6]]))


def test_a_condition_that_changes_nothing_leaves_numbers() -> None:
    made = both(perp_neg, NONE, NONE, [UNWANTED], 1.0, scale=2.0)
    assert made == pytest.approx(np.array([[-1.2, -1.6]]))


def test_what_cannot_be_guided_is_refused() -> None:
    flat = np.array([1.0, 0.0])
    refused: dict[str, tuple[Any, str]] = {
        "shapes": ((NONE, WANTED, [UNWANTED[:, :1]]), "several shapes"),
        "list": ((NONE, WANTED, UNWANTED), "one array, whose first axis"),
        "weights": ((NONE, WANTED, [UNWANTED], [1.0, 2.0]), "2 weights for 1 negatives"),
        "sign": ((NONE, WANTED, [UNWANTED], -1.0), "a weight of -1"),
        "nan": ((NONE, WANTED, [UNWANTED], float("nan")), "a weight of nan"),
        "flat": ((flat, flat, [flat]), r"the shape \(2,\), in which no axis is of samples"),
        "lists": (([[0.0]], [[1.0]], []), "a list is no array"),
    }
    for arguments, said in refused.values():
        with pytest.raises(DataError, match=said):
            perp_neg(*arguments)


def test_numpy_predictions_are_guided_without_torch() -> None:
    asked = (
        "import sys, numpy as np, negatives as neg; x = np.ones((2, 2)); "
        "neg.guide.perp_neg(x, x, [x]); neg.guide.negtome(x, x); neg.guide.steered(x, x); "
        "print([m for m in ('torch', 'transformers', 'diffusers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
