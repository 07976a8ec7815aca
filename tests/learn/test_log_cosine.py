"""log-cosine: the worked numbers of TRIS, its slope, and what fillers and bounds do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from negatives.arrays import Doubles

torch = pytest.importorskip("torch")

from negatives.learn.log_cosine import LogCosine  # noqa: E402

ALL = torch.ones(1, 4, dtype=torch.bool)


@pytest.mark.recipe("tris")
def test_the_worked_numbers_of_tris() -> None:
    scores = torch.tensor([[1.0, 0.2, 0.5, 0.9]], dtype=torch.float64)
    assert LogCosine().of(scores, ALL).item() == pytest.approx(1.072959, abs=2e-6)
    for sim, term in ((0.2, 0.223144), (0.5, 0.693147), (0.9, 2.302585), (-0.2, -0.182322)):
        one = torch.tensor([[1.0, sim]], dtype=torch.float64)
        assert LogCosine().of(one, ALL[:, :2]).item() == pytest.approx(term, abs=2e-6)


@pytest.mark.recipe("tris")
def test_without_negatives_nothing_is_added() -> None:
    scores = torch.tensor([[0.4, 0.2, 0.5, 0.9]], dtype=torch.float64)
    alone = LogCosine().of(scores[:, :1], ALL[:, :1])
    none = LogCosine().of(scores, torch.tensor([[True, False, False, False]]))
    assert alone.item() == none.item() == LogCosine(weight=0.0).of(scores, ALL).item()
    assert alone.item() == pytest.approx(-np.log(0.7))


@given(arrays(np.float64, (3, 4), elements=st.floats(-1, 1)))
def test_no_cosine_makes_it_infinite_and_it_is_as_by_hand(scores: Doubles) -> None:
    present = torch.ones(3, 4, dtype=torch.bool)
    found = LogCosine(weight=0.5).of(torch.tensor(scores), present).numpy()
    near = np.clip(scores, -1 + 1e-6, 1 - 1e-6)
    for row, loss in zip(near, found, strict=True):
        by_hand = -np.log((1 + row[0]) / 2) + 0.5 * sum(-np.log(1 - each) for each in row[1:]) / 3
        assert loss == pytest.approx(by_hand)
    assert np.isfinite(found).all()


def test_its_slope_is_that_of_finite_differences() -> None:
    draw = torch.Generator().manual_seed(0)
    scores = torch.rand(3, 4, generator=draw, dtype=torch.float64) * 1.6 - 0.8
    scores.requires_grad_()
    present = torch.tensor([[True] * 4, [True, True, False, True], [True, False, False, False]])
    assert torch.autograd.gradcheck(lambda each: LogCosine().of(each, present), (scores,))
