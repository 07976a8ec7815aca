"""Made negatives that give themselves away are found without the query, and fair ones are not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from negatives.errors import InputError
from negatives.judge.blind_texts import FOLDS, THE_WORDS, BlindTexts, features, logistic, usual
from negatives.measure.audits import Subject, ask, subject_of
from negatives.measure.audits.blind import _out_of_fold, _share, told_blind

COLOURS = ["red", "blue", "green", "white", "black"]
THINGS = ["car", "bus", "dog", "horse", "boat", "house"]
PLACES = ["on a hill", "by the lake", "in town", "under a bridge"]


def captions(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """A caption, and the same with another colour, drawn as captions' colours are."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        first, second = rng.choice(COLOURS, size=2, replace=False)
        thing, place = rng.choice(THINGS), rng.choice(PLACES)
        made.append((f"A {first} {thing} {place}.", f"A {second} {thing} {place}."))
    return made


def subject(pairs: list[tuple[str, str]], ids: str = "") -> Subject:
    """A file of mined negatives, a query of its own for each pair."""
    positives, negatives = zip(*pairs, strict=True)
    queries = [f"image {number}{ids}" for number in range(len(pairs))]
    return subject_of(
        pl.DataFrame({"query": queries, "positive": positives, "negative": negatives})
    )


def test_negatives_that_differ_by_what_is_in_the_image_are_not_told() -> None:
    found = ask(subject(captions(300)), ["blind"])["blind"]
    assert found.alarm is False, found.estimate.details
    assert 0.4 < (found.estimate.value or 0) < 0.6
    assert found.advice.startswith("nothing to do")


@pytest.mark.parametrize(
    ("marked", "by"),
    [
        (lambda text: text.rstrip(".") + " with a snowman and a flag.", "the form"),
        (lambda text: text.replace("on a hill", "in a tale").replace("town", "song"), "the words"),
        (lambda text: " ".join(reversed(text.split())), "the usual"),
    ],
)  # fmt: skip
def test_negatives_that_read_otherwise_are_told(marked, by: str) -> None:  # type: ignore[no-untyped-def]
    pairs = [(positive, marked(negative)) for positive, negative in captions(300)]
    found = ask(subject(pairs), ["blind"])["blind"]
    assert found.alarm is True
    assert found.estimate.low is not None
    assert found.estimate.low > 0.6
    shares = next(iter(found.estimate.details["by source"].values()))["share by model"]
    assert shares[by] > 0.6
    assert "the file" in found.about


def test_each_source_is_asked_about_by_itself() -> None:
    pairs = captions(240)
    docs, rows, positives = [], [], []
    for number, (positive, negative) in enumerate(pairs):
        docs += [(f"p{number}", positive), (f"n{number}", negative), (f"m{number}", f"{negative}!")]
        positives.append((str(number), f"p{number}"))
        rows += [(str(number), f"n{number}", "fair"), (str(number), f"m{number}", "marked")]
    rows.append(("0", "n1", "rare"))
    found = told_blind(
        pl.DataFrame(rows, schema=["query_id", "doc_id", "source"], orient="row"),
        pl.DataFrame(docs, schema=["doc_id", "text"], orient="row"),
        pl.DataFrame(positives, schema=["query_id", "doc_id"], orient="row"),
    )
    assert set(found) == {"fair", "marked"}, "of one query nothing is said"
    assert (found["marked"].value or 0) > 0.95 > 0.65 > (found["fair"].value or 1)
    assert (found["fair"].low or 1) < 0.5 < (found["fair"].high or 0)


def test_a_text_that_is_asked_about_was_not_learned_from() -> None:
    """The same two texts for every query: nothing is left to learn from, and a tie counts half."""
    found = ask(subject([("One and the same.", "And another one.")] * 60), ["blind"])["blind"]
    assert found.estimate.value == 0.5
    assert found.alarm is False


def test_a_few_large_columns_beside_many_small_ones_are_fitted_in_few_steps() -> None:
    rng = np.random.default_rng(0)
    label = rng.random(400) < 0.5
    words = rng.random((400, 3_000)) < 0.01
    large = 8 + label[:, None] + rng.normal(0, 2, (400, 3))
    model = logistic().fit(csr_matrix(np.hstack([large, words])), label)
    assert model.n_iter_[0] <= 20
    odds = model.decision_function(csr_matrix(np.hstack([large, words])))
    left = 1 / (1 + np.exp(-odds)) - label  # the gradient of the loss: with the penalty it is none
    assert np.abs(large.T @ left + model.coef_[0, :3]).max() < 0.5


def test_usual_runs_are_counted_in_positives_of_other_folds() -> None:
    texts = BlindTexts(
        texts=pl.Series(["a b", "a b", "a c"] * FOLDS),
        query=np.repeat(np.arange(FOLDS), 3),
        positive=np.tile([True, True, False], FOLDS),
        keys=np.arange(3 * FOLDS, dtype=np.uint64),
    )
    from scipy.sparse import csr_matrix

    counts = csr_matrix(np.tile([[1, 1, 0, 1], [1, 1, 0, 1], [1, 0, 1, 0]], (FOLDS, 1)))
    found = usual(counts, np.array([1, 1, 1, 2]), texts)
    others = np.log1p(2 * (FOLDS - 1))
    expected = np.tile([[others, others], [others, others], [others / 2, 0]], (FOLDS, 1))
    np.testing.assert_allclose(found[:, :2], expected)
    assert not found[:, 2].any()


def test_a_negative_is_paired_with_the_positive_it_was_made_of_and_queries_count_as_one() -> None:
    texts = BlindTexts(
        texts=pl.Series(["a dog ran", "two cats", "a dog sat", "two hens", "x", "x"]),
        query=np.array([0, 0, 0, 0, 1, 1]),
        positive=np.array([True, True, False, False, True, False]),
        keys=np.arange(6, dtype=np.uint64),
    )
    seen = features(texts)
    pairs = texts.pairs(seen[THE_WORDS])
    assert pairs.rows() == [(0, 0, 2), (0, 1, 3), (1, 4, 5)]
    assert _share(np.array([2.0, 1, 1, 1, 0, 3]), pairs).tolist() == [0.75, 0.0]
    alike = _out_of_fold(np.ones((6, 1)), texts, pairs)
    np.testing.assert_allclose(alike, 0, atol=1e-6)


def test_what_cannot_be_asked_says_what_it_lacks() -> None:
    few = subject(captions(20))
    with pytest.raises(InputError, match="fewer than 50 queries"):
        ask(few, ["blind"])
    from negatives.measure.audits.blind import Blind

    with pytest.raises(InputError, match="no field category"):
        ask(subject(captions(60)), [Blind(by="category")])
