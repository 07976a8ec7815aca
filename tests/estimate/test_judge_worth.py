"""What a judge is worth by the labels: that it is told rightly, and that chance is not believed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from negatives.estimate.judge_worth import worth
from negatives.estimate.revision import learn, with_others

LABEL_RATE = 0.5


def judged(
    sensitivity: float, specificity: float, *, queries: int = 150, seed: int = 3
) -> pl.DataFrame:
    """Pairs of a run whose first p is right, and a judge that says 1 or -1; half is labelled."""
    draw = np.random.default_rng(seed)
    n = queries * 20
    chance = draw.beta(0.4, 1.6, n)
    truth = draw.random(n) < chance
    labelled = truth & (draw.random(n) < LABEL_RATE)
    # What p_relevant is of an unlabelled pair, by Bayes.
    p = chance * (1 - LABEL_RATE) / (1 - chance * LABEL_RATE)
    yes = np.where(truth, draw.random(n) < sensitivity, draw.random(n) >= specificity)
    return pl.DataFrame(
        {
            "query_id": np.repeat([f"q{number}" for number in range(queries)], 20),
            "p_relevant": np.where(labelled, chance, p).astype(np.float32),
            "score": np.where(yes, 1, -1).astype(np.float32),
            "labelled": labelled,
            "proposed": True,
            "truth": truth,
        }
    )


@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.8, 0.95), (0.95, 0.6), (0.3, 0.99)])
def test_sensitivity_and_specificity_are_told_as_they_are(
    sensitivity: float, specificity: float
) -> None:
    """Although among the unlabelled pairs are relevant ones."""
    found = worth(judged(sensitivity, specificity), 0.0)
    assert found is not None
    assert found.above_chance
    assert found.sensitivity == pytest.approx(sensitivity, abs=0.05)
    assert found.specificity == pytest.approx(specificity, abs=0.03)
    assert found.bias == pytest.approx(specificity - sensitivity, abs=0.06)
    assert found.says_yes is not None
    assert found.expected_yes is not None
    assert (found.says_yes < found.expected_yes) == (sensitivity < 0.5), "it leans to no"


def test_a_bias_is_the_difference_of_the_two_recalls() -> None:
    """Three of each; says no to five: 1 - 1/3. A fair coin has none."""
    frame = pl.DataFrame(
        {
            "labelled": [True] * 30 + [False] * 30,
            "proposed": True,
            "p_relevant": [0.9] * 30 + [0.0] * 30,
            "score": ([1.0] + [-1.0] * 2) * 10 + [-1.0] * 30,
        }
    )
    found = worth(frame, 0.0)
    assert found is not None
    assert found.bias == pytest.approx(2 / 3, abs=1e-3)
    coin = worth(judged(0.5, 0.5), 0.0)
    assert coin is not None
    assert abs(coin.bias or 0) < 0.05
    assert not coin.above_chance


def test_too_few_pairs_say_nothing_and_scores_without_a_threshold_only_an_auc() -> None:
    frame = judged(0.9, 0.9)
    assert worth(frame.filter("labelled").head(19), 0.0) is None
    assert (
        worth(
            pl.concat([frame.filter("labelled").head(19), frame.filter(~pl.col("labelled"))]), 0.0
        )
        is None
    )
    found = worth(frame, None)
    assert found is not None
    assert (found.sensitivity, found.bias) == (None, None)
    assert found.auc > 0.8


@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.8, 0.95), (0.6, 0.7)])
def test_what_is_learned_is_what_sensitivity_and_specificity_say_of_an_answer(
    sensitivity: float, specificity: float
) -> None:
    """The odds rise by s / (1 - c) for a yes and fall by (1 - s) / c for a no, as Bayes has it."""
    frame = judged(sensitivity, specificity, queries=400)
    scored = with_others(frame)
    revision = learn(scored, 0)
    assert revision is not None
    after = revision.revised(scored, 0)
    open_ = ~frame["labelled"].to_numpy()
    p = frame["p_relevant"].cast(pl.Float64).to_numpy().clip(1e-4, 1 - 1e-4)
    yes = frame["score"].to_numpy() > 0
    ratio = np.where(yes, sensitivity / (1 - specificity), (1 - sensitivity) / specificity)
    bayes = ratio * p / (1 - p) / (1 + ratio * p / (1 - p))
    for said in (yes, ~yes):
        group = open_ & said
        assert after[group].mean() == pytest.approx(bayes[group].mean(), abs=0.04)
        assert after[group].mean() == pytest.approx(
            frame["truth"].to_numpy()[group].mean(), abs=0.05
        )
    brier = [np.mean((each - frame["truth"].to_numpy())[open_] ** 2) for each in (p, after)]
    assert brier[1] < brier[0]


def test_a_judge_at_chance_is_told_from_a_judge_and_would_hardly_move_anything() -> None:
    believed = 0
    for seed in range(40):
        frame = judged(0.5, 0.5, queries=20, seed=seed)
        found = worth(frame, 0.0)
        assert found is not None
        believed += found.above_chance
        revision = learn(scored := with_others(frame), 0) if seed < 8 else None
        if revision is not None:
            moved = np.abs(revision.revised(scored, 0) - frame["p_relevant"].to_numpy())
            assert moved[~frame["labelled"].to_numpy()].mean() < 0.05
    assert believed <= 3, "one time in forty, by chance"
    assert all(worth(judged(0.7, 0.7, seed=seed), 0.0).above_chance for seed in range(5))  # type: ignore[union-attr]
