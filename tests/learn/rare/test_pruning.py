"""Pruning that misses no more of the rare class, and pre-screening: their numbers and promises."""

from __future__ import annotations

import numpy as np
import pytest

from negatives.errors import DataError, InputError
from negatives.learn.rare.examples import Examples, split
from negatives.learn.rare.prescreen import Prescreen, overlap
from negatives.measure.thresholds import rates
from tests.learn.rare.toys import blobs, rare

torch = pytest.importorskip("torch")

from negatives.learn.rare.pruning import Pruning, weighted_entropy  # noqa: E402


@pytest.mark.method("fn-aware-compression")
def test_the_worked_numbers_of_the_weighted_entropy() -> None:
    p, y = torch.tensor([0.9, 0.3, 0.2]), torch.tensor([1.0, 1.0, 0.0])
    assert weighted_entropy(p.logit(), y, 4).item() == pytest.approx(1.820159, abs=1e-6)
    assert weighted_entropy(p.logit(), y, 1).item() == pytest.approx(0.510826, abs=1e-6)
    plain = torch.nn.functional.binary_cross_entropy(p, y)
    assert weighted_entropy(p.logit(), y).item() == pytest.approx(plain.item(), abs=1e-6)


def test_the_weighted_entropy_has_the_slope_of_finite_differences() -> None:
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(6, generator=draw, dtype=torch.float64, requires_grad=True)
    y = (torch.rand(6, generator=draw) < 0.5).double()
    assert torch.autograd.gradcheck(lambda each: weighted_entropy(each, y, 3.0), (logits,))


@pytest.mark.slow
def test_no_round_misses_more_of_valid_and_each_has_fewer_weights() -> None:
    parts = split(rare(600, 0.15), seed=1)
    found = Pruning(rounds=4, share=0.5, epochs=15, max_fpr=1.0).fit(parts)
    assert len(found.rounds) == 5
    assert all(each.fnr <= found.rounds[0].fnr + 1e-12 for each in found.rounds)
    shares = [each.share for each in found.rounds]
    assert shares == sorted(shares, reverse=True)
    weights = [each.detach() for each in found.network.parameters()]
    left = sum(int((each != 0).sum()) for each in weights) / sum(each.numel() for each in weights)
    assert left <= shares[-1] < 0.35
    last = found.rounds[-1]
    said = found.logits(parts.valid.vectors)
    assert rates(parts.valid.labels, said, last.threshold) == (last.fnr, last.fpr)
    assert found.on(parts.valid) == (last.fnr, last.fpr)


def test_pruning_nothing_is_the_network_as_it_was() -> None:
    parts = split(rare(300, 0.2), seed=2)
    found = Pruning(rounds=2, share=0.0, epochs=5).fit(parts)
    assert len({(each.share, each.threshold, each.fnr, each.fpr) for each in found.rounds}) == 1
    whole = Pruning(rounds=0, epochs=5).fit(parts)
    assert (whole.logits(parts.test.vectors) == found.logits(parts.test.vectors)).all()


@pytest.mark.slow
def test_pruning_ends_before_it_takes_in_more_than_may_be() -> None:
    parts = split(rare(600, 0.15, apart=0.7), seed=1)
    free, held = (
        Pruning(rounds=6, share=0.7, epochs=5, max_fpr=cap).fit(parts) for cap in (1.0, 0.2)
    )
    assert any(each.fpr > 0.2 for each in free.rounds[1:])
    assert len(held.rounds) < len(free.rounds)
    assert all(each.fpr <= 0.2 for each in held.rounds[1:])


def test_labels_of_several_classes_and_items_without_a_split_are_refused() -> None:
    several = split(blobs([[0, 0], [1, 1]], [20, 20]))
    with pytest.raises(InputError, match="labels are no bools"):
        Pruning().fit(several)
    with pytest.raises(InputError, match="labels are not True and False"):
        Prescreen().fit(several)
    with pytest.raises(InputError, match="were not split"):
        Prescreen().fit(rare(40))  # type: ignore[arg-type]


# ---- pre-screening -------------------------------------------------------------------------------


@pytest.mark.method("negative-frames")
@pytest.mark.slow
def test_what_has_something_is_lost_no_more_often_than_promised() -> None:
    lost = []
    fresh = rare(20_000, 0.3, seed=999)
    for seed in range(30):
        parts = split(rare(400, 0.3, seed=seed), seed=seed, valid=0.4)
        screen = Prescreen(max_lost=0.1).fit(parts)
        assert screen.threshold.relevant == 48
        lost.append((~screen.passes(fresh.vectors))[fresh.labels].mean())
    assert np.mean(np.array(lost) <= 0.1) >= 0.85
    assert screen.passes(fresh.vectors)[~fresh.labels].mean() < 0.5  # most others are left out


def test_too_few_with_something_are_refused_and_a_promise_of_nothing_else_is_not() -> None:
    parts = split(rare(100, 0.2))
    with pytest.raises(DataError, match="5 relevant examples are too few"):
        Prescreen().fit(parts)
    assert Prescreen(confidence=None).fit(parts).threshold.fnr <= 0.05


def test_dice_skips_empty_frames_which_are_counted_by_themselves() -> None:
    truth = np.zeros((4, 2, 2), bool)
    marked = np.zeros((4, 2, 2), bool)
    truth[0, 0, 0] = truth[0, 0, 1] = marked[0, 0, 0] = True  # 2 x 1 / (2 + 1)
    truth[1, 1, 1] = True  # nothing is marked: 0
    marked[2, 0] = True  # empty, and two of its four pixels are marked
    found = overlap(truth, marked)
    assert found.dice == pytest.approx((2 / 3 + 0) / 2)
    assert (found.missed, found.empty, found.marked_empty, found.marked_in_empty) == (
        0.5, 2, 0.5, 0.25,
    )  # fmt: skip
    nothing = overlap(truth[2:], marked[2:])
    assert np.isnan(nothing.dice)
    assert nothing.marked_empty == 0.5
    assert np.isnan(overlap(truth[:2], marked[:2]).marked_empty)


def test_a_network_learns_nothing_from_one_class() -> None:
    from negatives.learn.rare.network import fit, small

    one = Examples(np.ones((5, 2), np.float32), np.zeros(5, np.int64))
    with pytest.raises(DataError, match="5 items of 1 classes"):
        fit(small(2, 1), one.vectors, one.labels, lambda a, b: a.sum())
