"""The area under the ROC curve, beside every pair counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.stats.auc import auc

VALUES = st.lists(st.integers(-3, 3), min_size=1, max_size=20)


@given(VALUES, VALUES)
def test_it_is_the_share_of_pairs_in_the_right_order(ours: list[int], theirs: list[int]) -> None:
    won = [(a > b) + (a == b) / 2 for a in ours for b in theirs]
    assert auc(np.array(ours), np.array(theirs)) == pytest.approx(sum(won) / len(won))
