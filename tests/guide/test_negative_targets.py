"""Training under a negative condition: who is drawn, and towards what."""

from __future__ import annotations

import numpy as np
import pytest

from negatives.errors import DataError
from negatives.guide import drawn_share, mixed_targets, negative_prompt
from tests.guide.both import both

IDS = [f"image {number}" for number in range(10_000)]


def test_the_share_is_drawn_by_id_and_by_epoch() -> None:
    drawn = drawn_share(IDS, 0.05)
    assert drawn.mean() == pytest.approx(0.05, abs=0.007)
    assert (drawn_share(IDS[:50], 0.05) == drawn[:50]).all()
    assert (drawn_share(IDS[::-1], 0.05) == drawn[::-1]).all()
    assert drawn_share(IDS, 0.05, epoch=1).tolist() != drawn.tolist()
    assert drawn_share(IDS, 0.05, seed=1).tolist() != drawn.tolist()
    assert drawn_share([], 0.5).tolist() == []
    assert drawn_share(range(99), 0.5).tolist() == drawn_share([*map(str, range(99))], 0.5).tolist()


@pytest.mark.method("s3diff-online-negatives")
def test_a_negative_example_is_trained_towards_its_input() -> None:
    targets, degraded = np.arange(12.0).reshape(3, 2, 2), -np.ones((3, 2, 2))
    made = both(mixed_targets, targets, degraded, np.array([False, True, False]))
    for sample, negative in enumerate([False, True, False]):
        assert made[sample].tolist() == (degraded if negative else targets)[sample].tolist()


def test_a_model_so_trained_goes_on_from_bad_to_good() -> None:
    random = np.random.default_rng(0)
    clean = random.normal(size=(4_000, 3))
    degraded = clean + 0.5
    negative = drawn_share([str(each) for each in range(4_000)], 0.2)
    targets = mixed_targets(clean, degraded, negative)
    known = np.column_stack([degraded, np.ones(4_000), negative])
    weights = np.linalg.lstsq(known, targets, rcond=None)[0]

    def model(x: np.ndarray, bad: bool) -> np.ndarray:
        return np.asarray(np.column_stack([x, np.ones(len(x)), np.full(len(x), bad)]) @ weights)

    good, bad = model(degraded, False), model(degraded, True)
    assert good == pytest.approx(clean, abs=1e-6)
    assert bad == pytest.approx(degraded, abs=1e-6)
    assert negative_prompt(bad, good, 1.0) == pytest.approx(good)
    assert negative_prompt(bad, good, 0.0) == pytest.approx(bad)
    assert negative_prompt(bad, good, 1.1) == pytest.approx(clean + 0.1 * (clean - degraded))


def test_nonsense_is_refused() -> None:
    with pytest.raises(DataError, match="a share of 5"):
        drawn_share(["a"], 5)
    with pytest.raises(DataError, match="2 draws for 3 targets"):
        mixed_targets(np.ones((3, 1)), np.ones((3, 1)), np.array([True, False]))
    with pytest.raises(DataError, match="several shapes"):
        mixed_targets(np.ones((3, 1)), np.ones((3, 2)), np.array([True, False, True]))
