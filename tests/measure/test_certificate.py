"""Three estimates of the share of false negatives, and the bounds they stand on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import negatives as neg
from negatives.errors import InputError
from negatives.measure.certificate import KNOWN, MODEL, REVIEW, certificate, leak_bound
from negatives.measure.conformal import conformal_threshold, order
from negatives.measure.leaks import leaks, picker_of
from negatives.measure.tally import Tally
from negatives.run.picked import parts_with_picks
from negatives.schema import ELIGIBLE, KEPT, POSITIVE
from negatives.stage import Picker
from negatives.stats.bounds import FEW, Clusters, prediction_bound, upper_bound
from tests.build import collection
from tests.each import for_each

# ---- bounds --------------------------------------------------------------------------------------


@given(st.integers(1, 60), st.floats(0.6, 0.99), st.data())
def test_the_bound_is_the_share_at_which_so_few_events_are_just_as_unlikely(
    trials: int, confidence: float, data: st.DataObject
) -> None:
    events = data.draw(st.integers(0, trials - 1))
    high = upper_bound(events, trials, confidence)
    as_few = sum(comb(trials, k) * high**k * (1 - high) ** (trials - k) for k in range(events + 1))
    assert as_few == pytest.approx(1 - confidence, rel=1e-6)


def test_events_only_bound_nothing() -> None:
    assert upper_bound(7, 7, 0.9) == 1.0
    assert prediction_bound(7, 7, 3, 0.9) == 1.0


@given(st.integers(1, 14), st.integers(1, 14), st.floats(0.6, 0.98), st.data())
def test_the_prediction_is_the_hypergeometric_one(
    trials: int, unseen: int, confidence: float, data: st.DataObject
) -> None:
    events = data.draw(st.integers(0, trials - 1))

    def as_few(further: int) -> float:
        """The chance to see at most `events` of events + further among the trials."""
        bad = events + 1 + further
        total = comb(trials + unseen, trials)
        return (
            sum(comb(bad, k) * comb(trials + unseen - bad, trials - k) for k in range(events + 1))
            / total
        )

    # One more further event than the limit would make what was seen too unlikely.
    limit = next((h for h in range(unseen) if as_few(h) <= 1 - confidence + 1e-9), unseen)
    assert prediction_bound(events, trials, unseen, confidence) == pytest.approx(limit / unseen)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=8, max_size=30))
def test_the_design_effect_is_that_of_plain_loops(drawn: list[tuple[int, int]]) -> None:
    trials = [n for n, _ in drawn]
    events = [min(k, n) for n, k in drawn]
    counted = Clusters.of(np.array(events), np.array(trials))
    rate = sum(events) / sum(trials)
    if sum(k > 0 for k in events) < FEW or rate == 1:
        return
    residual = sum((k - rate * n) ** 2 for k, n in zip(events, trials, strict=True))
    spread = len(trials) / (len(trials) - 1) * residual / sum(trials) ** 2
    assert counted.design_effect == pytest.approx(
        max(1.0, spread / (rate * (1 - rate) / sum(trials)))
    )


def test_counts_of_clusters_add_up_part_by_part() -> None:
    events, trials = np.array([0, 2, 1, 3]), np.array([1, 2, 4, 3])
    apart = Clusters.of(events[:1], trials[:1]) + Clusters.of(events[1:], trials[1:])
    assert apart == Clusters.of(events, trials)


@pytest.mark.slow
@for_each("queries", [40, 200])
@for_each("rate", [0.02, 0.1])
@for_each("alike", [0.5, 5.0])
@for_each("labelled", [0.4, 0.8])
def test_leaks_that_come_in_clusters_are_still_bounded_as_often_as_promised(
    queries: int, rate: float, alike: float, labelled: float
) -> None:
    chance = np.random.default_rng(11)
    held, drawn = 0, 200
    for _ in range(drawn):
        relevant = chance.poisson(5, queries) + 1
        leaking = chance.beta(rate * alike, (1 - rate) * alike, queries)
        known = chance.binomial(relevant, labelled)
        seen = chance.binomial(known, leaking)
        unseen = chance.binomial(relevant - known, leaking)
        counted = Clusters.of(seen[known > 0], known[known > 0])
        high = leak_bound(counted, labelled, int(known.sum()), 0.9)
        held += unseen.sum() / max((relevant - known).sum(), 1) <= high
    assert held / drawn >= 0.88


# ---- the conformal threshold ---------------------------------------------------------------------


@given(st.integers(0, 80), st.floats(0.01, 0.5), st.floats(0.5, 0.99))
def test_the_order_is_the_largest_with_enough_of_the_binomial_above_it(
    n: int, alpha: float, confidence: float
) -> None:
    def at_least(k: int) -> float:
        return sum(comb(n, j) * alpha**j * (1 - alpha) ** (n - j) for j in range(k, n + 1))

    naive = max((k for k in range(1, n + 1) if at_least(k) >= confidence), default=0)
    found = order(n, alpha, confidence)
    assert found == naive or at_least(max(found, naive)) == pytest.approx(confidence, abs=1e-9)


@pytest.mark.parametrize(("n", "alpha"), [(60, 0.1), (500, 0.05)])
def test_the_threshold_lets_through_no_more_than_alpha_as_often_as_promised(
    n: int, alpha: float
) -> None:
    chance = np.random.default_rng(5)
    through = [
        conformal_threshold(chance.random(n), alpha, 0.9)  # p is uniform: tau is what lies below it
        for _ in range(400)
    ]
    assert np.mean([tau is not None and tau <= alpha for tau in through]) >= 0.88


def test_too_few_positives_give_no_threshold() -> None:
    assert conformal_threshold(np.full(21, 0.3), 0.1, 0.9) is None
    assert conformal_threshold(np.full(22, 0.3), 0.1, 0.9) == 0.3


def test_a_threshold_of_unknown_values_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        conformal_threshold(np.array([0.1, np.nan]), 0.1, 0.9)


# ---- positives put back --------------------------------------------------------------------------

PICKERS: list[Picker] = [
    neg.Top(per_query=3),
    neg.Top(per_query=3, by="bm25_score"),
    neg.RiskLimited(per_query=3, price=3.0),
    neg.RiskLimited(per_query=3, price=3.0, max_p=0.3),
    neg.SimANS(per_query=3),
    neg.Stratified(per_query=3),
    neg.RandomPick(per_query=3),
    neg.RandomPick(per_query=3, among=8),
]


def ledger(seed: int, *, with_p: bool) -> pl.DataFrame:
    """Nine queries of twelve candidates and 0 to 4 positives, one of them not proposed."""
    chance = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for query in range(9):
        positives = query % 5
        score = np.round(chance.normal(size=12 + positives), 2)
        low = score[:positives].min() if positives else None
        for doc in range(12 + positives):
            known = doc < positives
            rows.append(
                {
                    "query_id": f"q{query}",
                    "doc_id": f"d{doc:02}",
                    "sources": [] if known and doc == 3 else ["bm25"],
                    "relevance": 1 if known else None,
                    "bm25_rank": doc + 1,
                    "bm25_score": score[doc],
                    "p_relevant": round(chance.random(), 2) if with_p else None,
                    "verdict": POSITIVE if known else ELIGIBLE,
                    "reason": "known: judged relevant" if known else "",
                    "hardness": None if low is None else score[doc] - low,
                }
            )
    types = {"relevance": pl.Int32, "hardness": pl.Float32, "p_relevant": pl.Float32}
    return pl.DataFrame(rows, schema_overrides=types)


def each_put_back(part: pl.DataFrame) -> Iterator[tuple[tuple[str, str], pl.DataFrame]]:
    """Every proposed positive as one more candidate, hardness measured from those still known."""
    for row in part.filter(
        (pl.col("verdict") == POSITIVE) & (pl.col("sources").list.len() > 0)
    ).to_dicts():
        pair = row["query_id"], row["doc_id"]
        mine = part.filter(pl.col("query_id") == pair[0])
        is_it = pl.col("doc_id") == pair[1]
        others = mine.filter((pl.col("verdict") == POSITIVE) & ~is_it)["hardness"]
        shift = others.min() if len(others) else 0.0
        yield (
            pair,
            mine.filter(pl.col("verdict").is_in(KEPT) | is_it).with_columns(
                hardness=(pl.col("hardness") - shift).cast(pl.Float32),
                verdict=pl.lit(ELIGIBLE),
                reason=pl.lit(""),
                relevance=pl.lit(None, pl.Int32),
            ),
        )


@pytest.mark.slow
@for_each("with_p", [True, False])
@for_each("picker", PICKERS, ids=repr)
def test_a_positive_leaks_when_the_picker_picks_it_put_back_alone(
    picker: Picker, with_p: bool
) -> None:
    for seed in range(3):
        part = ledger(seed, with_p=with_p)
        expected = {
            pair: pair in picker.pick(rows, 7).select("query_id", "doc_id").rows()
            for pair, rows in each_put_back(part)
        }
        found = leaks(picker, part, 7)
        assert {(query, doc): leak for query, doc, leak in found.iter_rows()} == expected


def test_the_risk_limited_picker_leaks_as_many_as_it_foretold(
    halved: tuple[neg.Run, pl.DataFrame],
) -> None:
    run, _ = halved
    tuning = run.manifest.facts.tuning
    details = certificate(run).estimates[KNOWN].details
    assert details["put back"] == tuning["known positives"]
    assert details["picked"] == tuning["of them picked if unlabelled"]


def test_the_picker_has_the_price_that_was_found(halved: tuple[neg.Run, pl.DataFrame]) -> None:
    run, _ = halved
    assert run.recipe.pick == neg.RiskLimited(per_query=5, max_false=0.03)
    assert picker_of(run) == neg.RiskLimited(
        per_query=5, max_false=0.03, price=run.manifest.facts.tuning["price"]
    )


# ---- the certificate -----------------------------------------------------------------------------


def test_the_hidden_positives_among_the_negatives_are_within_the_bound(
    halved: tuple[neg.Run, pl.DataFrame],
) -> None:
    run, hidden = halved
    real = len(run.negatives.join(hidden, on=["query_id", "doc_id"], how="semi")) / len(
        run.negatives
    )
    known = certificate(run).estimates[KNOWN]
    assert known.value is not None
    assert known.high is not None
    assert 0 < known.value < known.high < 0.1
    assert real <= known.high


def test_by_the_model_it_is_the_mean_of_p_relevant_between_its_ends(
    halved: tuple[neg.Run, pl.DataFrame],
) -> None:
    run, _ = halved
    model = certificate(run).estimates[MODEL]
    mean = run.negatives["p_relevant"].cast(pl.Float64).mean()
    assert model.value == pytest.approx(mean, rel=1e-6)
    assert model.low is not None
    assert model.high is not None
    assert model.low < model.value < model.high  # type: ignore[operator]


def test_more_confidence_is_a_wider_interval_and_a_higher_bound(
    halved: tuple[neg.Run, pl.DataFrame],
) -> None:
    made = [certificate(halved[0], confidence=c).estimates for c in (0.8, 0.9, 0.99)]
    for less, more in pairwise(made):
        assert more[MODEL].high > less[MODEL].high  # type: ignore[operator]
        assert more[MODEL].low < less[MODEL].low  # type: ignore[operator]
        assert more[KNOWN].high > less[KNOWN].high  # type: ignore[operator]


def test_each_estimate_says_in_one_sentence_what_it_assumes(
    halved: tuple[neg.Run, pl.DataFrame],
) -> None:
    estimates = certificate(halved[0]).estimates
    assert estimates[MODEL].assumption.startswith("p_relevant is right on average")
    assert estimates[KNOWN].assumption.startswith("relevant pairs that nobody labelled are like")
    assert estimates[REVIEW].why == (
        "no judged sample was given: `negatives audit RUN --sample 100 -o FILE` draws one"
    )
    assert estimates[REVIEW].value is None


def test_it_is_plain_json_and_the_same_twice(halved: tuple[neg.Run, pl.DataFrame]) -> None:
    made = certificate(halved[0]).as_dict()
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert certificate(halved[0]).as_dict() == made


def test_its_sums_do_not_depend_on_how_the_ledger_is_cut(
    halved: tuple[neg.Run, pl.DataFrame],
) -> None:
    run, _ = halved
    whole = Tally.of(run)
    cut = Tally(picker_of(run), run.recipe.seed, few=True)
    ledger = pl.concat(parts_with_picks(run))
    for part in ledger.with_columns(cut=pl.col("query_id").rle_id() // 30).partition_by(
        "cut", maintain_order=True, include_key=False
    ):
        cut.add(part)
    assert cut.leaking == whole.leaking
    assert (cut.negatives, cut.known, cut.queries) == (whole.negatives, whole.known, whole.queries)
    assert cut.unlabelled == pytest.approx(whole.unlabelled)
    assert cut.p_sum.tolist() == whole.p_sum.tolist()
    assert cut.p_known(0).tolist() == whole.p_known(0).tolist()


def test_the_threshold_is_checked_on_queries_it_was_not_chosen_on(
    halved: tuple[neg.Run, pl.DataFrame],
) -> None:
    run, _ = halved
    threshold = certificate(run).estimates[KNOWN].details["threshold"]
    proposed = run.candidates().filter(
        (pl.col("verdict") == POSITIVE) & (pl.col("sources").list.len() > 0)
    )
    assert threshold["chosen on"] + threshold["checked on"] == len(proposed.collect())
    assert threshold["share below"] <= 0.15


@pytest.mark.slow
def test_without_p_relevant_it_says_what_cannot_be_told(tmp_path: Path) -> None:
    data = neg.Collection.load("cranfield")
    run = neg.mine(data, tmp_path / "r", sources=[neg.BM25(top=30)], pick=neg.Top(per_query=3))
    estimates = certificate(run).estimates
    for name in (MODEL, KNOWN):
        assert estimates[name].value is None
        assert estimates[name].high is None
        assert estimates[name].why.startswith("p_relevant is null: the recipe has no [estimate]")
    assert 0.5 < estimates[KNOWN].details["leak rate"] < 1


def test_without_a_proposed_positive_none_can_be_put_back(tmp_path: Path) -> None:
    data = collection(
        {"a": "wing", "b": "shell", "c": "plate"},
        {"q1": "shell", "q2": "plate"},
        [("q1", "a", 1), ("q2", "a", 1)],
    )
    run = neg.mine(data, tmp_path / "r", sources=[neg.BM25(top=2)], pick=neg.Top(per_query=1))
    assert certificate(run).estimates[KNOWN].why == (
        "no source proposed a known positive, so there is none to put back"
    )


def test_one_query_gives_no_bound(tmp_path: Path) -> None:
    data = collection({"a": "wing", "b": "wing shell"}, {"q1": "wing"}, [("q1", "a", 1)])
    run = neg.mine(data, tmp_path / "r", sources=[neg.BM25(top=2)], pick=neg.Top(per_query=1))
    known = certificate(run).estimates[KNOWN]
    assert known.high is None
    assert known.why == "all known positives that a source proposed are of one query"


@pytest.mark.parametrize("confidence", [0.5, 1.0, 90.0])
def test_a_confidence_is_a_share(halved: tuple[neg.Run, pl.DataFrame], confidence: float) -> None:
    with pytest.raises(InputError, match=r"such as 0\.9"):
        certificate(halved[0], confidence=confidence)
