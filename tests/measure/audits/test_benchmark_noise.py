"""Labels on any document sound an alarm and others do not; a comparison is told by drawn labels."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

import negatives as neg
from negatives.cli import app
from negatives.errors import InputError
from negatives.measure.audits import Subject, ask, subject_of
from negatives.measure.audits.benchmark_noise import BenchmarkNoise
from negatives.measure.audits.label_draws import metric_of, redrawn
from negatives.measure.audits.label_errors import (
    contradicted,
    drawn_positives,
    places_among_random,
    probability_wrong,
)
from negatives.measure.likeness import unit_vectors
from negatives.run.reviews import Verdict, append_reviews
from negatives.schema import PAIR, Collection


def subject(data: Collection) -> Subject:
    return Subject(data.name, data, data.given.select(PAIR))


def mislabelled(data: Collection, share: float, seed: int = 1) -> Collection:
    """The collection, a share of whose positives are on a document drawn at random."""
    rng = np.random.default_rng(seed)
    hit = pl.Series(rng.random(len(data.qrels)) < share)
    drawn = data.corpus["doc_id"].gather(rng.integers(len(data.corpus), size=len(data.qrels)))
    doc = pl.when(hit).then(drawn).otherwise("doc_id")
    qrels = data.qrels.with_columns(doc_id=doc).unique(PAIR, keep="first").sort(PAIR)
    return replace(data, qrels=qrels, origin="")


@pytest.fixture(scope="module")
def cranfield() -> Collection:
    return neg.Collection.load("cranfield")


def test_of_a_few_queries_nothing_is_known(cranfield: Collection) -> None:
    few = cranfield.queries["query_id"].head(12).implode()
    qrels = cranfield.qrels.filter(pl.col("query_id").is_in(few))
    found = ask(subject(replace(cranfield, qrels=qrels)), ["benchmark-noise"])["benchmark-noise"]
    assert (found.estimate.low, found.estimate.high, found.alarm) == (0.0, 1.0, None)
    assert found.advice.startswith("too few queries to say anything")


def test_labels_on_any_document_are_an_alarm_and_right_ones_are_not(cranfield: Collection) -> None:
    clean = ask(subject(cranfield), ["benchmark-noise"])["benchmark-noise"]
    assert clean.alarm is False
    assert clean.estimate.value is not None
    assert clean.estimate.value < 0.05
    planted = mislabelled(cranfield, 0.25)
    found = ask(subject(planted), ["benchmark-noise"])["benchmark-noise"]
    assert found.alarm is True
    assert (found.estimate.low or 0) < 0.25 < (found.estimate.high or 1)
    there = cranfield.qrels.select(PAIR)
    doubtful = pl.DataFrame(found.estimate.details["most doubtful"])
    wrong = len(doubtful.join(there, on=PAIR, how="anti"))
    assert wrong >= 0.8 * len(doubtful), "what it doubts most is what was planted"


def test_the_place_of_a_positive_is_that_of_a_loop_over_drawn_documents(
    cranfield: Collection,
) -> None:
    """Fewer documents than are drawn at most, so that the loop needs to draw none."""
    few = cranfield.corpus.head(300)
    kept = cranfield.qrels.join(few.select("doc_id"), on="doc_id", how="semi").head(60)
    asked = cranfield.queries.join(kept.select("query_id").unique(), on="query_id", how="semi")
    data = replace(cranfield, corpus=few, queries=asked, qrels=kept, origin="")
    positives = drawn_positives(data, 0)
    u = places_among_random(data, positives)
    queries, docs = unit_vectors(data.queries["text"]), unit_vectors(data.corpus["text"])
    used = data.corpus.filter(data.corpus["text"].str.strip_chars() != "")["text"]
    words = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+")
    words.fit([*used.to_list(), *data.queries["text"].to_list()])
    by_words = [
        words.transform(each["text"].to_list()).toarray() for each in (data.queries, data.corpus)
    ]
    empty = (data.corpus["text"].str.strip_chars() == "").to_numpy()
    for place, (query, doc) in enumerate(positives.iter_rows()):
        of_query = positives.filter(pl.col("query") == query)["doc"].to_list()
        others = [each for each in of_query if each != doc]
        views = [docs @ queries[query], by_words[1] @ by_words[0][query]]
        if others:
            views.append(docs @ docs[others].sum(0))
        total = sum((v - v[~empty].mean()) / v[~empty].std() for v in views)
        rest = [n for n in range(len(docs)) if n not in of_query and not empty[n]]
        above = sum(bool(total[n] >= total[doc]) for n in rest)
        assert u[place] == pytest.approx((above + 1) / (len(rest) + 1), abs=1.5 / len(rest))


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.6))
def test_probabilities_fall_with_likeness_and_add_up_to_the_share(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    wrong = rng.random(4000) < share
    u = np.where(wrong, rng.random(4000), rng.beta(1, 60, 4000))
    p = probability_wrong(u, share)
    order = np.argsort(u)
    assert (np.diff(p[order]) >= -1e-12).all()
    assert ((p >= 0) & (p <= 1)).all()
    assert p.mean() == pytest.approx(share, abs=0.06)
    assert p[wrong].mean() > p[~wrong].mean()


def test_copies_that_are_judged_both_ways_are_named() -> None:
    data = Collection(
        name="two",
        split="",
        corpus=pl.DataFrame({"doc_id": ["a", "b", "c"], "text": ["It is so.", "it is so", "No."]}),
        queries=pl.DataFrame({"query_id": ["p", "q"], "text": ["Why?", "why"]}),
        qrels=pl.DataFrame(
            {
                "query_id": ["p", "q", "p"],
                "doc_id": ["a", "b", "c"],
                "relevance": pl.Series([1, 0, 0], dtype=pl.Int32),
            }
        ),
    )
    assert contradicted(data).rows() == [("p", "a"), ("q", "b")]


def rankings() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of ten queries: the first has a first and b second, the other the other way round."""
    ids = [f"q{n}" for n in range(10) for _ in range(2)]
    first = pl.DataFrame({"query_id": ids, "doc_id": ["a", "b"] * 10, "rank": [1, 2] * 10})
    return first, first.with_columns(rank=3 - pl.col("rank"))


def labels(wrong: float, missing: float) -> pl.DataFrame:
    """Of each query a is relevant, and wrong so probably; b is unlabelled, and missing so."""
    ids = [f"q{n}" for n in range(10) for _ in range(2)]
    return pl.DataFrame(
        {
            "query_id": ids,
            "doc_id": ["a", "b"] * 10,
            "relevance": [1, 0] * 10,
            "wrong": [wrong, missing] * 10,
        }
    )


def test_labels_that_are_sure_leave_a_comparison_as_it_is() -> None:
    found = redrawn(labels(0.0, 0.0), rankings(), metric_of("RR"), draws=20)
    assert (found.differences == 0.5).all()
    assert found.p == pytest.approx(2 / 1024)
    assert (found.turned, found.undecided) == (0, 0)


def test_labels_that_are_surely_wrong_turn_it_round() -> None:
    found = redrawn(labels(1.0, 1.0), rankings(), metric_of("RR"), draws=20)
    assert (found.differences == -0.5).all()
    assert (found.turned, found.undecided) == (1, 0)


@pytest.mark.method("benchmark-noise-audit")
def test_the_mean_over_drawings_is_what_the_probabilities_say() -> None:
    """a relevant 1 - w, b relevant m: RR differs by 0.5 where one of the two is, and else not."""
    w, m = 0.3, 0.2
    found = redrawn(labels(w, m), rankings(), metric_of("RR"), draws=2000)
    expected = 0.5 * ((1 - w) * (1 - m) - w * m)
    assert float(found.differences.mean()) == pytest.approx(expected, abs=0.01)


def test_a_second_judging_counts_what_it_contradicts(cranfield: Collection) -> None:
    again = cranfield.qrels.head(200).select(*PAIR, relevance=pl.int_range(200) % 4)
    again = again.with_columns(relevance=(pl.col("relevance") > 0).cast(pl.Int32))
    judged = replace(subject(cranfield), truth=again)
    found = ask(judged, ["benchmark-noise"])["benchmark-noise"]
    assert found.estimate.value == pytest.approx(0.25)
    assert found.alarm is True
    assert found.estimate.details["share wrong of positives"] == pytest.approx(0.25)
    agreed = replace(judged, truth=again.with_columns(relevance=pl.lit(1, pl.Int32)))
    assert ask(agreed, ["benchmark-noise"])["benchmark-noise"].alarm is False


def test_reviews_of_a_run_are_a_second_judging_of_what_it_labels(
    run: neg.Run, tmp_path: Path
) -> None:
    positives = run.collection.qrels.filter(pl.col("relevance") > 0).head(40)
    path = shutil.copytree(run.path, tmp_path / "run")
    verdicts = [
        Verdict(query_id=query, doc_id=doc, verdict="not" if n % 2 else "relevant")
        for n, (query, doc) in enumerate(positives.select(PAIR).iter_rows())
    ]
    append_reviews(path, verdicts)
    found = ask(subject_of(path), ["benchmark-noise"])["benchmark-noise"]
    assert found.estimate.value == pytest.approx(0.5)
    assert found.estimate.details["by"] == "a second judging"


def test_what_it_lacks_is_told_before_any_work(cranfield: Collection) -> None:
    with pytest.raises(InputError, match="one ranking is named, and two are compared"):
        ask(subject(cranfield), [BenchmarkNoise(first="a.run")])
    few = replace(cranfield, qrels=cranfield.qrels.head(10), origin="")
    with pytest.raises(InputError, match=r"only 10 positives.*\(--truth\)"):
        ask(subject(few), [BenchmarkNoise()])
    with pytest.raises(InputError, match="is no file of a ranking"):
        ask(subject(cranfield), [BenchmarkNoise(first="a.run", second="b.run")])
    with pytest.raises(InputError, match="cannot be measured on drawn labels"):
        ask(subject(cranfield), [BenchmarkNoise(metric="PSP@5")])


def test_two_saved_rankings_are_compared_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for model in ("bm25", "static"):
        files.append(tmp_path / f"{model}.run")
        neg.evaluate(model, "cranfield", save_run=files[-1])
    chosen = [
        *("--set", f"benchmark-noise.first={files[0]}"),
        *("--set", f"benchmark-noise.second={files[1]}"),
        *("--set", "benchmark-noise.draws=40"),
    ]
    assert app.run(["audit", "cranfield", "--checks", "benchmark-noise", *chosen, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["checks"][0]
    compared = told["comparison"]
    means = [neg.evaluate(each, "cranfield").figures["metrics"]["nDCG@10"]["value"]
             for each in files]  # fmt: skip
    assert compared["difference"] == pytest.approx(means[0] - means[1], abs=1e-5)
    assert compared["drawings"] == 40
    assert 0 <= compared["sign turns in"] <= 1
