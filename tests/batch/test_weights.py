"""Weights over time: the worked numbers of each method, and a state that can be restored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.batch.bad_pairs import PairHistory
from negatives.batch.curriculum import Easiest, difficulty, stage_at
from negatives.batch.progressive import EasyToHard, focal, mean_one, superloss
from negatives.batch.random import RandomBatches
from negatives.batch.weights import BadPairs, Curriculum, Progressive
from negatives.errors import RecipeError
from negatives.stage import build
from tests.batch.made import clustered, examples

ROWS = np.arange(6, dtype=np.int32)


def float32(values: list[float]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array(values, np.float32)


@pytest.mark.recipe("peg")
def test_superloss_has_the_numbers_worked_by_hand() -> None:
    found = superloss(np.array([1.0, 3.0, 1 - 2 / np.e, -50.0]), 1.0, 1.0)
    assert found[:2] == pytest.approx([1.0, 0.567143], abs=1e-6)
    assert found[2:] == pytest.approx([np.e, np.e], rel=1e-5)  # clamped, and no NaN


def test_weights_in_proportion_to_losses_have_the_mean_1() -> None:
    found = mean_one(np.array([0.2, 1.0, 3.0]))
    assert found == pytest.approx([0.142857, 0.714286, 2.142857], abs=1e-6)


@given(st.lists(st.floats(0, 20), min_size=2, max_size=9))
def test_superloss_falls_and_focal_rises_with_the_loss(losses: list[float]) -> None:
    ordered = np.sort(losses)
    assert (np.diff(superloss(ordered, 1.0, 1.0)) <= 1e-12).all()
    assert (np.diff(focal(ordered, 2.0)) >= -1e-12).all()


def test_without_power_all_weights_are_1_to_the_bit() -> None:
    losses = np.array([0.1, 2.0, 9.0])
    assert (focal(losses, 0.0) == 1).all()
    kept = EasyToHard(3, 1.0, 0.0, 0.5)
    kept.observe(ROWS[:3], losses.astype(np.float32))
    assert (kept.weights(ROWS[:3], 9, 10) == 1).all()


def test_progressive_weights_prefer_the_easy_first_and_the_hard_last() -> None:
    losses = float32([0.1, 0.4, 0.9, 1.5, 2.5, 4.0])
    kept = EasyToHard(6, 1.0, 2.0, 0.6)
    assert (kept.weights(ROWS, 0, 10) == 1).all()  # nothing is known yet
    kept.observe(ROWS, losses)
    early, late = kept.weights(ROWS, 0, 10), kept.weights(ROWS, 10, 10)
    assert (np.diff(early) <= 0).all()
    assert early[0] > 2 * early[-1]
    assert (np.diff(late) > 0).all()
    assert early.mean() == pytest.approx(1)
    assert late.mean() == pytest.approx(1)


def test_a_batch_of_seen_and_unseen_examples_has_the_mean_1() -> None:
    kept = EasyToHard(6, 1.0, 2.0, 0.6)
    kept.observe(ROWS[:3], float32([0.1, 1.0, 5.0]))
    found = kept.weights(ROWS, 3, 10)
    assert found.mean() == pytest.approx(1)
    assert found[3:] == pytest.approx([1, 1, 1])


def test_planted_wrong_positives_weigh_less_early() -> None:
    rng = np.random.default_rng(0)
    losses = rng.gamma(2, 0.4, 500)
    planted = np.arange(50)
    losses[planted] += 3
    kept = EasyToHard(500, 1.0, 2.0, 0.6)
    everyone = np.arange(500, dtype=np.int32)
    kept.observe(everyone, losses.astype(np.float32))
    found = kept.weights(everyone, 0, 100)
    assert found[planted].mean() < found[50:].mean()


@pytest.mark.recipe("mmtg-curriculum")
def test_stages_begin_at_epochs_0_1_and_3_of_ten() -> None:
    at = np.array([0.1, 0.3])
    assert [stage_at(epoch, 10, at) for epoch in range(5)] == [0, 1, 1, 2, 2]


def test_a_curriculum_lets_in_levels_one_and_two_then_four_then_all_of_five() -> None:
    kept = Easiest(
        float32([0.5, 0.1, 0.3, 0.2, 0.4]), np.array([0.4, 0.8, 1]), np.array([0.1, 0.3])
    )
    counts = [np.flatnonzero(kept.weights(ROWS[:5], step, 10)).tolist() for step in (0, 1, 3)]
    assert counts == [[1, 3], [1, 2, 3, 4], [0, 1, 2, 3, 4]]
    assert kept.weights(ROWS[:5], 0, 10).mean() == 1
    assert kept.weights(ROWS[[0, 2]], 0, 10).tolist() == [0, 0]  # none of them counts yet


def test_difficulty_is_the_nearest_negative_less_the_positive() -> None:
    queries = float32([1, 0]).reshape(1, 2)
    docs = np.array([[0.6, 0.8], [0.8, 0.6], [0, 1]], np.float32)
    made = examples([0, 0, 0], [[0, 1, 2], [1, 2, -1], [1, -1, -1]], vectors=(queries, docs))
    assert difficulty(made) == pytest.approx([0.2, -0.8, -1.8])


def test_a_curriculum_without_vectors_says_what_it_needs() -> None:
    with pytest.raises(RecipeError, match="curriculum batches need vectors"):
        RandomBatches(weight=Curriculum()).weigh(examples([0], [[0]]))


def test_a_curriculum_whose_stages_do_not_fit_is_refused() -> None:
    with pytest.raises(RecipeError, match="2 shares and 2 beginnings"):
        Curriculum(shares=[0.5, 1.0], at=[0.1, 0.2])
    with pytest.raises(RecipeError, match="must rise"):
        Curriculum(shares=[0.5, 0.4, 1.0])


def history(epochs: int, bounds: tuple[float, float] = (1.0, 1.0)) -> PairHistory:
    kept = PairHistory(4, 0.0, bounds, epochs)
    for losses in ([2.0, 2.0, 3.0, 6.0], [1.0, 2.0, 3.0, 6.0], [1.0, 2.0, 3.0, 6.0]):
        kept.observe(ROWS[:4], float32(losses))
    return kept


def after_two(epochs: int) -> PairHistory:
    """The same before the third epoch."""
    kept = PairHistory(4, 0.0, (1.0, 1.0), epochs)
    for losses in ([2.0, 2.0, 3.0, 6.0], [1.0, 2.0, 3.0, 6.0]):
        kept.observe(ROWS[:4], float32(losses))
    return kept


@pytest.mark.recipe("dbpm")
def test_the_papers_history_has_the_numbers_worked_by_hand() -> None:
    kept = after_two(4)
    means = kept.history()
    assert means == pytest.approx([0.5, 0.75, 1.125, 2.25])
    assert (means.mean(), means.std()) == pytest.approx((1.15625, 0.669509), abs=1e-6)
    assert kept.noisy().tolist() == [False] * 4  # 0.5 is just inside 0.486741
    assert kept.faulty().tolist() == [False, False, False, True]  # beyond 1.825759
    kept.observe(ROWS[:4], float32([1.0, 2.0, 3.0, 6.0]))
    found = kept.weights(ROWS[:4], 5, 10)
    assert found[:3].tolist() == [1, 1, 1]
    assert found[3] == pytest.approx(2.6e-12, rel=0.02)
    kept.restore(kept.state() | {"last": float32([0, 0, 0, 1.15625])})
    assert kept.weights(ROWS[3:4], 5, 10) == pytest.approx([0.595873], abs=1e-5)


def test_by_default_the_ramp_is_made_up_for_and_no_weight_exceeds_1() -> None:
    assert after_two(0).history() == pytest.approx([4 / 3, 2, 3, 6])
    found = history(0).weights(ROWS[:4], 5, 10)
    deviation = np.std([4 / 3, 2, 3, 6])
    assert found[3] == pytest.approx(np.exp(-(((6 - 37 / 12) / deviation) ** 2) / 2))
    assert found[:3].tolist() == [1, 1, 1]


def test_nothing_is_odd_where_bounds_are_far_or_losses_equal_or_the_warm_up_lasts() -> None:
    assert (history(0, (100.0, 100.0)).weights(ROWS[:4], 5, 10) == 1).all()
    constant = PairHistory(4, 0.0, (1.0, 1.0), 0)
    for _ in range(2):
        constant.observe(ROWS[:4], float32([2, 2, 2, 2]))
    assert (constant.weights(ROWS[:4], 5, 10) == 1).all()
    assert {why: odd.tolist() for why, odd in constant.suspects().items()} == {
        "noisy": [],
        "faulty": [],
    }
    warm = PairHistory(4, 0.5, (1.0, 1.0), 0)
    for _ in range(2):
        warm.observe(ROWS[:4], float32([1, 1, 1, 9]))
    assert (warm.weights(ROWS[:4], 4, 10) == 1).all()
    assert (warm.weights(ROWS[:4], 5, 10) < 1).tolist() == [False, False, False, True]


def naive_weights(
    losses: np.ndarray[Any, Any], epoch: int, total: int, bound: float, ramp: bool
) -> list[float]:
    """The page's steps in plain loops: of losses[epoch][item], the weights in an epoch, from 0."""
    items = range(losses.shape[1])
    before = range(epoch)
    scale = total * epoch if ramp else sum(1 + e for e in before)
    means = [sum(float(losses[e][i]) * (1 + e) for e in before) / scale for i in items]
    centre = sum(means) / len(means)
    spread = (sum((mean - centre) ** 2 for mean in means) / len(means)) ** 0.5
    made = []
    for i in items:
        odd = means[i] <= centre - bound * spread or means[i] >= centre + bound * spread
        peak = 1 / (spread * (2 * np.pi) ** 0.5) if ramp else 1.0
        far = (float(losses[epoch][i]) - centre) / spread
        made.append(float(peak * np.exp(-(far**2) / 2)) if odd else 1.0)
    return made


@pytest.mark.recipe("dbpm")
@given(st.integers(0, 2**31), st.sampled_from([0, 6]), st.sampled_from([1, 4, 5]))
def test_an_epoch_is_weighed_by_the_epochs_before_it_alone(
    seed: int, epochs: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    losses = rng.gamma(2, 1, (6, 12)).astype(np.float32)
    kept = PairHistory(12, 0.0, (1.0, 1.0), epochs)
    for epoch, row in enumerate(losses):
        order = rng.permutation(12).astype(np.int32)
        found = np.zeros(12)
        for start in range(0, 12, size):
            batch = order[start : start + size]
            kept.observe(batch, row[batch])
            found[batch] = kept.weights(batch, epoch, 6)
        if epoch:
            expected = naive_weights(losses, epoch, 6, 1.0, bool(epochs))
            assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)
        else:
            assert (found == 1).all()  # there is no epoch before


def test_planted_wrong_partners_are_found() -> None:
    rng = np.random.default_rng(1)
    kept = PairHistory(400, 0.5, (2.0, 2.0), 0)
    everyone = np.arange(400, dtype=np.int32)
    for epoch in range(4):
        losses = rng.gamma(4, 0.25, 400) / (1 + epoch)
        losses[:20] = rng.gamma(20, 0.2, 20)
        for start in range(0, 400, 50):
            part = everyone[start : start + 50]
            kept.observe(part, losses[part].astype(np.float32))
    faulty = np.flatnonzero(kept.faulty())
    assert (faulty < 20).mean() > 0.8
    assert len(faulty) >= 15


KINDS = [Progressive(), Curriculum(), BadPairs(warmup=0.2), BadPairs(warmup=0.2, epochs=4)]


@pytest.mark.parametrize("weight", KINDS, ids=repr)
def test_a_state_restored_goes_on_the_same(weight: Progressive | Curriculum | BadPairs) -> None:
    made = clustered(60, 4)
    stage = RandomBatches(weight=weight)
    kept, other = stage.weigh(made), stage.weigh(clustered(60, 4, seed=1))
    assert kept is not None
    assert other is not None
    rng = np.random.default_rng(0)

    def go(of: list[Any], steps: range) -> None:
        for step in steps:
            batch = rng.choice(60, 16, replace=False).astype(np.int32)
            found = [each.weights(batch, step, 20) for each in of]
            assert found[0].dtype == np.float32
            assert all(one.tobytes() == found[0].tobytes() for one in found)
            losses = rng.gamma(2, 0.5, 16).astype(np.float32)
            for each in of:
                each.observe(batch, losses)

    go([kept], range(10))
    other.restore(kept.state())
    go([kept, other], range(10, 20))


def test_by_default_nothing_is_weighed() -> None:
    assert RandomBatches().weigh(examples([0], [[0]])) is None


def test_a_recipe_names_the_weights_as_an_inline_table() -> None:
    made = build("batch", {"kind": "random", "weight": {"kind": "bad-pairs", "low": 3}})
    assert made == RandomBatches(weight=BadPairs(low=3.0))
    with pytest.raises(RecipeError, match="weight"):
        build("batch", {"kind": "random", "weight": {"kind": "none-such"}})
