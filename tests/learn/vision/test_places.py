"""Pixels by names, and correspondence: the invariants of the page, and flows that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import InputError

torch = pytest.importorskip("torch")

from negatives.learn.vision.correspondence import (  # noqa: E402
    agreeing,
    found_flow,
    likeness,
    negative_weights,
    roughness,
    warped,
)
from negatives.learn.vision.pixel_text import (  # noqa: E402
    PixelText,
    matching_loss,
    overlap,
    score_maps,
)

DRAW = torch.Generator().manual_seed(0)
SCENE = torch.rand(2, 1, 12, 12, generator=DRAW, dtype=torch.float64)


# ---- GEMINI --------------------------------------------------------------------------------------


def test_an_image_and_itself_are_alike_and_no_flow_is_smooth() -> None:
    none = torch.zeros(2, 2, 12, 12, dtype=torch.float64)
    assert roughness(none).item() == 0
    assert torch.allclose(warped(SCENE, none), SCENE)
    assert likeness(SCENE, SCENE).item() == pytest.approx(1, abs=5e-3)


def test_brightness_contrast_and_sign_change_nothing() -> None:
    other = torch.rand(2, 1, 12, 12, generator=DRAW, dtype=torch.float64)
    plain = likeness(SCENE, other).item()
    for factor, added in ((3.0, 0.0), (1.0, 5.0), (-2.0, 1.0)):
        assert likeness(factor * SCENE + added, other).item() == pytest.approx(plain, rel=0.01)
    assert plain < 0.3


@pytest.mark.method("gemini")
def test_roughness_by_hand() -> None:
    flow = torch.zeros(1, 2, 2, 2)
    flow[0, 0, 0, 0] = 2.0
    # Of four steps down one is 2, of four along one is 2: (4 / 4 + 4 / 4) / 2.
    assert roughness(flow).item() == 1.0


def test_the_loss_of_a_flow_has_the_slope_of_finite_differences() -> None:
    flow = torch.full((2, 2, 12, 12), 0.3, dtype=torch.float64)
    flow += 0.1 * torch.rand(flow.shape, generator=DRAW, dtype=torch.float64)
    flow.requires_grad_()
    other = SCENE.flip(3)

    def loss(each: Any) -> Any:
        return likeness(warped(other, each), SCENE, window=5) + roughness(each)

    assert torch.autograd.gradcheck(loss, (flow,), fast_mode=True)


def test_a_shift_is_found_and_both_ways_agree() -> None:
    axis = np.linspace(0, 3 * np.pi, 20)
    first = (np.sin(axis)[:, None] * np.cos(axis / 2)[None, :])[None]
    second = np.roll(first, 1, axis=2)
    flow, back = found_flow(first, second), found_flow(second, first)
    inner = flow[0, :, 4:-4, 4:-4]
    assert inner[0].mean() == pytest.approx(1, abs=0.25), "what is at x is at x + 1"
    assert abs(inner[1]).mean() < 0.25
    assert agreeing(flow, back, within=0.7)[0, 4:-4, 4:-4].mean() > 0.9
    with pytest.raises(InputError, match="of one shape"):
        found_flow(first, second[:, :5])


def test_a_flow_and_its_inverse_agree_everywhere_but_beyond_the_edge() -> None:
    there = np.zeros((1, 2, 6, 6))
    there[:, 0] = 1.0
    found = agreeing(there, -there, within=1e-6)
    assert found[0, :, :5].all()
    assert not found[0, :, 5].any(), "it leads out of the image"
    assert not agreeing(there, there, within=1.0).any()


@given(st.floats(0.1, 5), st.floats(0, 3))
def test_weights_grow_from_none_on_the_path_to_one_far_away(spread: float, band: float) -> None:
    at = np.arange(30.0)[:, None]
    (found,) = negative_weights(at, at[5:6], spread=spread, band=band)
    for place, weight in enumerate(found):
        distance = abs(place - 5)
        soft = 1 - np.exp(-(distance**2) / (2 * spread**2))
        assert weight == pytest.approx(0 if distance <= band else soft)
    assert found[5] == 0


def test_a_spread_of_nought_makes_all_others_negatives_and_a_large_one_none() -> None:
    at = np.arange(6.0)[:, None]
    hard = negative_weights(at, at, spread=0, band=0)
    assert (hard == 1 - np.eye(6)).all()
    assert negative_weights(at, at, spread=1e6, band=0).max() < 1e-9


# ---- pixels --------------------------------------------------------------------------------------


@pytest.mark.method("pixel-text-matching")
def test_the_loss_of_pixels_by_hand_and_none_of_those_that_do_not_count() -> None:
    pixels = torch.tensor([[2.0, 0.0], [0.0, 5.0]]).T.reshape(1, 2, 1, 2)
    maps = score_maps(pixels, torch.eye(2))
    assert maps[0, :, 0].tolist() == [[1, 0], [0, 1]]
    right = matching_loss(maps, torch.tensor([[[0, 1]]]), temperature=1.0)
    assert right.item() == pytest.approx(0.313262, abs=1e-6)
    one = matching_loss(maps, torch.tensor([[[0, -1]]]), temperature=1.0)
    assert one.item() == pytest.approx(0.313262, abs=1e-6)
    wrong = matching_loss(maps, torch.tensor([[[1, -1]]]), temperature=1.0)
    assert wrong.item() == pytest.approx(1.313262, abs=1e-6)
    with pytest.raises(InputError, match="no pixel"):
        matching_loss(maps, torch.full((1, 1, 2), -1))


def test_the_loss_of_pixels_has_the_slope_of_finite_differences() -> None:
    pixels = torch.randn(2, 3, 2, 2, generator=DRAW, dtype=torch.float64, requires_grad=True)
    names = torch.randn(4, 3, generator=DRAW, dtype=torch.float64)
    wanted = torch.tensor([[[0, 1], [2, -1]], [[3, 3], [-1, 0]]])
    assert torch.autograd.gradcheck(
        lambda each: matching_loss(score_maps(each, names), wanted), (pixels,)
    )


def test_overlap_counts_a_class_that_is_wanted_and_no_other() -> None:
    wanted = np.array([0, 0, 1, 1, -1])
    assert overlap(np.array([0, 0, 1, 1, 3]), wanted, 4) == 1.0
    assert overlap(np.array([0, 0, 0, 0, 0]), wanted, 4) == 0.25


def test_pixels_are_told_by_what_stands_around_them() -> None:
    draw = np.random.default_rng(0)
    wide = draw.integers(0, 2, 60)
    images = np.zeros((60, 8, 8))
    images[:, 3] = 1.0
    images[wide == 1, 4] = 1.0
    wanted = np.where(images > 0, wide[:, None, None], -1).astype(np.int64)
    model = PixelText(width=8, epochs=12).fit(
        images[:40], wanted[:40], np.eye(2, 4, dtype=np.float32)
    )
    found = model.maps(images[40:]).argmax(1)
    assert overlap(found, wanted[40:], 2) > 0.9
    swapped = model.maps(images[40:], np.eye(2, 4, dtype=np.float32)[::-1].copy()).argmax(1)
    assert (swapped == 1 - found).all(), "other names, without training again"
