"""Steering by an expert and away from a negative prompt: the page's numbers and invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Doubles
from negatives.errors import DataError
from negatives.guide.cautious import ends_trial, entropy, likeliest, trials
from negatives.guide.contrastive import (
    caption_guided,
    contrasted,
    drawn,
    normalised,
    nucleus,
    steered,
)
from tests.guide.both import both

BASE, TUNED, NEGATIVE = (
    np.log(np.array(chances)) for chances in ([0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0.1, 0.8, 0.1])
)

logits = st.lists(st.floats(-30, 30), min_size=5, max_size=5).map(np.array)


def chances(
    base: Doubles,
    tuned: Doubles,
    negative: Doubles | None = None,
    *,
    gamma: float = 1.5,
    eta: float = 0.3,
    alpha: float = 0.1,
) -> Doubles:
    made = steered(base, tuned, negative, gamma=gamma, eta=eta, alpha=alpha)
    return np.asarray(np.exp(made))


@pytest.mark.recipe("steer")
def test_the_worked_numbers() -> None:
    amplified = chances(BASE, TUNED, NEGATIVE, gamma=2, eta=0)
    assert amplified == pytest.approx([0.054054, 0.810811, 0.135135], abs=1e-6)
    away = chances(BASE, TUNED, NEGATIVE, gamma=2, eta=0.5)
    assert away == pytest.approx([0.149498, 0.614125, 0.236377], abs=1e-6)


@given(logits, logits, logits, st.floats(-100, 100))
def test_what_it_is_where_one_term_is_missing(
    base: Doubles, tuned: Doubles, negative: Doubles, constant: float
) -> None:
    own, its_base = np.exp(normalised(tuned)), np.exp(normalised(base))
    assert np.allclose(chances(base, tuned, negative, gamma=1, eta=0, alpha=0.0), own)
    assert np.allclose(chances(base, tuned, negative, gamma=0, eta=0, alpha=0.0), its_base)
    away = chances(base, tuned, base, gamma=1.5, eta=0.9, alpha=0.0)
    assert np.allclose(away, chances(base, tuned, gamma=1.5, eta=0, alpha=0.0))
    same = chances(base, base, negative, gamma=9, eta=0.4, alpha=0.0)
    assert np.allclose(same, chances(base, base, negative, gamma=1, eta=0.4, alpha=0.0))
    moved = chances(base + constant, tuned - constant, negative + 2 * constant)
    assert np.allclose(moved, chances(base, tuned, negative))


@given(logits, logits, logits, st.floats(0, 1))
def test_what_the_expert_finds_implausible_is_never_written(
    base: Doubles, tuned: Doubles, negative: Doubles, alpha: float
) -> None:
    made = chances(base, tuned, negative, alpha=alpha)
    own = np.exp(normalised(tuned))
    assert (made[own < alpha * own.max() * (1 - 1e-9)] == 0).all()
    assert made.sum() == pytest.approx(1)


def test_a_token_that_a_branch_rules_out_makes_no_nonsense() -> None:
    never = np.array([0.0, -np.inf, 0.0])
    assert np.isfinite(chances(never, TUNED)).all()
    assert chances(never, never)[1] == 0
    assert chances(BASE, never, NEGATIVE).sum() == pytest.approx(1)


@given(logits, st.floats(0.05, 1), st.floats(0.1, 3), st.floats(0.001, 0.999))
def test_a_nucleus_holds_at_least_its_share_and_is_drawn_from(
    values: Doubles, top_p: float, temperature: float, uniform: float
) -> None:
    made = nucleus(values, temperature=temperature, top_p=top_p)
    assert made.sum() == pytest.approx(1)
    whole = np.exp(normalised(values / temperature))
    assert whole[made > 0].sum() >= top_p - 1e-9
    assert made[drawn(made, uniform)] > 0


@pytest.mark.recipe("cautious-decoding")
def test_trials_grow_with_doubt_and_the_likeliest_is_kept() -> None:
    counts = [trials(nats, 2.0, 6) for nats in np.linspace(0, 10, 50)]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (1, 6)
    assert trials(9.0, 2.0, 1) == 1
    assert likeliest([[-1.0], [-0.5, -0.6], [-9.0]]) == 1
    assert entropy(np.log(np.full(8, 1 / 8))) == pytest.approx(np.log(8))
    assert [ends_trial(text) for text in (" wing", ".", " so,")] == [False, True, True]


@pytest.mark.method("caption-guidance")
def test_guided_captions_by_the_worked_numbers() -> None:
    image, none = np.array([2.0, 0.0, 0.0]), np.array([1.0, 1.0, 0.0])
    for scale, expected in {
        0.0: [0.422319, 0.422319, 0.155362],
        1.0: [0.786986, 0.106507, 0.106507],
        2.0: [0.936240, 0.017148, 0.046613],
    }.items():
        for shift in (0.0, 3.0):  # logits, or log-probabilities
            made = both(caption_guided, image + shift, none, scale=scale, alpha=0.0)
            assert np.exp(made) == pytest.approx(expected, abs=1e-6)


@given(logits, logits, st.floats(0, 3), st.floats(0, 1))
def test_contrast_is_the_quotient_among_plausible_tokens(
    expert: Doubles, amateur: Doubles, strength: float, alpha: float
) -> None:
    made = np.exp(both(contrasted, expert, amateur, strength=strength, alpha=alpha))
    p, q = (np.exp(x - x.max()) / np.exp(x - x.max()).sum() for x in (expert, amateur))
    kept = [i for i in range(5) if p[i] >= alpha * p.max() * (1 - 1e-9)]
    logs = {i: (1 + strength) * np.log(p[i]) - strength * np.log(q[i]) for i in kept}
    total = sum(np.exp(value - max(logs.values())) for value in logs.values())
    for token in range(5):
        by_hand = np.exp(logs[token] - max(logs.values())) / total if token in logs else 0.0
        near_the_cut = abs(p[token] - alpha * p.max()) < 1e-6
        assert near_the_cut or made[token] == pytest.approx(by_hand, abs=1e-6)
    if not any(abs(p - alpha * p.max()) < 1e-6):
        assert contrasted(expert, amateur, strength=0.0, alpha=0.0) == pytest.approx(
            normalised(expert)
        )


def test_rows_of_a_batch_are_steered_one_by_one() -> None:
    random = np.random.default_rng(0)
    base, expert, negative = random.normal(size=(3, 4, 7)) * 5
    base[1] = np.where(np.arange(7) == expert[1].argmax(), -np.inf, base[1])
    together = both(steered, base, expert, negative, alpha=0.9)
    for row in range(4):
        assert together[row] == pytest.approx(
            steered(base[row], expert[row], negative[row], alpha=0.9)
        )
    assert np.exp(together).sum(-1) == pytest.approx(np.ones(4))


def test_branches_of_other_vocabularies_and_no_shares_are_refused() -> None:
    with pytest.raises(DataError, match="several shapes"):
        steered(np.zeros(3), np.zeros(4))
    with pytest.raises(DataError, match="a cut at 2"):
        steered(np.zeros(3), np.zeros(3), alpha=2)
    with pytest.raises(DataError, match="a strength of -1"):
        contrasted(np.zeros(3), np.zeros(3), strength=-1)
