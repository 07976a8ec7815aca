"""A judge that answers by how it is asked sounds an alarm, and one that only errs does not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import negatives as neg
from negatives.errors import InputError, RecipeError
from negatives.measure.audits import Answer, Subject, ask, keep, subject_of
from negatives.measure.audits.corrected_rate import corrected_interval, corrected_rate
from negatives.measure.audits.judge_bias import JudgeBias, Rates, moved_by
from negatives.measure.audits.judge_ways import labelled
from negatives.stats.bounds import Clusters
from tests.models.biased_judge import BiasedJudge, judging, known

SHARES = st.floats(0, 1)


@pytest.mark.method("judge-negative-bias")
@given(share=SHARES, sensitivity=SHARES, specificity=SHARES)
def test_the_correction_undoes_what_the_judge_does(
    share: float, sensitivity: float, specificity: float
) -> None:
    said = share * sensitivity + (1 - share) * (1 - specificity)
    found = corrected_rate(said, sensitivity, specificity)
    if sensitivity + specificity <= 1:
        assert found is None
    elif sensitivity + specificity > 1.01:
        assert found == pytest.approx(share, abs=1e-9)


def drawn(rng: np.random.Generator, rate: float, clusters: int, each: int) -> Clusters:
    events = rng.binomial(each, rate, clusters)
    return Clusters.of(events, np.full(clusters, each))


def test_the_corrected_interval_holds_the_share_as_often_as_it_says() -> None:
    rng, inside, widths = np.random.default_rng(0), 0, []
    for _ in range(200):
        said = drawn(rng, 0.2 * 0.8 + 0.8 * 0.1, 100, 5)
        low, high = corrected_interval(
            said, drawn(rng, 0.8, 50, 2), drawn(rng, 0.1, 50, 2), confidence=0.9
        )
        inside += low <= 0.2 <= high
        widths.append(high - low)
    assert inside >= 180
    assert np.mean(widths) < 0.5
    assert corrected_interval(said, said, said, 0.9) == (0.0, 1.0)  # such a judge says nothing


def test_a_move_is_the_mean_over_queries_and_counts_what_flips() -> None:
    owner = np.array([0, 0, 1])
    before, after = np.array([0.0, 1, 1]), np.array([1.0, 1, 0])
    found = moved_by("x", before, after, owner)
    assert found.value == pytest.approx((0.5 - 1) / 2)
    assert found.flips is not None
    assert (found.flips.gained, found.flips.lost, found.flips.items) == (1, 1, 3)
    same = moved_by("x", before, before, owner)
    assert (same.value, same.low, same.high, same.surely) == (0, 0, 0, 0)


def test_a_judge_leans_by_as_much_as_it_says_yes_to_both_sorts_alike() -> None:
    score = np.array([1, 1, -1, 1, -1, -1, -1, np.nan], np.float32)
    relevant = np.array([1, 1, 1, 0, 0, 0, 0, 0], bool)
    found = Rates.of(score, 0.0, relevant, np.arange(8))
    assert found.relevant.rate == pytest.approx(2 / 3)
    assert found.others.rate == 0.25
    assert found.leaning(0.95, 1).value == pytest.approx((2 / 3 + 0.25) / 2 - 0.5)


@pytest.fixture(scope="module")
def judged(run: neg.Run) -> tuple[Subject, frozenset[tuple[str, str]]]:
    """The run, with the cranfield's own judgements for a truth of what is not relevant."""
    subject = subject_of(run)
    return subject, known(subject.collection)


def asked(subject: Subject, judge: BiasedJudge) -> Answer:
    with judging(judge) as spec:
        check = JudgeBias(model=spec, characters=0)
        return ask(subject, [check])["judge-bias"]


@pytest.mark.slow
@pytest.mark.parametrize("noise", [False, True])
def test_a_judge_that_errs_and_leans_to_nothing_sounds_no_alarm(
    judged: tuple[Subject, frozenset[tuple[str, str]]], noise: bool
) -> None:
    subject, relevant = judged
    found = asked(subject, BiasedJudge(relevant, noise=noise))
    assert found.alarm is False
    told = found.estimate.details
    for name, rate in (("says yes to relevant", 0.85), ("says yes to others", 0.15)):
        value, low, high = told[name]
        assert low <= rate <= high
        assert low < value < high
    if not noise:
        assert all(each["flips"] == 0 for each in told["ways"].values())


@pytest.mark.method("judge-binary-bias")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("leaning", "way"),
    [
        ("yes", "than the labels say"),
        ("no", "than the labels say"),
        ("first word", "no named before yes"),
        ("early", "early in a list, not late in a list"),
        ("alone", "several in a call"),
        ("appeal", "with appeal 1"),
        ("wording", "in other words"),
    ],
)
def test_each_leaning_is_an_alarm_that_names_it(
    judged: tuple[Subject, frozenset[tuple[str, str]]], leaning: str, way: str
) -> None:
    subject, relevant = judged
    found = asked(subject, BiasedJudge(relevant, leaning=leaning, strength=0.6))
    assert found.alarm is True
    assert way in found.advice


@pytest.mark.slow
def test_what_a_run_was_judged_is_corrected_and_told_beside_p_relevant(
    run: neg.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A judge that says yes to 40% of what is not relevant makes shares too high; corrected not."""
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path / "cache"))
    copy = neg.Run(shutil.copytree(run.path, tmp_path / "run"))
    relevant = known(copy.collection)
    with judging(BiasedJudge(relevant, sensitivity=0.9, specificity=0.6)) as spec:
        judge = neg.LLMJudge(model=spec, characters=0)
        after = copy.judge(judge, 600)
        subject, checks = subject_of(after), [JudgeBias(model="run", characters=0)]
        answers = ask(subject, checks)
    told = answers["judge-bias"].estimate.details["candidates"]
    assert told["says yes"] > 0.3
    assert told["low"] <= told["corrected"] <= told["high"]
    assert told["corrected"] < told["says yes"] / 2
    keep(subject, checks, answers)
    page = after.report().path / "report.html"
    assert "corrected by how it errs on pairs of known labels" in page.read_text("utf-8")


def test_labelled_pairs_are_of_both_sorts_and_drawn_by_ids(run: neg.Run) -> None:
    subject = subject_of(run)
    found, known_ = labelled(subject, 30, 4)
    assert not known_
    by_query = found.group_by("query_id").agg(pl.len(), pl.col("relevant").sum())
    assert len(by_query) == 30
    assert by_query["len"].max() == 4
    assert by_query["relevant"].unique().to_list() == [2]
    one = labelled(subject, 30, 3)[0].group_by("query_id").agg(pl.len(), pl.col("relevant").sum())
    assert one.select("len", "relevant").unique().row(0) == (3, 1)
    zeros = subject.negatives.select("query_id", "doc_id", relevance=pl.lit(0, pl.Int64))
    truth = zeros.cast({"relevance": subject.collection.qrels.schema["relevance"]})
    again, judged_ = labelled(replace(subject, truth=truth), 30, 4)
    assert judged_
    assert again.equals(found)


def test_what_it_lacks_is_told_before_any_work(run: neg.Run) -> None:
    with pytest.raises(InputError, match=r"asking one costs calls; --set judge-bias\.model=URL#"):
        ask(subject_of(run), [JudgeBias()])
    with pytest.raises(InputError, match="no language model has judged here"):
        ask(subject_of(run), [JudgeBias(model="run")])
    data = neg.Collection.load("cranfield")
    few = data.qrels.filter(pl.col("query_id").is_in(data.qrels["query_id"].unique().sort()[:5]))
    one = replace(subject_of(run), collection=replace(data, qrels=few, origin=""))
    with pytest.raises(InputError, match="fewer than 20 queries have a positive and a negative"):
        ask(one, [JudgeBias(model="http://127.0.0.1:1/v1#m")])
    with pytest.raises(RecipeError, match="api_key holds a literal key"):
        JudgeBias(model="http://127.0.0.1:1/v1#m", api_key="sk-123")
