"""CFG++: the page's numbers, the scale it is equal to, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Doubles
from negatives.errors import DataError
from negatives.guide import cfg, cfg_plus_plus, clean_sample, ddim_step, equivalent_scale
from tests.guide.both import arrays, both

X, NONE, WANTED = np.array([[[1.0, 0.0]], [[0.2, 0.1]], [[0.6, -0.1]]])
predictions = arrays(2, 3)


@pytest.mark.method("cfg-plus-plus")
def test_the_worked_numbers() -> None:
    made = both(cfg_plus_plus, X, NONE, WANTED, 0.6, signal=0.5, next_signal=0.8)
    assert made == pytest.approx(np.array([[0.960806, 0.062610]]), abs=1e-6)
    guided = cfg(NONE, WANTED, 0.6)
    assert both(clean_sample, X, guided, 0.5) == pytest.approx(
        np.array([[0.974214, 0.02]]), abs=1e-6
    )
    assert both(ddim_step, X, guided, 0.5, 0.8) == pytest.approx(
        np.array([[1.068137, 0.008944]]), abs=1e-6
    )
    assert equivalent_scale(0.6, 0.5, 0.8) == pytest.approx(1.2)
    assert ddim_step(X, cfg(NONE, WANTED, 1.2), 0.5, 0.8) == pytest.approx(made)


@given(
    predictions,
    predictions,
    predictions,
    st.floats(0, 1),
    st.floats(0.01, 0.98),
    st.floats(0.01, 1),
)
def test_a_step_is_one_of_cfg_with_the_equivalent_scale(
    x: Doubles, none: Doubles, wanted: Doubles, strength: float, signal: float, share: float
) -> None:
    following = signal + share * (1 - signal)
    made = both(cfg_plus_plus, x, none, wanted, strength, signal, following)
    scale = equivalent_scale(strength, signal, following)
    same = ddim_step(x, cfg(none, wanted, scale), signal, following)
    assert made == pytest.approx(same, rel=1e-6, abs=1e-6)
    # Number by number, as the page has it.
    e = none[0, 0] + strength * (wanted[0, 0] - none[0, 0])
    clean = (x[0, 0] - (1 - signal) ** 0.5 * e) / signal**0.5
    by_hand = following**0.5 * clean + (1 - following) ** 0.5 * none[0, 0]
    assert made[0, 0] == pytest.approx(by_hand, abs=1e-6)
    nothing = cfg_plus_plus(x, none, wanted, 0.0, signal, following)
    assert nothing == pytest.approx(ddim_step(x, none, signal, following))
    assert cfg_plus_plus(x, none, none, strength, signal, following) == pytest.approx(nothing)
    assert equivalent_scale(strength, signal, 1.0) == pytest.approx(strength)


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(DataError, match=r"a strength of 7\.5") as told:
        cfg_plus_plus(X, NONE, WANTED, 7.5, 0.5, 0.8)
    assert "a scale above 1 is one of cfg" in told.value.fix
    for signal, following in ((0.0, 0.5), (0.5, 1.1), (-0.1, 0.5)):
        with pytest.raises(DataError, match="a share of signal"):
            ddim_step(X, NONE, signal, following)
    with pytest.raises(DataError, match="takes no noise away"):
        equivalent_scale(0.5, 0.8, 0.8)
