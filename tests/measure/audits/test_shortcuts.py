"""Marks by which negatives give themselves away are found, and mined ones have none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.errors import InputError
from negatives.measure.audits import Subject, ask, subject_of
from negatives.measure.audits.shortcuts import OneWord, _auc, _pairs, marks
from negatives.stats.auc import auc


def copied(subject: Subject, text: pl.Expr, doc_id: pl.Expr | None = None) -> Subject:
    """The subject with a document of its own for every negative, with another text or id."""
    corpus = subject.collection.corpus
    id_ = doc_id if doc_id is not None else pl.col("doc_id").reverse()
    names = pl.DataFrame({"doc_id": subject.negatives["doc_id"].unique().sort()})
    names = names.with_columns(new=pl.lit("9") + id_)
    new = corpus.join(names, on="doc_id").with_columns(text=text, doc_id="new").drop("new")
    negatives = subject.negatives.join(names, on="doc_id").with_columns(doc_id="new").drop("new")
    every = pl.concat([corpus, new.select(corpus.columns)]).sort("doc_id")
    return replace(
        subject, negatives=negatives, collection=replace(subject.collection, corpus=every)
    )


def test_what_was_mined_from_the_corpus_of_the_positives_has_no_mark(
    run: neg.Run, triplets_file: Path
) -> None:
    for subject in (subject_of(run), subject_of(triplets_file)):
        found = ask(subject, ["shortcuts"])["shortcuts"]
        assert found.alarm is False, found.estimate.details
        assert 0.5 < (found.estimate.value or 0) < 0.72


@pytest.mark.method("algorithmic-unit-tests")
@pytest.mark.parametrize(
    ("mark", "text", "doc_id"),
    [
        ("one word", pl.lit("indeed ") + pl.col("text"), None),
        ("the length", pl.col("text").str.slice(0, 300), None),
        ("the id", pl.col("text"), pl.lit("gen:") + pl.col("doc_id")),
    ],
)
def test_negatives_that_are_marked_are_told_by_their_mark(
    run: neg.Run, mark: str, text: pl.Expr, doc_id: pl.Expr | None
) -> None:
    subject = copied(subject_of(run), text, doc_id)
    found = marks(_pairs(subject), subject.collection.corpus)
    assert (found[mark].low or 0) > 0.9
    assert ask(subject, ["shortcuts"])["shortcuts"].alarm is True
    if mark == "one word":
        assert (found["the length"].high or 1) < 0.6


def test_negatives_of_one_part_of_the_corpus_are_told_by_their_place(run: neg.Run) -> None:
    subject = subject_of(run)
    corpus = subject.collection.corpus.with_columns(
        row=pl.col("row") + 5000 * pl.col("doc_id").is_in(run.negatives["doc_id"].implode())
    )
    positives = subject.collection.qrels.join(run.negatives, on="doc_id", how="anti")
    data = replace(subject.collection, corpus=corpus, qrels=positives, origin="")
    found = ask(replace(subject, collection=data), ["shortcuts"])["shortcuts"]
    assert found.alarm is True
    assert "the place in the corpus" in found.about


def test_weights_of_one_give_the_area_under_the_curve() -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 9, 80).astype(float), rng.random(80) < 0.4
    found = _auc(scores, positive, np.ones(80))
    assert found == pytest.approx(auc(scores[positive], scores[~positive]))


def test_one_word_is_the_one_that_sets_the_classes_apart() -> None:
    from scipy.sparse import csr_matrix

    words = csr_matrix(np.array([[1, 0, 1], [1, 0, 0], [1, 1, 1], [0, 1, 0]], bool))
    model = OneWord()
    model.fit(words, np.array([1, 1, 0, 0]), np.ones(4))
    assert (model.word, model.sign) == (1, -1.0)
    assert model.decision_function(words).tolist() == [0, 0, -1, -1]


def test_too_few_negatives_cannot_be_asked() -> None:
    frame = pl.DataFrame({"query": ["why"], "positive": ["It is so."], "negative": ["No."]})
    with pytest.raises(InputError, match="fewer than 10 documents"):
        ask(subject_of(frame), ["shortcuts"])
