"""Logistic relevance of which a share is labelled, next to a general optimiser."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from negatives.stats.labelled_logistic import fit_labelled
from negatives.stats.logistic import sigmoid


def _cost(x: np.ndarray, c: float, z: np.ndarray, labelled: np.ndarray, rest: np.ndarray) -> float:
    r = sigmoid(np.exp(x[1]) * z + x[0])
    return -float((labelled * np.log(c * r) + rest * np.log1p(-c * r)).sum())


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.01, 0.99),
    st.floats(-6, 3),
    st.floats(0.1, 4),
    st.integers(2, 300),
)
@example(52, 0.1, 0.0, 1.0, 52)  # the slope ends at its bound
@example(3868897493, 0.46688547242543, -3.622550619120694, 1.4951247790827709, 106)  # hardly a way
def test_nothing_is_likelier_than_what_is_fitted(
    seed: int, c: float, intercept: float, slope: float, n: int
) -> None:
    drawn = np.random.default_rng(seed)
    z = drawn.normal(size=n) * 3
    seen = drawn.random(n) < c * sigmoid(slope * z + intercept)
    weight = drawn.integers(1, 50, n).astype(np.float64)
    data = (z, np.where(seen, weight, 0.0), np.where(seen, 0.0, weight))
    # The likelihood may have several peaks: the best known is where the general one starts.
    cost, found = fit_labelled(c, *data, np.zeros(2))
    other = minimize(_cost, found, args=(c, *data), method="L-BFGS-B", bounds=[(-30, 30), (-3, 2)])
    assert np.isclose(cost, _cost(found, c, *data), rtol=1e-12)
    assert cost <= other.fun + 1e-5 * (1 + abs(other.fun))


def test_relevance_is_found_again_where_its_share_is_known() -> None:
    z = np.linspace(-8, 8, 400)
    for c in (0.1, 0.5, 0.9):
        for intercept, slope in ((0.5, 1.0), (-2.0, 0.6), (1.0, 3.0)):
            share = c * sigmoid(slope * z + intercept)
            _, found = fit_labelled(c, z, share, 1 - share, np.zeros(2))
            np.testing.assert_allclose(found, [intercept, np.log(slope)], atol=1e-5)


def test_a_slope_of_any_size_stays_within_bounds() -> None:
    z = np.repeat([-1.0, 1.0], 50)
    apart = (z > 0).astype(np.float64)
    for labelled in (apart, 1 - apart, np.zeros(100), np.ones(100)):
        cost, found = fit_labelled(0.5, z, labelled, 1 - labelled, np.zeros(2))
        assert np.isfinite(cost)
        assert (np.abs(found) <= [30, 3]).all()
