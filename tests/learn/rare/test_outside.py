"""What is of no class: AbeT's score and OVOR's outliers, by their worked numbers and on toys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from negatives.arrays import Doubles
from negatives.errors import DataError, InputError
from negatives.learn.rare.examples import split
from negatives.stats.auc import auc
from tests.learn.rare.toys import blobs

torch = pytest.importorskip("torch")

from negatives.learn.rare.abet import AbeT, abet_score  # noqa: E402
from negatives.learn.rare.virtual_outliers import VirtualOutliers, energy_margin  # noqa: E402

THREE = blobs([[2, 0], [-1, 1.7], [-1, -1.7]], [300, 300, 300])


def ring(radius: float, count: int = 200) -> Doubles:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


# ---- AbeT ----------------------------------------------------------------------------------------


@pytest.mark.method("abet")
@pytest.mark.parametrize(
    ("cosines", "temperature", "score", "energy"),
    [
        ([0.9, 0.1, -0.2], 0.1, 9.000352, 0.900035),
        ([0.9, 0.1, -0.2], 0.5, 2.072086, 1.036043),
        ([0.4, 0.3, 0.2], 0.1, 4.407606, 0.4407606),
        ([0.4, 0.3, 0.2], 0.5, 1.711901, 0.8559505),
    ],
)
def test_the_worked_numbers_of_abet(
    cosines: list[float], temperature: float, score: float, energy: float
) -> None:
    found = abet_score(np.array([cosines]), np.array([temperature]))[0]
    assert found == pytest.approx(score, abs=1e-6)
    assert temperature * found == pytest.approx(energy, abs=1e-6)


@given(
    arrays(np.float64, (3, 4), elements=st.floats(-1, 1)),
    arrays(np.float64, 3, elements=st.floats(1e-12, 1)),
)
def test_no_temperature_overflows_and_the_score_is_within_its_bounds(
    cosines: Doubles, temperature: Doubles
) -> None:
    found = abet_score(cosines, temperature)
    largest = cosines.max(1) / temperature
    slack = 1e-9 * (1 + abs(largest))
    assert np.isfinite(found).all()
    assert (found >= largest - slack).all()
    assert (found <= largest + np.log(4) + slack).all()


def test_a_temperature_of_nought_is_refused() -> None:
    with pytest.raises(InputError, match="not above 0"):
        abet_score(np.zeros((1, 2)), np.zeros(1))


@pytest.mark.slow
def test_a_far_ring_is_told_from_three_blobs_and_few_items_of_the_blobs_are_called_outside() -> (
    None
):
    parts = split(THREE, seed=0)
    found = AbeT(width=32).fit(parts)
    inside, far = found.score(parts.test.vectors), found.score(ring(6.0))
    assert auc(inside, far) > 0.9
    assert found.outside(parts.test.vectors).mean() <= 0.1
    assert found.threshold is not None
    assert found.threshold.bound is not None
    assert found.threshold.bound <= 0.05


def test_a_seed_trains_the_same_network_again_and_another_one_another() -> None:
    parts = split(THREE, seed=0)
    first, same, other = (
        AbeT(width=8, epochs=2).fit(parts, seed=seed).score(ring(6.0)) for seed in (0, 0, 1)
    )
    assert (first == same).all()
    assert (first != other).any()


def test_with_one_temperature_for_all_it_orders_as_the_energy_does() -> None:
    cosines = np.random.default_rng(0).uniform(-1, 1, (50, 3))
    scores = abet_score(cosines, np.full(50, 0.3))
    assert (np.argsort(scores) == np.argsort(0.3 * scores)).all()


# ---- OVOR ----------------------------------------------------------------------------------------

SMALL = VirtualOutliers(
    neighbours=10, boundary=20, offsets=50, spread=0.5, per_class=30, unit_length=False
)


@pytest.mark.method("ovor")
def test_the_worked_numbers_of_ovor() -> None:
    items, out = torch.tensor([[10.0, 0, 0]]), torch.tensor([[1.0, 1, 1]])
    assert 0.1 * energy_margin(items, out).item() == pytest.approx(0.449991, abs=1e-6)
    assert -items.logsumexp(1).item() == pytest.approx(-10.000091, abs=1e-5)
    # Items below -15 and outliers above -3: nothing is on the wrong side.
    assert energy_margin(torch.tensor([[20.0, 0, 0]]), out).item() == 0.0


def test_the_margin_has_the_slope_of_finite_differences() -> None:
    draw = torch.Generator().manual_seed(0)
    items, out = (5 * torch.randn(4, 3, generator=draw, dtype=torch.float64) for _ in range(2))
    items.requires_grad_()
    out.requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: energy_margin(a, b), (items, out))


def test_outliers_lie_outside_and_near_the_item_that_each_was_made_from() -> None:
    made = SMALL.around(THREE.vectors, classes=3)
    assert made.vectors.shape == (90, 2)
    items = THREE.vectors.astype(float)
    own = np.sort(np.linalg.norm(items[:, None] - items, axis=2), axis=1)[:, 10]
    edge = np.argsort(-own, kind="stable")[:20]
    assert set(made.boundary.tolist()) <= set(edge.tolist())
    kth = np.sort(np.linalg.norm(made.vectors[:, None] - items, axis=2), axis=1)[:, 9]
    assert (kth >= np.median(own) - 1e-6).all()
    # What is drawn has the norm sigma sqrt(d) about; what is kept is farthest out, up to 4 sigma.
    offset = np.linalg.norm(made.vectors - items[made.boundary], axis=1)
    assert offset.max() < 0.5 * 5
    harder = replace(SMALL, quantile=0.2).around(THREE.vectors, classes=3)
    nearer = np.sort(np.linalg.norm(harder.vectors[:, None] - items, axis=2), axis=1)[:, 9]
    assert nearer.max() < kth.min()


def test_without_a_spread_outliers_are_the_boundary_itself_and_a_seed_is_a_seed() -> None:
    still = VirtualOutliers(neighbours=10, boundary=5, offsets=2, spread=0, unit_length=False)
    made = still.around(THREE.vectors)
    assert (made.vectors == THREE.vectors[made.boundary]).all()
    first, same, other = (SMALL.around(THREE.vectors, seed=n).vectors for n in (0, 0, 1))
    assert (first == same).all()
    assert first.shape != other.shape or (first != other).any()


@pytest.mark.slow
def test_a_head_is_less_sure_outside_and_between_the_classes_than_without_outliers() -> None:
    two = split(blobs([[-2, 0], [2, 0]], [300, 300], spread=0.4))
    between = np.stack([np.zeros(21), np.linspace(-1, 1, 21)], axis=1)
    plain = replace(SMALL, weight=0.0).fit(two)
    head = SMALL.fit(two)
    own, others = (each.energy(two.test.vectors) for each in (head, plain))
    # Without outliers a head is as sure, or surer, of what is far behind a class as of its items.
    assert auc(others * -1, -plain.energy(ring(6.0))) < 0.5
    assert auc(own * -1, -head.energy(ring(6.0))) > 0.95
    assert auc(own * -1, -head.energy(between)) > 0.95
    assert (head.logits(two.test.vectors).argmax(1) == two.test.labels).mean() > 0.95


def test_too_few_items_are_refused_and_so_are_settings_that_are_none() -> None:
    for wrong in ({"spread": -1.0}, {"quantile": 0.0}, {"per_class": 0}):
        with pytest.raises(InputError):
            replace(SMALL, **wrong)
    with pytest.raises(DataError, match="10 items, and 10 neighbours"):
        SMALL.around(THREE.vectors[:10])
