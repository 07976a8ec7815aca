"""Which pairs people are asked about: a sample, and those that tell most; kept apart."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.measure.review import review_of
from negatives.run.asking import judged_sample, picks_of, questions, random_sample
from negatives.run.reviews import Verdict, append_reviews, read_lines

PAIR = ["query_id", "doc_id"]


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    return neg.mine(
        neg.Collection.load("cranfield"), tmp_path_factory.mktemp("asking") / "run",
        sources=[neg.BM25(top=30), neg.Dense(top=30)], judges=[], estimate=neg.Evidence(),
        pick=neg.RiskLimited(per_query=4),
    )  # fmt: skip


@pytest.fixture
def run(mined: neg.Run, tmp_path: Path) -> neg.Run:
    shutil.copytree(mined.path, tmp_path / "run")
    return neg.Run(tmp_path / "run", collection=mined.at_hand)


def said(run: neg.Run, pairs: pl.DataFrame, order: str, verdict: str = "not") -> None:
    """Somebody judges pairs in an order."""
    append_reviews(
        run.path,
        [
            Verdict(query_id=query, doc_id=doc, verdict=verdict, order=order, picks=picks_of(run))  # type: ignore[arg-type]
            for query, doc in pairs.select(PAIR).iter_rows()
        ],
    )


def test_the_random_order_is_a_sample_of_the_negatives_and_the_active_one_of_suspects(
    run: neg.Run,
) -> None:
    asked = questions(run, 200)
    negatives = run.negatives
    assert asked.unknown == len(negatives)
    assert len(asked.random) == len(asked.active) == 200
    assert len(asked.random.join(negatives, on=PAIR, how="semi")) == 200
    assert random_sample(run, 20).equals(asked.random.head(20).select(PAIR))  # the longer holds it
    mean = negatives["p_relevant"].mean()
    assert isinstance(mean, float)
    assert abs(asked.random["p_relevant"].mean() - mean) < 0.012  # type: ignore[operator]
    assert asked.active["p_relevant"].head(40).mean() > 2 * mean  # type: ignore[operator]
    assert asked.active["p_relevant"].max() <= 0.5  # type: ignore[operator]


def test_a_suspect_that_was_judged_in_active_order_stays_in_the_sample(run: neg.Run) -> None:
    first = questions(run, 10).random
    said(run, first.slice(3, 1), "active", "relevant")
    assert review_of(run) is None  # nobody has judged in random order
    said(run, first.head(3), "random")
    said(run, first.slice(4, 2), "random")
    review = review_of(run)
    assert review is not None
    assert (review.judged, review.relevant) == (6, 1)
    assert questions(run, 10).random.select(PAIR).equals(first.select(PAIR))
    assert questions(run, 10).active.join(first.slice(3, 1), on=PAIR, how="semi").is_empty()


@pytest.mark.slow
def test_of_other_negatives_another_sample_begins_without_what_was_judged(run: neg.Run) -> None:
    before = questions(run, 60).random
    said(run, before, "random")
    run = run.review()
    after = questions(run, 60)
    assert len(judged_sample(run, read_lines(run.path))) == 0
    assert review_of(run) is None
    assert after.random.join(before, on=PAIR, how="semi").is_empty()
    still = len(run.negatives.join(before, on=PAIR, how="semi"))
    assert after.unknown == len(run.negatives) - still
    # By the same draw it would begin with what is new among the negatives.
    old = run.negatives.join(before, on=PAIR, how="anti")
    assert len(after.random.join(old, on=PAIR, how="semi")) == 60


@pytest.mark.slow
def test_without_an_estimate_pairs_are_asked_about_all_the_same(tmp_path: Path) -> None:
    run = neg.mine(
        "cranfield",
        tmp_path / "run",
        sources=[neg.BM25(top=20)],
        judges=[],
        pick=neg.Top(per_query=3),
    )
    asked = questions(run, 30)
    assert len(asked.random) == len(asked.active) == 30
    said(run, asked.random, "random")
    assert len(run.review().candidates().filter(pl.col("rule") == "review").collect()) == 30


@pytest.mark.slow
def test_verdicts_that_are_all_taken_back_leave_the_run_as_it_was(run: neg.Run) -> None:
    first = run.negatives
    p = run.candidates().select("p_relevant").collect()
    said(run, questions(run, 50).active, "active")
    run = run.review()
    assert not run.candidates().select("p_relevant").collect().equals(p)
    said(run, questions(run).judged, "active", "retracted")
    run = run.review()
    assert run.negatives.select(PAIR).equals(first.select(PAIR))
    again = run.candidates().select("p_relevant").collect()
    assert (again["p_relevant"] - p["p_relevant"]).abs().max() < 1e-4  # type: ignore[operator]
