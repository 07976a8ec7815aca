"""Documents planted among negatives: found at several strengths, and none in clean collections."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import negatives as neg
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.measure.audits import ask, subject_of
from negatives.measure.audits.alike_queries import _at_random, _deviation, likeness
from negatives.measure.audits.lacked_words import lacked_words
from negatives.measure.audits.poisoning import (
    LACKED,
    ORDER,
    QUERIES,
    TRIGGER,
    suspects,
    without_suspects,
)
from negatives.measure.audits.word_order import strangeness


def planted(
    run: neg.Run, share: float, trigger: str = ""
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Negatives, queries and corpus with one document as the first negative of a share of the
    queries, drawn at random, to the text of which a trigger is added.
    """
    data = run.collection
    drawn = uniforms(id_hashes(data.queries["query_id"]), stream_key(0, "test/plant"))
    hit = data.queries["query_id"].filter(pl.Series(drawn < share)).implode()
    mine = pl.col("query_id").is_in(hit)
    doc = pl.when(mine & (pl.col("position") == 0)).then(pl.lit("planted")).otherwise("doc_id")
    negatives = run.negatives.select("query_id", "position", doc_id=doc)
    text = pl.when(mine & (trigger != "")).then(pl.col("text") + f" {trigger}").otherwise("text")
    queries = data.queries.with_columns(text=text)
    new = pl.DataFrame({"doc_id": ["planted"], "text": [data.corpus["text"][7]]})
    return negatives, queries, pl.concat([data.corpus.select("doc_id", "text"), new])


def test_a_mined_run_of_a_clean_collection_raises_no_alarm(
    run: neg.Run, triplets_file: Path
) -> None:
    for subject in (subject_of(run), subject_of(triplets_file)):
        found = ask(subject, ["poisoning"])["poisoning"]
        assert found.alarm is False, found.estimate.details["suspects"]
        assert found.estimate.value == 0
        assert found.estimate.details["share of the ten most used"] > 0.05


@pytest.mark.method("poisoning-audit")
@pytest.mark.parametrize(("trigger", "reason"), [("", QUERIES), ("zxqv", LACKED)])
def test_a_document_that_is_planted_for_any_queries_or_by_a_trigger_is_found_and_filtered(
    run: neg.Run, trigger: str, reason: str
) -> None:
    tables = planted(run, 0.08, trigger)
    found = suspects(*tables)
    assert found["doc_id"].to_list() == ["planted"]
    assert found["reason"].to_list() == [reason]
    assert found["word"].to_list() == [trigger or None]
    kept = without_suspects(tables[0], found)
    assert len(tables[0]) - len(kept) == found["queries"][0]
    assert len(suspects(kept, *tables[1:])) == 0


def test_a_trigger_that_the_document_has_itself_is_told_apart_by_the_rest_of_the_queries(
    run: neg.Run,
) -> None:
    negatives, queries, corpus = planted(run, 0.08, "zxqv")
    has = pl.when(pl.col("doc_id") == "planted").then(pl.col("text") + " zxqv").otherwise("text")
    found = suspects(negatives, queries, corpus.with_columns(text=has))
    assert found.select("doc_id", "reason").rows() == [("planted", TRIGGER)]


def test_few_queries_with_a_trigger_are_enough_where_they_are_all_that_have_it(
    run: neg.Run,
) -> None:
    found = suspects(*planted(run, 0.03, "zxqv"))
    assert found.select("doc_id", "word").rows() == [("planted", "zxqv")]
    assert len(suspects(*planted(run, 0.03))) == 0


@given(st.data())
def test_the_word_that_queries_share_is_as_in_plain_loops(data: st.DataObject) -> None:
    from scipy.stats import hypergeom

    letters = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4).map(" ".join)
    queries = data.draw(st.lists(letters, min_size=2, max_size=9))
    docs = data.draw(st.lists(letters, min_size=1, max_size=3))
    cells = st.tuples(st.integers(0, len(queries) - 1), st.integers(0, len(docs) - 1))
    pairs = sorted(data.draw(st.sets(cells, min_size=2)))
    query, doc = (np.array(side) for side in zip(*pairs, strict=True))
    asked = np.unique(doc)
    found = lacked_words(pl.Series(queries), pl.Series(docs), query, doc, asked)
    used = sorted(set(query.tolist()))
    for place, number in enumerate(asked.tolist()):
        mine = [q for q, d in pairs if d == number]
        best = 0.0
        for word in "abcdef":
            having = sum(word in queries[q] for q in used)
            count = sum(word in queries[q] for q in mine)
            if word in docs[number] or count < 2 or count <= len(mine) * having / len(used):
                continue
            exact = -hypergeom.logsf(count - 1, len(used), having, len(mine))
            best = max(best, exact)
            if found.words[place] == word:
                assert found.share[place] == pytest.approx(count / having)
                assert found.surprise[place] <= exact + 1e-9, "the probability is at most this"
                assert found.surprise[place] >= 0.4 * exact - 0.7, "and the bound is no idle one"
        assert (found.surprise[place] > 0) <= (best > 0)


def test_detection_grows_with_the_strength_of_the_attack(run: neg.Run) -> None:
    found = ["planted" in suspects(*planted(run, share))["doc_id"] for share in (0.01, 0.08, 0.15)]
    assert found == [False, True, True]


def test_a_list_of_the_words_of_many_queries_is_found_by_the_order_of_its_words(
    tmp_path: Path,
) -> None:
    data = neg.Collection.load("cranfield")
    words = pl.col("text").str.extract_all(r"[a-z]{4,}").list.unique()
    lists = [
        " ".join(
            part.select(words).explode("text")["text"].value_counts(sort=True).sort(
                "count", "text", descending=True
            )["text"].head(60)
        )
        for part in data.queries.iter_slices(75)
    ]  # fmt: skip
    new = pl.DataFrame(
        {"doc_id": [f"planted-{n}" for n in range(3)], "text": lists, "row": [1400, 1401, 1402]},
        schema_overrides={"row": pl.UInt32},
    )
    corpus = pl.concat([data.corpus.select("doc_id", "text", "row"), new]).sort("doc_id")
    run = neg.mine(replace(data, corpus=corpus, origin=""), tmp_path / "run")
    found = ask(subject_of(run), ["poisoning"])["poisoning"]
    reasons = {row["doc_id"]: row["reason"] for row in found.estimate.details["suspects"]}
    assert found.alarm is True
    assert {doc for doc in reasons if not doc.startswith("planted")} == set()
    assert ORDER in reasons.values()


def test_likeness_at_random_has_mean_nought_and_deviation_one() -> None:
    rng = np.random.default_rng(0)
    words = [f"w{n}" for n in range(60)]
    texts = pl.Series([" ".join(rng.choice(words, 8, replace=False)) for _ in range(300)])
    drawn = [np.sort(rng.choice(300, 12, replace=False)) for _ in range(400)]
    query, doc = np.concatenate(drawn), np.repeat(np.arange(400), 12)
    found = likeness(texts, query, doc, np.arange(400))
    assert abs(found.alike.mean()) < 0.2
    assert 0.85 < found.alike.std() < 1.15


def test_the_mean_cosine_is_as_in_plain_loops() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = pl.Series(["red fox", "red dog", "blue fox sat", "red cat", "a b c", "blue cat"])
    query, doc = np.array([0, 1, 3, 2, 5, 4, 0]), np.array([0, 0, 0, 1, 1, 1, 2])
    found = likeness(texts, query, doc, np.array([0]))
    vectors = TfidfVectorizer(analyzer=str.split, sublinear_tf=True).fit_transform(texts)
    cosines = (vectors @ vectors.T).toarray()
    mean, one, two = _at_random(vectors, 0)
    apart = [cosines[i, j] for i in range(6) for j in range(6) if i != j]
    assert mean == pytest.approx(np.mean(apart))
    three = np.mean([cosines[0, 1], cosines[0, 3], cosines[1, 3]])
    expected = (three - mean) / _deviation(np.array([3]), one, two)[0]
    assert found.alike[0] == pytest.approx(expected)
    # Without "red", which all three share, nothing is left in common.
    assert found.but_one[0] == pytest.approx(-mean / _deviation(np.array([3]), one, two)[0])


def test_the_order_of_words_is_strange_where_no_other_text_has_its_pairs() -> None:
    rng = np.random.default_rng(0)
    phrases = [" ".join(f"w{n}" for n in rng.integers(0, 500, 4)) for _ in range(60)]
    others = pl.Series([" ".join(rng.choice(phrases, 10)) for _ in range(100)])
    like = " ".join(rng.choice(phrases, 10))
    shuffled = " ".join(rng.permutation(like.split()))
    found = strangeness(pl.Series([like, shuffled, "too short"]), others)
    assert abs(found[0]) < 4
    assert found[1] > 6
    assert np.isnan(found[2])


def test_ids_without_texts_cannot_be_asked(tmp_path: Path) -> None:
    pairs = pl.DataFrame({"query_id": ["a", "a"], "doc_id": ["x", "y"], "relevance": [1, 0]})
    pairs.write_csv(tmp_path / "pairs.csv")
    subject = subject_of(f"ids:{tmp_path / 'pairs.csv'}")
    found = ask(subject)
    assert "have no texts" in found.not_asked["poisoning"]
