"""The bound on trying again: the paper's numbers, simulation, and the check on real runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.errors import InputError
from negatives.make.iterative_deepening import IterativeDeepening
from negatives.measure.audits import ask, subject_of
from negatives.measure.audits.loops import answers_that_pass
from negatives.measure.audits.verifier_bound import (
    Rates,
    VerifierBound,
    accepted,
    best_tries,
    limit,
    utility,
    verifier_bound,
)

Halved = tuple[neg.Run, pl.DataFrame]


@pytest.mark.method("imperfect-verifier-bound")
def test_what_is_accepted_in_the_end_is_as_on_the_page() -> None:
    found = limit(Rates.of([0.2, 0.2, 0.6, 0.2], [0.1, 0.1, 0.1, 0.0], [0, 0.3, 0, 0]))
    assert found.round(6).tolist() == [0.714286, 0.636364, 0.9375, 1.0]


def test_right_and_wrong_after_some_tries_are_as_on_the_page() -> None:
    found = [accepted(Rates.of(0.2, 0.1), tries) for tries in (1, 2, 5, 10, 50)]
    right, wrong = ([float(each[at][0]) for each in found] for at in (0, 1))
    assert right == pytest.approx([0.2, 0.344, 0.5761, 0.6875, 0.7143], abs=5e-5)
    assert wrong == pytest.approx([0.08, 0.1376, 0.2304, 0.275, 0.2857], abs=5e-5)


def test_hard_problems_that_enter_late_make_more_tries_harmful() -> None:
    mixed = Rates.of([0.9, 0.02], [0.2, 0.05])
    worth = [utility(mixed, tries, harm=4.0) for tries in (1, 2, 5, 10, 50)]
    assert worth == pytest.approx([0.322, 0.2729, 0.0623, -0.2058, -0.794], abs=5e-5)
    assert best_tries(mixed, harm=4.0) == 1
    assert best_tries(Rates.of(0.02, 0.5), harm=4.0) == 0
    mean = Rates.of(0.46, 0.125)  # of the averages, another share and no decline
    assert limit(mean)[0] != pytest.approx(limit(mixed).mean(), abs=0.05)


def test_the_closed_form_is_what_simulated_tries_come_to() -> None:
    rng, worlds = np.random.default_rng(0), 20_000
    rates = Rates.of([0.2, 0.05], [0.1, 0.3], [0.3, 0.1])
    for tries in (1, 3, 10):
        right, wrong, nothing = accepted(rates, tries)
        cost_only = utility(rates, tries, harm=0.0, cost=1.0)
        made = np.zeros(2)
        for problem in range(2):
            good = rng.random((worlds, tries)) < rates.right[problem]
            passing = np.where(
                good,
                rng.random((worlds, tries)) > rates.false_fail[problem],
                rng.random((worlds, tries)) < rates.false_pass[problem],
            )
            first = np.where(passing.any(1), passing.argmax(1), -1)
            of_first = good[np.arange(worlds), first] & (first >= 0)
            made[problem] = np.where(first >= 0, first + 1, tries).mean()
            for share, simulated in (
                (right, of_first.mean()),
                (wrong, ((first >= 0) & ~of_first).mean()),
                (nothing, (first < 0).mean()),
            ):
                error = 3 * np.sqrt(share[problem] * (1 - share[problem]) / worlds)
                assert simulated == pytest.approx(share[problem], abs=max(error, 1e-9))
        assert cost_only == pytest.approx((right - made).mean(), abs=0.05)


def test_probabilities_and_tries_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match=r"false_pass is 1\.5"):
        Rates.of(0.5, 1.5)
    with pytest.raises(InputError, match="0 tries"):
        accepted(Rates.of(0.5, 0.1), 0)


def simulated(false_pass: float, seed: int, relevant: float = 0.3) -> pl.DataFrame:
    """Judged tries of 60 queries of 20: p is below 0.5 of wrong ones with `false_pass`."""
    rng = np.random.default_rng(seed)
    share = np.repeat(rng.beta(2, 2 / relevant - 2, 60), 20)
    wrong = rng.random(1200) < share
    passed = np.where(wrong, rng.random(1200) < false_pass, rng.random(1200) < 0.9)
    return pl.DataFrame(
        {
            "query_id": np.repeat([f"q{n:02d}" for n in range(60)], 20),
            "p": np.where(passed, 0.1, 0.9),
            "relevant": wrong.astype(np.float64),
        }
    )


@pytest.mark.parametrize("false_pass", [0.05, 0.8])
def test_the_interval_holds_the_true_share_as_often_as_it_says(false_pass: float) -> None:
    inside = 0
    grid = np.random.default_rng(1).beta(2, 2 / 0.3 - 2, 200_000)
    truth = float((1 - limit(Rates.of(1 - grid, false_pass, 0.1))).mean())
    for seed in range(40):
        tries = simulated(false_pass, seed)
        found = verifier_bound(tries, tries.filter(pl.col("relevant") > 0), confidence=0.9)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= truth <= found.high
    assert inside >= 34  # 36 of 40 are promised


@pytest.mark.slow
def test_a_good_verifier_raises_no_alarm_and_one_that_lets_all_pass_does(halved: Halved) -> None:
    run, hidden = halved
    whole = subject_of(run, truth=hidden)
    clean = ask(whole, [VerifierBound(passes=0.05, most=0.1)])["verifier-bound"]
    assert clean.alarm is False
    assert clean.estimate.details["wrong ones tried"] > 100
    # The same candidates but of queries with many hidden positives, and all of them pass.
    counts = whole.unlabelled.join(hidden, on=["query_id", "doc_id"]).group_by("query_id").len()
    many = counts.filter(pl.col("len") >= 5)
    subject = replace(whole, truth=hidden.join(many, on="query_id", how="semi"))
    planted = ask(subject, [VerifierBound(passes=1.0, most=0.05)])["verifier-bound"]
    assert planted.alarm is True
    assert planted.estimate.value == pytest.approx(
        planted.estimate.details["share wrong of the tries"], abs=0.03
    )
    assert "do not ask again" in planted.advice


@pytest.mark.slow
def test_without_a_truth_known_positives_try_the_verifier_and_come_to_much_the_same(
    halved: Halved,
) -> None:
    run, hidden = halved
    by_truth = ask(subject_of(run, truth=hidden), ["verifier-bound"])["verifier-bound"].estimate
    by_known = ask(subject_of(run), ["verifier-bound"])["verifier-bound"].estimate
    assert by_known.value == pytest.approx(by_truth.value, abs=0.02)
    rates = [each.details["false pass rate"] for each in (by_truth, by_known)]
    assert rates[0] == pytest.approx(rates[1], abs=0.15)


def test_a_file_has_no_verifier(tmp_path: object) -> None:
    frame = pl.DataFrame({"query": ["why"], "positive": ["It is so."], "negative": ["No."]})
    with pytest.raises(InputError, match="a file says nothing of who verified it"):
        ask(subject_of(frame), ["verifier-bound"])


def test_the_check_by_which_a_generator_asks_again_takes_many_answers_for_none() -> None:
    data = neg.Collection.load("cranfield")
    loop = IterativeDeepening(model="http://127.0.0.1:9/v1#none")
    found = answers_that_pass(loop, data)
    assert found is not None
    assert found["answers tried"] == 1611
    assert 0.3 < found["low"] < found["share"] < found["high"] < 0.55
    strict = answers_that_pass(loop.__class__(model=loop.model, rejected=0.5), data)
    assert strict is not None
    assert strict["share"] < found["share"] / 3
    assert answers_that_pass(neg.TextEdits(), data) is None  # which asks nothing again
