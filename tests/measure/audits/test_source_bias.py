"""An encoder that prefers what a machine wrote sounds an alarm, and a fair one does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import negatives as neg
from negatives.errors import DataError, InputError
from negatives.measure.audits import Answer, Subject, ask, subject_of
from negatives.measure.audits.source_bias import (
    EACH,
    SourceBias,
    first_found,
    of_one_grade,
    of_rewritten,
    relative_bias,
    share_of_wins,
    wins,
)
from negatives.schema import Collection

SHARES = st.floats(0.01, 1)


def test_the_relative_difference_is_that_of_the_paper() -> None:
    assert relative_bias(0.60, 0.66) == pytest.approx(-0.0952, abs=5e-5)
    assert relative_bias(0.0, 0.0) is None


@given(SHARES, SHARES)
def test_it_is_antisymmetric_and_none_between_equals(one: float, other: float) -> None:
    there, back = relative_bias(one, other), relative_bias(other, one)
    assert there is not None
    assert back == pytest.approx(-there)
    assert relative_bias(one, one) == 0


def test_the_first_target_of_each_query_counts_by_its_place() -> None:
    ranked = np.array([[5, 3, 1], [2, 4, 0], [9, 8, 7]])
    owner, target = np.array([0, 0, 1, 2]), np.array([1, 3, 2, 4])
    assert first_found(ranked, owner, target) == pytest.approx((1 / 2 + 1 + 0) / 3)


def test_queries_count_alike_however_many_comparisons_they_have() -> None:
    won, owner = np.array([1.0, 1, 1, 0]), np.array([0, 0, 0, 1])
    assert share_of_wins(won, owner).value == 0.5
    same = np.array([0.4], np.float32)
    assert wins(same, same).tolist() == [0.5]


def labelled(*rows: tuple[str, str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema={"query_id": pl.String, "doc_id": pl.String, "grade": pl.Int64}, orient="row"
    )


def docs(*names: str) -> pl.DataFrame:
    return pl.DataFrame({"doc_id": names, "text": [f"text of {name}" for name in names]})


def test_texts_of_one_query_and_one_grade_are_compared_and_no_others() -> None:
    labels = labelled(
        ("q", "a", 1), ("q", "m", 1), ("q", "b", 2), ("q", "n", 3), ("r", "a", 3), ("r", "n", 3)
    )
    found = of_one_grade(docs("a", "b", "m", "n", "x"), pl.Series(["m", "n"]), labels, 0)
    texts = found.texts
    named = [
        (row["query_id"], texts[row["human"]], texts[row["written"]])
        for row in found.pairs.sort("query_id").iter_rows(named=True)
    ]
    assert named == [
        ("q", "text of a", "text of m"),
        ("r", "text of a", "text of n"),
    ]


def test_no_query_has_more_comparisons_than_is_allowed() -> None:
    names = [f"d{place:02}" for place in range(60)]
    labels = labelled(*(("q", name, 0) for name in names))
    found = of_one_grade(docs(*names), pl.Series(names[:25]), labels, 0)
    assert len(found.pairs) == EACH * EACH


def test_a_rewriting_of_another_length_is_left_out_and_one_of_nothing_is_refused() -> None:
    table = pl.DataFrame(
        {"rewrites": ["a", "b", "a"], "text": ["said of a", "much longer than that", "again"]}
    )
    found = of_rewritten(docs("a", "b"), table, labelled(("q", "a", 1), ("q", "b", 1)))
    assert found.left_out == 1
    assert found.pairs.select("human", "written").rows() == [(0, 2)]
    assert found.texts[2] == "said of a"
    with pytest.raises(DataError, match="1 rewritten documents are not in the corpus, such as 'z'"):
        of_rewritten(docs("a"), pl.DataFrame({"rewrites": ["z"], "text": ["of z"]}), labelled())


def without_some_words(texts: list[str], seed: int, share: float) -> list[str]:
    rng = np.random.default_rng(seed)
    return [
        " ".join(word for word in text.split() if rng.random() >= share) or text for text in texts
    ]


@pytest.fixture(scope="module")
def subject(run: neg.Run) -> Subject:
    """The run, of whose documents an eighth of the words are left out: as much as of rewritings."""
    found = subject_of(run)
    texts = without_some_words(found.collection.corpus["text"].to_list(), 0, 0.125)
    corpus = found.collection.corpus.with_columns(text=pl.Series(texts))
    return replace(found, collection=replaced(found.collection, corpus))


def replaced(data: Collection, corpus: pl.DataFrame) -> Collection:
    return replace(data, corpus=corpus, origin="")


def asked(subject: Subject, texts: list[str], folder: Path) -> Answer:
    """Of rewritings of all documents."""
    ids = subject.collection.corpus["doc_id"]
    file = folder / "rewritten.jsonl"
    pl.DataFrame({"rewrites": ids, "text": texts}).write_ndjson(file)
    return ask(subject, [SourceBias(written=str(file))])["source-bias"]


def test_rewritings_that_are_alike_sound_no_alarm(
    subject: Subject, run: neg.Run, tmp_path: Path
) -> None:
    original = subject_of(run).collection.corpus["text"].to_list()
    found = asked(subject, without_some_words(original, 1, 0.125), tmp_path)
    assert found.alarm is False
    assert found.estimate.details["paired"] is True
    assert abs(found.estimate.details["relative difference"]) < 0.2
    same = asked(subject, subject.collection.corpus["text"].to_list(), tmp_path)
    assert same.estimate.value == 0.5
    assert same.estimate.details["mean gap in deviations"] == 0


def test_rewritings_in_a_style_that_the_encoder_likes_are_an_alarm(
    subject: Subject, run: neg.Run, tmp_path: Path
) -> None:
    """What is planted: a text ends in the words of a query that it answers."""
    data = subject_of(run).collection
    texts = without_some_words(data.corpus["text"].to_list(), 1, 0.2)
    asking = dict(data.positives.unique("doc", keep="first").select("doc", "query").iter_rows())
    texts = [
        f"{text} {data.queries['text'][asking[row]]}" if row in asking else text
        for row, text in enumerate(texts)
    ]
    found = asked(subject, texts, tmp_path)
    assert found.alarm is True
    assert (found.estimate.low or 0) > 0.6
    assert found.estimate.details["relative difference"] < 0
    assert "leans to what machines write" in found.advice


def test_documents_that_are_named_or_marked_are_compared_by_label(
    subject: Subject, tmp_path: Path
) -> None:
    data = subject.collection
    some = data.corpus["doc_id"].sample(fraction=0.5, seed=0)
    file = tmp_path / "written.csv"
    some.to_frame().write_csv(file)
    named = ask(subject, [SourceBias(written=str(file))])["source-bias"]
    marked = data.corpus.with_columns(machine=pl.col("doc_id").is_in(some.implode()))
    by_field = replace(subject, collection=replaced(data, marked))
    told = ask(by_field, [SourceBias(written="machine")])["source-bias"]
    assert named.alarm is False
    assert told.estimate.as_dict() == named.estimate.as_dict()
    assert named.estimate.details["paired"] is False


def test_what_it_lacks_is_told_before_any_work(subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--set source-bias\.written=FILE"):
        ask(subject, [SourceBias()])
    file = tmp_path / "one.csv"
    file.write_text("doc_id\n1\n")
    with pytest.raises(InputError, match="queries have a written text and one of people"):
        ask(subject, [SourceBias(written=str(file))])
    file.write_text("name\n1\n")
    with pytest.raises(DataError, match="no column doc_id, nor text and rewrites: name"):
        ask(subject, [SourceBias(written=str(file))])
    odd = subject.collection.corpus.with_columns(machine=pl.lit("perhaps"))
    with pytest.raises(DataError, match="is not true or false: 'perhaps'"):
        ask(
            replace(subject, collection=replaced(subject.collection, odd)),
            [SourceBias(written="machine")],
        )
