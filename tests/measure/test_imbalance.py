"""AUROC and AUPRC of pairs, and PSP: what they count where few pairs are relevant."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from negatives.errors import InputError
from negatives.measure.imbalance import by_group, separation, swap_gains
from negatives.measure.judged import condensed, judge_ranking, perfect
from negatives.measure.metric_names import parse_metric
from negatives.measure.metrics import Metric
from negatives.measure.propensity import LabelCounts, propensities

FALLING = np.arange(6, 0, -1)


def found(labels: list[int], scores: list[float] | None = None) -> tuple[float, float]:
    made = separation(np.array(labels) > 0, np.array(scores or FALLING))
    assert made is not None
    return round(made.auroc, 6), round(made.auprc, 6)


def by_definition(labels: list[int], scores: list[float]) -> tuple[float, float]:
    """1 - E FPR(t), and 1 - p0 E FPR(t) / P(score >= t), of scores without ties."""
    ours = [t for t, y in zip(scores, labels, strict=True) if y]
    theirs = [t for t, y in zip(scores, labels, strict=True) if not y]
    rates = [sum(s > t for s in theirs) / len(theirs) for t in ours]
    firing = [sum(s >= t for s in scores) / len(scores) for t in ours]
    p0 = len(theirs) / len(scores)
    return 1 - float(np.mean(rates)), 1 - p0 * float(np.mean(np.divide(rates, firing)))


@pytest.mark.method("auroc-auprc")
def test_the_worked_figures_hold_and_so_does_the_identity() -> None:
    falling = [float(each) for each in FALLING]
    for labels, expected in (
        ([0, 1, 1, 0, 0, 0], (0.75, 0.583333)),
        ([1, 0, 1, 0, 0, 0], (0.875, 0.833333)),
        ([0, 1, 0, 1, 0, 0], (0.625, 0.5)),
        ([1, 0, 0, 1, 0, 0], (0.75, 0.75)),
    ):
        assert found(labels) == expected
        assert by_definition(labels, falling) == pytest.approx(expected, abs=1e-6)
    rng = np.random.default_rng(0)
    for _ in range(20):
        labels = rng.permutation([1] * 5 + [0] * 12).tolist()
        scores = rng.permutation(17).astype(float).tolist()
        made = separation(np.array(labels) > 0, np.array(scores))
        assert made is not None
        assert (made.auroc, made.auprc) == pytest.approx(by_definition(labels, scores), abs=1e-12)


def test_a_perfect_order_has_1_and_ties_have_a_half_and_the_prevalence() -> None:
    assert found([1, 1, 0, 0, 0, 0]) == (1.0, 1.0)
    assert found([1, 0, 0, 0], [1.0] * 4) == (0.5, 0.25)
    assert separation(np.zeros(3, bool), np.arange(3)) is None
    assert separation(np.ones(3, bool), np.arange(3)) is None


def test_a_mistake_set_right_gains_the_same_in_auroc_and_most_at_the_top_in_auprc() -> None:
    roc, prc = swap_gains(np.array([0, 1, 0, 1, 0, 0]) > 0, FALLING)
    assert roc.round(6).tolist() == [0.125, 0.125]
    assert prc.round(6).tolist() == [0.25, 0.083333]
    before = found([0, 1, 0, 1, 0, 0])
    for after, gain in (
        ([1, 0, 0, 1, 0, 0], (0.125, 0.25)),
        ([0, 1, 1, 0, 0, 0], (0.125, 0.083333)),
    ):
        assert np.subtract(found(after), before).round(6).tolist() == list(gain)
    with pytest.raises(InputError, match="two pairs have one score"):
        swap_gains(np.array([0, 1]) > 0, np.ones(2))


def test_more_of_the_others_leave_auroc_and_lower_auprc_and_the_rate_mends_it() -> None:
    labels, scores = np.array([1, 0, 1, 0, 0]) > 0, np.array([5.0, 4, 3, 2, 1])
    few = separation(labels, scores)
    times = np.where(labels, 1, 10)
    many = separation(np.repeat(labels, times), np.repeat(scores, times))
    mended = separation(labels, scores, rate=0.1)
    assert few is not None
    assert many is not None
    assert mended is not None
    assert many.auroc == pytest.approx(few.auroc)
    assert many.auprc < few.auprc
    assert mended.auprc == pytest.approx(many.auprc)


def test_auprc_gains_more_by_mistakes_in_the_group_where_more_is_relevant() -> None:
    rng = np.random.default_rng(3)
    group = np.repeat(["many", "few"], 400)
    relevant = rng.random(800) < np.where(group == "many", 0.3, 0.03)
    scores = rng.normal(relevant * 1.0 + (group == "many") * 0.5)
    each = by_group(relevant, scores, group)
    assert each["many"].prevalence > each["few"].prevalence
    assert abs(each["many"].auroc - each["few"].auroc) < 0.1  # told as well in both
    assert each["many"].auprc > 2 * each["few"].auprc  # and this says the contrary
    order = np.argsort(-scores)
    place = np.flatnonzero(~relevant[order][:-1] & relevant[order][1:])
    of_many = group[order][place + 1] == "many"
    _, gain = swap_gains(relevant, scores)
    assert gain[of_many].mean() > gain[~of_many].mean()


def psp(ranked: list[str], relevant: list[str], name: str = "PSP@2") -> float:
    counts = LabelCounts(pl.DataFrame({"doc_id": ["a", "b", "c"], "count": [100, 1, 0]}), 1000)
    ranking = pl.DataFrame(
        {"query_id": ["q"] * len(ranked), "doc_id": ranked, "rank": range(1, len(ranked) + 1)}
    )
    qrels = pl.DataFrame(
        {"query_id": ["q"] * len(relevant), "doc_id": relevant, "relevance": [1] * len(relevant)}
    )
    metric = parse_metric(name)
    assert isinstance(metric, Metric)
    judged = judge_ranking(ranking, qrels, pl.Series(["q"]), counts=counts)
    assert metric.of(perfect(judged))[0] >= metric.of(judged)[0]
    assert metric.of(condensed(judged))[0] >= metric.of(judged)[0]
    return float(metric.of(judged)[0])


def test_propensities_are_those_of_the_paper() -> None:
    # C = (log 1000 - 1)(2.5)^.55 = 9.7785; p of 100 rows: 1 / (1 + C exp(-.55 log 101.5))
    c = (np.log(1000) - 1) * 2.5**0.55
    expected = [1 / (1 + c * np.exp(-0.55 * np.log(n + 1.5))) for n in (0, 1, 100)]
    assert propensities(np.array([0, 1, 100]), 1000) == pytest.approx(expected)
    assert (np.diff(propensities(np.arange(50), 1000)) > 0).all()


def test_psp_counts_a_rare_label_for_more_and_the_best_of_the_query_for_1() -> None:
    a, b, c = 1 / propensities(np.array([100, 1, 0]), 1000)
    assert psp(["b", "x"], ["a", "b"]) == pytest.approx(b / (a + b))
    assert psp(["a", "x"], ["a", "b"]) == pytest.approx(a / (a + b))
    assert psp(["a", "b"], ["a", "b", "c"]) == pytest.approx((a + b) / (b + c))  # of the two best
    assert psp(["b", "a"], ["a", "b"]) == pytest.approx(1.0)
    assert psp(["x", "y"], ["a"]) == 0.0
    other = 1 / propensities(np.array([100, 1]), 1000, 0.6, 2.6)
    assert psp(["a"], ["a", "b"], "PSP(A=0.6,B=2.6)@2") == pytest.approx(other[0] / other.sum())
    with pytest.raises(InputError, match="number of 0 to 100"):
        parse_metric("PSP(B=-1)@5")


def test_psp_asks_what_was_trained_with() -> None:
    metric = parse_metric("PSP@5")
    assert isinstance(metric, Metric)
    nothing = pl.DataFrame(schema={"query_id": pl.String, "doc_id": pl.String, "rank": pl.Int32})
    qrels = pl.DataFrame({"query_id": ["q"], "doc_id": ["a"], "relevance": [1]})
    with pytest.raises(InputError, match="--trained-on DATA@train"):
        metric.of(judge_ranking(nothing, qrels, pl.Series(["q"])))


def test_auroc_of_a_ranking_counts_what_is_not_in_it_as_tied_below() -> None:
    metric = parse_metric("AUROC")
    assert isinstance(metric, Metric)
    assert str(parse_metric("AUPRC")) == "AP"
    qrels = pl.DataFrame({"query_id": ["q"] * 2, "doc_id": ["b", "z"], "relevance": [1, 1]})
    for ranked, expected in (
        # Of 6 documents 4 are irrelevant; b has one above it; z is tied with two, one stands above.
        (["a", "b", "c"], 1 - (1 + (2 + 2 / 2)) / 8),
        (["b", "z"], 1.0),
        ([], 0.5),
    ):
        ranking = pl.DataFrame(
            {
                "query_id": ["q"] * len(ranked),
                "doc_id": ranked,
                "rank": list(range(1, len(ranked) + 1)),
            },
            schema={"query_id": pl.String, "doc_id": pl.String, "rank": pl.Int32},
        )
        judged = judge_ranking(ranking, qrels, pl.Series(["q"]), documents=6)
        assert metric.of(judged)[0] == pytest.approx(expected), ranked
