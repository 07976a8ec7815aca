"""The labelled share, and what it makes of a pair without a label."""

from __future__ import annotations

import numpy as np
import pytest

from negatives.judge.selection import Selection, fit_selection


def drawn(share: float, seed: int, pairs: int = 20_000) -> tuple[np.ndarray, ...]:
    draw = np.random.default_rng(seed)
    z = draw.normal(-2, 3, pairs)
    relevant = draw.random(pairs) < 1 / (1 + np.exp(-1.5 * z - 0.5))
    return z, relevant, relevant & (draw.random(pairs) < share)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.8])
def test_the_share_is_found_where_evidence_is_strong(share: float) -> None:
    found = []
    for seed in range(5):
        z, _, labelled = drawn(share, seed)
        found.append(fit_selection(z, labelled, np.ones(len(z), np.float32)).share)
    assert np.mean(found) == pytest.approx(share, rel=0.15)


def test_the_probability_of_unlabelled_pairs_is_calibrated() -> None:
    z, relevant, labelled = drawn(0.4, seed=9)
    p = fit_selection(z, labelled, np.ones(len(z), np.float32)).relevant(z)
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        chosen = ~labelled & (p >= low) & (p < low + 0.2)
        assert p[chosen].mean() == pytest.approx(relevant[chosen].mean(), abs=0.06)


def test_weights_stand_for_rows_that_were_left_out() -> None:
    z, relevant, labelled = drawn(0.5, seed=3)
    kept = labelled | (np.random.default_rng(1).random(len(z)) < 0.25)
    weights = np.where(labelled, 1, 4).astype(np.float32)
    p = fit_selection(z[kept], labelled[kept], weights[kept]).relevant(z[~labelled])
    assert p.mean() == pytest.approx(relevant[~labelled].mean(), rel=0.2)


def test_where_evidence_says_nothing_it_errs_upwards() -> None:
    draw = np.random.default_rng(0)
    relevant = draw.random(4_000) < 0.2
    labelled = relevant & (draw.random(4_000) < 0.5)
    p = fit_selection(draw.normal(size=4_000), labelled, np.ones(4_000, np.float32)).relevant(
        np.zeros(1)
    )
    assert p[0] >= 0.1


def test_a_given_share_is_kept() -> None:
    z, _, labelled = drawn(0.5, seed=1, pairs=2_000)
    assert fit_selection(z, labelled, np.ones(len(z), np.float32), share=0.25).share == 0.25


def test_what_a_missing_label_says_by_hand() -> None:
    # r = 0.5, c = 0.5: relevant and unlabelled 0.25 of 0.75 unlabelled.
    assert Selection(0.5, 1.0, 0.0).relevant(np.zeros(1))[0] == pytest.approx(1 / 3)
    # The page of CET: r = .9, s = .8 gives 0.642857.
    z = np.array([np.log(9.0)])
    assert Selection(0.8, 1.0, 0.0).relevant(z)[0] == pytest.approx(0.642857, abs=1e-6)
