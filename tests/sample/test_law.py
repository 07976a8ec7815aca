"""Laws in whole tickets: shares as asked, dealt out without losing one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import InputError
from negatives.sample.law import LOW_32, Law, scaled

weights = st.lists(
    st.sampled_from([0.0, 1e-12, 0.1, 1.0, 2.0, 1e6]) | st.floats(1e-9, 10), min_size=1, max_size=40
).filter(any)
powers = st.sampled_from([0.0, 0.75, 1.0, 40.0])


@given(weights, powers)
def test_the_columns_hold_each_document_s_tickets_and_no_other(
    given: list[float], power: float
) -> None:
    law = Law.weighted(given, power)
    own, other = (law.alias & LOW_32).astype(int), (law.alias >> np.uint64(32)).astype(int)
    held = [0] * len(own)
    for column, count in enumerate(own.tolist()):
        held[column] += count
        held[other[column]] += (1 << law.shift) - count
    assert held[: law.docs] == law.tickets.tolist()
    assert not any(held[law.docs :])
    assert law.tickets.sum() == law.total == law.ends[-1] == 1 << (law.columns + law.shift)


@given(weights, powers)
def test_shares_are_weights_to_the_power_and_only_nothing_weighs_nothing(
    given: list[float], power: float
) -> None:
    law = Law.weighted(given, power)
    relative = np.array(given) / max(given)
    expected = np.where(relative > 0, relative**power, 0.0)
    shares = law.tickets / law.total
    assert np.allclose(shares, expected / expected.sum(), atol=1e-8)
    assert ((law.tickets > 0) == (np.array(given) > 0)).all()


@pytest.mark.recipe("popularity")
def test_popularity_of_a_worked_example() -> None:
    law = Law.weighted([8, 4, 2, 1], power=0.75)
    assert np.exp(law.log_shares) == pytest.approx(
        [0.463310, 0.275486, 0.163805, 0.097399], abs=1e-6
    )


@given(weights)
def test_each_ticket_belongs_to_the_document_whose_tickets_it_is_among(given: list[float]) -> None:
    law = Law.weighted(given)
    drawable = np.flatnonzero(law.tickets).astype(np.uint32)
    first, last = law.before(drawable), law.ends[drawable] - 1
    assert np.array_equal(law.docs_at(first), drawable)
    assert np.array_equal(law.docs_at(last), drawable)


@given(st.integers(1, 2**53))
def test_scaled_numbers_never_reach_the_total(total: int) -> None:
    highest = np.array([0, 2**64 - 1], np.uint64)
    low, high = scaled(highest, total).tolist()
    assert low == 0
    assert total - 1 - total // 2**52 <= high < total


@pytest.mark.parametrize(
    ("given", "power", "message"),
    [
        ([0.0, 0.0], 1.0, "every weight is 0"),
        ([1.0, -1.0], 1.0, "one finite number >= 0"),
        ([1.0, float("nan")], 1.0, "one finite number >= 0"),
        ([[1.0]], 1.0, r"shape \(1, 1\)"),
        ([1.0], -0.5, "power is -0.5"),
        ([1.0], float("inf"), "power is inf"),
    ],
)
def test_weights_and_powers_that_mean_nothing_are_refused(
    given: list[float], power: float, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Law.weighted(given, power)
