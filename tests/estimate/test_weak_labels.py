"""Label models: the worked numbers, recovery of planted reliabilities, abstention and copies."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from negatives.arrays import Doubles, Places
from negatives.estimate.weak_labels import (
    Reliability,
    balanced,
    correlation,
    dawid_skene,
    independent,
    log_likelihood,
    majority,
    posterior,
    triplet,
)

Truth = NDArray[np.bool_]
WORKED = Reliability(np.array([0.9, 0.7, 0.6]), np.array([0.8, 0.7, 0.9]))


def votes(*rows: str) -> Doubles:
    """A row of votes from a text: 1 relevant, 0 not, . abstains."""
    return np.array([[np.nan if each == "." else float(each) for each in row] for row in rows])


def once(table: Doubles) -> Places:
    return np.ones(len(table), np.int64)


def accuracies(*values: float) -> Reliability:
    return Reliability(np.array(values), np.array(values))


def planted(
    tpr: list[float], tnr: list[float], prior: float, n: int, seed: int = 0, silent: float = 0.0
) -> tuple[Doubles, Truth]:
    """Votes of independent judges with these rates, and the truth."""
    draw = np.random.default_rng(seed)
    truth = draw.random(n) < prior
    chance = np.where(truth[:, None], tpr, 1 - np.array(tnr))
    made = (draw.random((n, len(tpr))) < chance).astype(np.float64)
    made[draw.random(made.shape) < silent] = np.nan
    return made, truth


@pytest.mark.recipe("weaver", "label-models")
def test_posteriors_are_those_of_the_page() -> None:
    found = posterior(votes("111", "100", "011", "110"), WORKED, 0.3)
    assert found == pytest.approx([0.964286, 0.268657, 0.428571, 0.666667], abs=1e-6)


def test_known_accuracies_give_naive_bayes() -> None:
    # Accuracies .9, .7, .6 and votes + - -: .72 at a prior of one half, .524272 at .3.
    known = accuracies(0.9, 0.7, 0.6)
    assert posterior(votes("100"), known, 0.5)[0] == pytest.approx(0.72)
    assert posterior(votes("100"), known, 0.3)[0] == pytest.approx(0.524272, abs=1e-6)
    assert majority(votes("100"), 0.5)[0] < 0.5  # where counting heads says no


def test_a_coin_flip_changes_no_posterior() -> None:
    with_coin = Reliability(np.append(WORKED.tpr, 0.3), np.append(WORKED.tnr, 0.7))
    table = votes("111", "100", "011", "110")
    for vote in (0.0, 1.0, np.nan):
        tossed = np.column_stack([table, np.full(4, vote)])
        assert posterior(tossed, with_coin, 0.3) == pytest.approx(posterior(table, WORKED, 0.3))


def test_an_abstention_counts_for_nothing_and_all_abstentions_give_the_prior() -> None:
    assert posterior(votes("..."), WORKED, 0.3)[0] == pytest.approx(0.3)
    alone = Reliability(WORKED.tpr[:1], WORKED.tnr[:1])
    assert posterior(votes("1.."), WORKED, 0.3) == pytest.approx(posterior(votes("1"), alone, 0.3))


@given(st.lists(st.text("01.", min_size=5, max_size=5), min_size=1, max_size=9))
def test_of_equal_judges_the_order_is_that_of_the_majority(rows: list[str]) -> None:
    table = votes(*rows)
    p = posterior(table, accuracies(*[0.7] * 5), 0.5)
    for_minus_against = np.nansum(2 * table - 1, axis=1)
    assert (np.sign(np.round(p - 0.5, 9)) == np.sign(for_minus_against)).all()


def test_a_hundred_judges_of_one_mind_are_finite() -> None:
    p = posterior(np.ones((1, 100)), accuracies(*[0.999] * 100), 0.5)
    assert p[0] == pytest.approx(1.0)
    assert np.isfinite(log_likelihood(np.ones((1, 100)), np.array([1]), WORKED_100, 0.5))


WORKED_100 = accuracies(*[0.999] * 100)


def test_exact_moments_give_the_accuracy_back() -> None:
    # Accuracies .8, .6, .7: c = .6, .2, .4; moments .12, .24, .08. Every row of votes, as often as
    # independent judges would give it, in thousandths.
    accuracy = np.array([0.8, 0.6, 0.7])
    table = votes(*(f"{n:03b}" for n in range(8)))
    right = np.prod(np.where(table == 1, accuracy, 1 - accuracy), axis=1)
    wrong = np.prod(np.where(table == 0, accuracy, 1 - accuracy), axis=1)
    counts = np.rint(1000 * (right + wrong) / 2).astype(np.int64)
    assert triplet(table, counts).tpr == pytest.approx([0.8, 0.6, 0.7], abs=1e-9)


@pytest.mark.parametrize("silent", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_planted_reliabilities_are_found(seed: int, silent: float) -> None:
    tpr, tnr = [0.9, 0.75, 0.7, 0.65, 0.8], [0.8, 0.85, 0.7, 0.9, 0.75]
    table, truth = planted(tpr, tnr, 0.4, 5000, seed, silent)
    found = dawid_skene(table, once(table), 0.4)
    assert np.abs(found.tpr - tpr).max() < 0.05
    assert np.abs(found.tnr - tnr).max() < 0.05
    said = posterior(table, found, 0.4) > 0.5
    heads = majority(table, 0.4) > 0.5
    singles = [((each == 1) == truth).mean() for each in table.T]
    assert (said == truth).mean() >= max(*singles, (heads == truth).mean())


@pytest.mark.parametrize("seed", range(3))
def test_triplets_find_accuracies_of_balanced_classes(seed: int) -> None:
    accuracy = [0.9, 0.75, 0.7, 0.65, 0.8]
    table, _ = planted(accuracy, accuracy, 0.5, 20_000, seed)
    assert np.abs(triplet(table, once(table)).tpr - accuracy).max() < 0.05


def test_more_rounds_never_make_the_votes_less_likely() -> None:
    table, _ = planted([0.9, 0.7, 0.6], [0.8, 0.7, 0.9], 0.3, 500)
    likely = [
        log_likelihood(
            table, once(table), dawid_skene(table, once(table), 0.3, iterations=n, smoothing=0), 0.3
        )
        for n in range(1, 30)
    ]
    assert all(after >= before - 1e-9 for before, after in pairwise(likely))


def test_with_a_perfect_judge_nothing_is_in_doubt() -> None:
    table, truth = planted([1.0, 0.8, 0.8, 0.7], [1.0, 0.8, 0.8, 0.7], 0.5, 5000)
    p = posterior(table, dawid_skene(table, once(table), 0.5), 0.5)
    assert p == pytest.approx(truth.astype(float), abs=0.02)


def test_swapping_the_classes_swaps_the_rates() -> None:
    table, _ = planted([0.9, 0.7, 0.6], [0.8, 0.7, 0.9], 0.3, 500)
    straight = dawid_skene(table, once(table), 0.3)
    swapped = dawid_skene(1 - table, once(table), 0.7)
    assert swapped.tpr == pytest.approx(straight.tnr)
    assert swapped.tnr == pytest.approx(straight.tpr)


def test_judges_are_taken_to_be_better_than_chance_on_average() -> None:
    # Most judges worse than random: the same votes are explained with the classes exchanged.
    table, _ = planted([0.2, 0.3, 0.25], [0.2, 0.3, 0.25], 0.5, 2000)
    found = dawid_skene(table, once(table), 0.5)
    assert (found.tpr + found.tnr).mean() > 1


def test_counting_equal_rows_is_the_same_as_listing_them() -> None:
    table, _ = planted([0.9, 0.7, 0.6], [0.8, 0.7, 0.9], 0.3, 500, silent=0.2)
    coded = np.nan_to_num(table, nan=2.0)
    rows, counts = np.unique(coded, axis=0, return_counts=True)
    rows = np.where(rows == 2, np.nan, rows)
    for model in (lambda v, c: dawid_skene(v, c, 0.3), triplet):
        listed, counted = model(table, once(table)), model(rows, counts.astype(np.int64))
        assert counted.tpr == pytest.approx(listed.tpr)
        assert counted.tnr == pytest.approx(listed.tnr)


def brier(votes: Doubles, truth: Truth, prior: float) -> float:
    p = posterior(votes, dawid_skene(votes, once(votes), prior), prior)
    return float(((p - truth) ** 2).mean())


def test_copies_of_a_judge_make_it_worse_unless_they_are_left_out() -> None:
    table, truth = planted([0.8] * 5, [0.8] * 5, 0.5, 4000)
    copied = np.column_stack([table, *[table[:, 0]] * 4])
    assert brier(copied, truth, 0.5) > brier(table, truth, 0.5) + 0.02
    kept = independent(copied, once(copied))
    assert kept == [0, 1, 2, 3, 4]
    assert brier(copied[:, kept], truth, 0.5) == pytest.approx(brier(table, truth, 0.5))


def test_judges_that_always_say_the_same_or_nothing_are_left_out() -> None:
    table = votes("10.1", "11.1", "10.1", "00.1")
    assert balanced(table, once(table), 0.3) == [0, 1]
    assert balanced(table, np.array([1, 1, 1, 40]), 0.3) == []  # 3 of 43 is under a tenth


@pytest.mark.parametrize(("prior", "kept"), [(0.1, [0]), (0.5, [0, 1]), (0.9, [1])])
def test_where_a_class_is_rare_a_judge_must_find_it_rare(prior: float, kept: list[int]) -> None:
    table = votes("01", "01", "11", "00", "01")  # shares of 0.2 and 0.8
    assert balanced(table, once(table), prior) == kept


def test_the_correlation_is_that_of_the_rows_where_both_vote() -> None:
    table = votes("11", "10", "00", "0.", ".1")
    assert correlation(table, once(table)) == pytest.approx(np.corrcoef([1, 1, 0], [1, 0, 0])[0, 1])
    assert correlation(votes("1.", "0."), np.array([1, 1])) == 0.0
    assert correlation(votes("11", "01"), np.array([1, 1])) == 0.0


@pytest.mark.parametrize("table", [votes("...", "..."), votes("000", "000"), votes("111")])
def test_silent_and_constant_judges_give_finite_numbers(table: Doubles) -> None:
    for found in (dawid_skene(table, once(table), 0.3), triplet(table, once(table))):
        assert np.isfinite(found.tpr).all()
        assert np.isfinite(posterior(table, found, 0.3)).all()
