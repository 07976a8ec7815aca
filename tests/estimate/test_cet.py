"""Coupled estimation: the worked numbers, its limits, and recovery of a planted pooling bias."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from negatives.arrays import Doubles
from negatives.estimate.cet import (
    Labels,
    cet_listwise,
    cet_pu,
    expectation,
    listwise,
    log_softmax,
    unlabelled_relevance,
)
from negatives.stats.logistic import sigmoid

ONE_LIST = np.array([0])


def array(*values: float) -> Doubles:
    return np.array(values, np.float64)


def labels(*values: int) -> Labels:
    return np.array(values, np.int8)


@pytest.mark.recipe("cet")
def test_the_expectation_is_that_of_the_page() -> None:
    t = unlabelled_relevance(array(0.9, 0.5, 0.1), array(0.8, 0.5, 0.2))
    assert t == pytest.approx([0.642857, 0.333333, 0.081633], abs=1e-6)


def test_fully_judged_means_irrelevant_and_never_judged_means_no_evidence() -> None:
    r = array(0.9, 0.5, 0.1)
    assert unlabelled_relevance(r, np.ones(3)) == pytest.approx([0, 0, 0])
    assert unlabelled_relevance(r, np.zeros(3)) == pytest.approx(r)
    assert np.isfinite(unlabelled_relevance(np.ones(1), np.ones(1))).all()


def test_what_is_labelled_is_certain() -> None:
    relevant, selected = expectation(array(0.2, 0.2, 0.5), array(0.3, 0.3, 0.5), labels(1, -1, 0))
    assert relevant == pytest.approx([1, 0, 1 / 3])
    assert selected == pytest.approx([1, 1, 1 / 3])


@pytest.mark.recipe("cet")
def test_dual_losses_are_those_of_the_page() -> None:
    # f = [2, 1, 0], g = [1, 0, -1], the label on item 1, reference item 0.
    dual = listwise(array(2, 1, 0), array(1, 0, -1), labels(0, 1, 0), ONE_LIST)
    assert dual.relevance_weights == pytest.approx([0, 2.718282, 0], abs=1e-6)
    assert dual.selection_weights == pytest.approx([0, 2.718282, 0], abs=1e-6)
    assert dual.relevance_loss == pytest.approx(3.826270, abs=1e-6)
    assert dual.selection_loss == pytest.approx(3.826270, abs=1e-6)


def test_uniform_selection_gives_the_ordinary_listwise_loss() -> None:
    f = array(0.3, -1.0, 2.0, 0.0, 0.5)
    starts = np.array([0, 3])
    dual = listwise(f, np.full(5, 7.0), labels(0, 1, 1, 1, 0), starts)
    assert dual.relevance_weights == pytest.approx([0, 1, 1, 1, 0])
    ordinary = sum(
        np.log(np.exp(part).sum()) * marked.sum() - part[marked].sum()
        for part, marked in ((f[:3], np.array([0, 1, 1]) > 0), (f[3:], np.array([1, 0]) > 0))
    )
    assert dual.relevance_loss == pytest.approx(ordinary)


def test_weights_stay_within_the_clip() -> None:
    dual = listwise(array(0, 500, 0), array(400, 0, 0), labels(1, 1, 1), ONE_LIST, clip=10)
    assert dual.relevance_weights == pytest.approx([1, 10, 10])
    assert dual.selection_weights == pytest.approx([1, 0.1, 1])
    assert np.isfinite(dual.relevance_loss)


def test_a_softmax_is_taken_within_each_list() -> None:
    found = np.exp(log_softmax(array(1, 1, 1000, 1000, 1000), np.array([0, 2])))
    assert found == pytest.approx([1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3])


def world(seed: int, n: int = 8000) -> tuple[Doubles, Doubles, Labels, Doubles, NDArray[np.bool_]]:
    """Logistic relevance and selection on different features that go together, as they would.

    Pooling features, relevance features, labels, the true chance of relevance, and the truth.
    """
    draw = np.random.default_rng(seed)
    topic = draw.normal(size=n)
    x = np.column_stack([topic, draw.normal(size=n)])
    z = (0.6 * topic + 0.8 * draw.normal(size=n))[:, None]
    chance = sigmoid(2 * x[:, 0] + x[:, 1] - 1.5)
    relevant = draw.random(n) < chance
    selected = draw.random(n) < sigmoid(2.5 * z[:, 0] - 0.5)
    return x, z, (relevant & selected).astype(np.int8), chance, relevant


def spearman(left: Doubles, right: Doubles) -> float:
    return float(np.corrcoef(np.argsort(np.argsort(left)), np.argsort(np.argsort(right)))[0, 1])


def auc(values: Doubles, truth: NDArray[np.bool_]) -> float:
    place = np.argsort(np.argsort(values))
    positives = int(truth.sum())
    return float(
        (place[truth].sum() - positives * (positives - 1) / 2)
        / (positives * (len(truth) - positives))
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_relevance_is_recovered_better_than_by_predicting_the_labels(seed: int) -> None:
    x, z, labelled, chance, relevant = world(seed)
    found = cet_pu(x, z, labelled)
    f, g = found.logits(x, z)
    naive = cet_pu(x, z, labelled, iterations=0).logits(x, z)[0]
    lists = np.arange(0, len(x), 20)
    within = cet_listwise(x, z, labelled, lists).logits(x, z)[0]
    assert spearman(f, chance) > spearman(naive, chance)
    assert spearman(within, chance) > spearman(naive, chance)
    hidden = labelled == 0
    t = unlabelled_relevance(sigmoid(f), sigmoid(g))[hidden]
    assert auc(t, relevant[hidden]) > max(0.8, auc(naive[hidden], relevant[hidden]))
    assert t.mean() == pytest.approx(relevant[hidden].mean(), abs=0.03)


@pytest.mark.slow
def test_selection_is_recovered_too() -> None:
    x, z, labelled, _, _ = world(0, n=20_000)
    found = cet_pu(x, z, labelled)
    assert found.relevance == pytest.approx([2, 1, -1.5], abs=0.25)
    assert found.selection == pytest.approx([2.5, -0.5], abs=0.35)


def test_where_all_that_is_looked_at_is_written_down_what_is_not_was_not_looked_at() -> None:
    r, s = array(0.9, 0.5, 0.1), array(0.8, 0.5, 0.2)
    assert unlabelled_relevance(r, s, recorded=1.0) == pytest.approx(r)
    assert expectation(r, s, labels(0, 0, 0), recorded=1.0)[1] == pytest.approx([0, 0, 0])


@pytest.mark.slow
@pytest.mark.parametrize("recorded", [0.3, 1.0])
def test_known_negatives_make_the_weights_surer_and_their_share_is_learned(recorded: float) -> None:
    x, z, labelled, chance, relevant = world(1)
    draw = np.random.default_rng(1)
    looked = draw.random(len(x)) < sigmoid(2.5 * z[:, 0] - 0.5)
    written = draw.random(len(x)) < recorded
    told = np.where(looked & relevant, 1, np.where(looked & written, -1, 0)).astype(np.int8)
    found = cet_pu(x, z, told)
    assert found.recorded == pytest.approx(recorded, abs=0.1)
    assert found.relevance == pytest.approx([2, 1, -1.5], abs=0.3)
    f, _ = found.logits(x, z)
    assert spearman(f, chance) > 0.99
    assert cet_pu(x, z, labelled).recorded == 0.0


@pytest.mark.slow
def test_constant_features_and_a_single_label_are_finite() -> None:
    x, z = np.zeros((50, 2)), np.ones((50, 1))
    for marked in (labels(1, *[0] * 49), labels(*[0] * 50)):
        for made in (cet_pu(x, z, marked), cet_listwise(x, z, marked, np.arange(0, 50, 10))):
            f, g = made.logits(x, z)
            assert np.isfinite(f).all()
            assert np.isfinite(g).all()


@pytest.mark.slow
def test_features_that_tell_everything_do_not_run_away() -> None:
    x = np.linspace(-2, 2, 200)[:, None]
    found = cet_pu(x, np.zeros((200, 1)), (x[:, 0] > 0).astype(np.int8))
    f, g = found.logits(x, np.zeros((200, 1)))
    assert np.isfinite(f).all()
    assert np.isfinite(g).all()
    assert f[-1] > f[0]
