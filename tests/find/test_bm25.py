"""BM25: the scores of the formula, ties by id, and nothing without a word in common."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.errors import DataError, RecipeError
from negatives.events import Event, Noted, Warned
from negatives.find.bm25 import BM25, BM25Proposer
from negatives.schema import Collection
from negatives.text.languages import STEMMERS
from tests.build import collection, context

FRUIT = collection(
    {
        "a": "apple banana",
        "b": "apple apple cherry",
        "c": "banana",
        "d": "",
        "e": "the running dogs",
        "f": "dog",
    },
    {"1": "apple", "2": "banana banana", "3": "zebra", "4": "dogs run"},
)
ALL = np.arange(4, dtype=np.uint32)


def opened(stage: BM25, data: Collection, scratch: Path, threads: int = 1) -> BM25Proposer:
    return stage.open(context(data, scratch, threads=threads))


def lists(candidates: pl.DataFrame, data: Collection) -> dict[str, list[str]]:
    """query_id -> doc_ids in order of rank."""
    named = data.ids_of(candidates).sort("query_id", "rank")
    return {
        str(key[0]): group["doc_id"].to_list()
        for key, group in named.group_by("query_id", maintain_order=True)
    }


def formula(data: Collection, query: str, stage: BM25) -> list[float]:
    """BM25 of every document, word by word, as printed in the literature."""

    def words(text: str) -> list[str]:
        return re.findall(r"\b\w\w+\b", text.lower())

    docs = [words(text) for text in data.corpus["text"]]
    average = sum(len(doc) for doc in docs) / len(docs)
    scores = []
    for doc in docs:
        score = 0.0
        for word in words(query):
            count = sum(word in other for other in docs)
            odds = (len(docs) - count + 0.5) / (count + 0.5)
            tf, norm = doc.count(word), 1 - stage.b + stage.b * len(doc) / average
            if tf == 0:
                continue
            if stage.variant == "lucene":
                score += math.log(1 + odds) * tf / (tf + stage.k1 * norm)
            elif stage.variant == "robertson":
                score += math.log(max(odds, 1)) * tf / (tf + stage.k1 * norm)
            else:
                score += math.log(len(docs) / count) * tf * (stage.k1 + 1) / (tf + stage.k1 * norm)
        scores.append(score)
    return scores


words = st.sampled_from(["red", "green", "blue", "fish", "Red", "x", "unseen"])
texts = st.lists(words, max_size=8).map(" ".join)


def any_word(docs: list[str]) -> bool:
    return any(re.search(r"\w\w", doc) for doc in docs)


@pytest.mark.recipe("bm25")
@pytest.mark.slow
@settings(max_examples=60)
@given(
    docs=st.lists(texts, min_size=1, max_size=12).filter(any_word),
    queries=st.lists(st.lists(words, max_size=60).map(" ".join), min_size=1, max_size=4),
    variant=st.sampled_from(["lucene", "robertson", "atire"]),
    k1=st.sampled_from([0.0, 0.9, 1.2, 3.0]),
    b=st.sampled_from([0.0, 0.4, 1.0]),
    top=st.integers(1, 6),
)
def test_candidates_are_the_best_by_the_formula(
    docs: list[str], queries: list[str], variant: str, k1: float, b: float, top: int
) -> None:
    data = collection(
        {f"d{n:02}": doc for n, doc in enumerate(docs)},
        {f"q{n}": query for n, query in enumerate(queries)},
    )
    stage = BM25(variant=variant, k1=k1, b=b, top=top, language="")  # type: ignore[arg-type]
    rows = np.arange(len(queries), dtype=np.uint32)
    with TemporaryDirectory() as scratch:
        proposer = opened(stage, data, Path(scratch))
        found = proposer.propose(rows, {})
        every_query, every_doc = np.divmod(
            np.arange(len(queries) * len(docs), dtype=np.uint32), np.uint32(len(docs))
        )
        scores = proposer.score(every_query, every_doc).reshape(len(queries), len(docs))
    for n, query in enumerate(queries):
        expected = formula(data, query, stage)
        np.testing.assert_allclose(scores[n], expected, rtol=1e-5, atol=1e-6)
        mine = found.filter(pl.col("query") == n)
        best = [row for row in np.lexsort((range(len(docs)), -scores[n])) if scores[n, row] > 0]
        assert mine["doc"].to_list() == best[:top]
        assert mine["rank"].to_list() == list(range(1, len(mine) + 1))
        assert mine["score"].to_list() == [scores[n, row] for row in best[:top]]


def test_of_equal_scores_the_lower_id_comes_first(tmp_path: Path) -> None:
    data = collection({f"d{n}": "same words" for n in (3, 1, 2, 0)}, {"q": "words"})
    found = opened(BM25(top=3), data, tmp_path).propose(np.array([0], np.uint32), {})
    assert lists(found, data) == {"q": ["d0", "d1", "d2"]}


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    relevant=st.sets(st.integers(0, 19)),
    other=st.sets(st.integers(0, 19)),
    top=st.integers(1, 8),
    draw=st.integers(0, 9),
)
def test_known_positives_keep_their_ranks_and_take_nobodys_place(
    relevant: set[int], other: set[int], top: int, draw: int
) -> None:
    rng = np.random.default_rng(draw)
    corpus = {f"d{n:02}": " ".join(rng.choice(["red", "blue", "fish"], n % 4)) for n in range(20)}
    data = collection(
        corpus,
        {"1": "red fish", "2": "blue", "3": "red"},
        [("1", f"d{n:02}", 1) for n in relevant] + [("2", f"d{n:02}", 1 - n % 2) for n in other],
    )
    positives = [relevant, {n for n in other if n % 2 == 0}, set[int]()]
    with TemporaryDirectory() as scratch:
        proposer = opened(BM25(top=top), data, Path(scratch))
        found = proposer.propose(np.array([2, 0, 1], np.uint32), {})
        every = np.arange(20, dtype=np.uint32)
        scores = [proposer.score(np.full(20, n, np.uint32), every) for n in range(3)]
    assert found["query"].unique(maintain_order=True).to_list() == [
        n for n in (2, 0, 1) if scores[n].any()
    ]
    for n in range(3):
        expected: list[int] = []
        for row in np.lexsort((every, -scores[n])).tolist():
            if scores[n][row] == 0 or len(set(expected) - positives[n]) == top:
                break
            expected.append(row)
        mine = found.filter(pl.col("query") == n)
        assert mine["doc"].to_list() == expected
        assert mine["rank"].to_list() == list(range(1, len(mine) + 1))
        assert mine["score"].to_list() == scores[n][expected].tolist()


def test_a_query_with_thousands_of_positives_still_gets_its_candidates(tmp_path: Path) -> None:
    data = collection(
        {f"d{n:04}": "fish " * (40 - n // 130) for n in range(5020)},
        {"q": "fish"},
        [("q", f"d{n:04}", 1) for n in range(5000)],
    )
    found = opened(BM25(top=10, b=0.0), data, tmp_path).propose(np.array([0], np.uint32), {})
    assert found["doc"].to_list() == list(range(5010))
    assert found["rank"].to_list() == list(range(1, 5011))


def test_a_repeated_query_word_counts_as_often(tmp_path: Path) -> None:
    data = collection({"a": "apple pie", "b": "pear pie"}, {"1": "apple", "2": "apple apple"})
    proposer = opened(BM25(), data, tmp_path)
    once, twice = proposer.score(np.array([0, 1], np.uint32), np.array([0, 0], np.uint32))
    assert twice == 2 * once


def test_a_query_without_a_known_word_gets_no_candidates_and_scores_0(tmp_path: Path) -> None:
    proposer = opened(BM25(), FRUIT, tmp_path)
    assert lists(proposer.propose(ALL, {}), FRUIT).keys() == {"1", "2", "4"}
    assert (
        proposer.score(np.full(6, 2, np.uint32), np.arange(6, dtype=np.uint32)).tolist()
        == [0.0] * 6
    )


def test_words_are_reduced_to_stems_and_stop_words_left_out(tmp_path: Path) -> None:
    found = opened(BM25(), FRUIT, tmp_path).propose(ALL, {})
    # `dogs run` stems to dog, run; `the running dogs` to run, dog: both words against one.
    assert lists(found, FRUIT)["4"] == ["e", "f"]


def test_without_a_stemmer_words_must_agree(tmp_path: Path) -> None:
    found = opened(BM25(stemmer=False), FRUIT, tmp_path).propose(ALL, {})
    assert lists(found, FRUIT)["4"] == ["e"]


def test_your_own_stop_words_replace_those_of_the_language(tmp_path: Path) -> None:
    data = collection({"a": "the apple", "b": "pear"}, {"1": "the", "2": "apple"})
    found = opened(BM25(stop_words=["apple"]), data, tmp_path).propose(ALL[:2], {})
    assert lists(found, data) == {"1": ["a"]}


def test_stop_words_can_be_kept(tmp_path: Path) -> None:
    data = collection({"a": "the apple", "b": "pear"}, {"1": "the"})
    kept = opened(BM25(stop_words=False), data, tmp_path / "kept").propose(ALL[:1], {})
    left_out = opened(BM25(), data, tmp_path / "out").propose(ALL[:1], {})
    assert (len(kept), len(left_out)) == (1, 0)


def test_another_language_has_its_own_stems_and_stop_words(tmp_path: Path) -> None:
    data = collection({"a": "die Häuser", "b": "die"}, {"1": "das Haus die"})
    found = opened(BM25(language="de"), data, tmp_path).propose(ALL[:1], {})
    assert lists(found, data) == {"1": ["a"]}  # haus, häus -> hous stems; `die` is a stop word


@pytest.mark.slow
def test_every_language_with_a_stemmer_works(tmp_path: Path) -> None:
    for code in STEMMERS:
        found = opened(BM25(language=code), FRUIT, tmp_path).propose(ALL, {})
        assert lists(found, FRUIT)["1"] == ["b", "a"], code


GERMAN = collection(
    {
        "houses": "Die Häuser sind teuer und nicht klein",
        "trees": "Der Baum steht in dem Garten",
        "the": "die das und nicht ein GPU",
    },
    {"q": "Was kostet ein Haus mit Bäumen", "g": "die GPUs"},
)


def heard(data: Collection, scratch: Path, stage: BM25) -> tuple[BM25Proposer, list[Event]]:
    events: list[Event] = []
    return stage.open(replace(context(data, scratch), emit=events.append)), events


def test_the_language_is_told_from_the_texts_and_the_run_says_which(tmp_path: Path) -> None:
    proposer, events = heard(GERMAN, tmp_path, BM25())
    found = lists(proposer.propose(np.array([0, 1], np.uint32), {}), GERMAN)
    assert sorted(found["q"]) == ["houses", "trees"]  # stems; `ein` is a stop word
    noted = [event.value for event in events if isinstance(event, Noted)]
    assert noted == [{"letters": {"de": 1.0}, "stemmers and stop words": {"latin": "de"}}]
    assert not [event for event in events if isinstance(event, Warned)]


def test_the_fingerprint_follows_the_language(tmp_path: Path) -> None:
    auto, *_ = heard(GERMAN, tmp_path, BM25())
    english, *_ = heard(GERMAN, tmp_path, BM25(language="en"))
    assert "languages latin: de" in auto.fingerprint
    assert "languages all: en" in english.fingerprint
    assert auto.index.folder != english.index.folder


def test_no_stemmer_is_used_where_several_languages_share_a_script(tmp_path: Path) -> None:
    texts = ["the dogs of the house", "die Hunde und das Haus", "les chiens de la maison et une"]
    data = collection({f"d{n}": texts[n % 3] for n in range(30)}, {"q": "dog"})
    proposer, events = heard(data, tmp_path, BM25())
    assert len(proposer.propose(np.array([0], np.uint32), {})) == 0
    assert [event.text for event in events if isinstance(event, Warned)] == [
        "bm25: the texts in latin script are in several languages (de, en, fr): their words are "
        "compared as they are; if that is wrong, name one with find.bm25.language"
    ]


def test_words_without_spaces_are_found_by_their_characters(tmp_path: Path) -> None:
    data = collection(
        {
            "zh": "河流把矿物质带入海洋,水蒸发后盐留下。",
            "ja": "川は鉱物を海に運ぶ",
            "ko": "강은 광물을 바다로 나른다",
            "th": "แม่น้ำพาแร่ธาตุลงสู่ทะเล",
            "hi": "नदियाँ खनिज समुद्र में लाती हैं",
            "my": "ပင်လယ်ရေသည်ဆားကြောင့်ငန်သည်",
            "mix": "GPUの性能",
        },
        {
            "hi": "समुद्र",
            "ja": "鉱物",
            "ko": "바다의",
            "mix": "gpu 性能",
            "my": "ဆား",
            "th": "ทะเล",
            "zh": "海洋为什么有盐",
        },
    )
    for language in ("auto", "en", ""):
        proposer = opened(BM25(language=language), data, tmp_path)
        found = lists(proposer.propose(np.arange(7, dtype=np.uint32), {}), data)
        assert {query: docs[0] for query, docs in found.items()} == {
            query: query for query in ("hi", "ja", "ko", "mix", "my", "th", "zh")
        }


def test_runs_of_characters_forgive_prefixes_and_endings(tmp_path: Path) -> None:
    data = collection({"a": "والمدرسة الكبيرة", "b": "كتاب"}, {"q": "مدرستنا"})
    whole = opened(BM25(language=""), data, tmp_path / "whole")
    apart = opened(BM25(characters=3), data, tmp_path / "apart")
    query = np.array([0], np.uint32)
    assert len(whole.propose(query, {})) == 0
    assert lists(apart.propose(query, {}), data) == {"q": ["a"]}


def test_an_unknown_language_is_told_the_nearest_one() -> None:
    with pytest.raises(RecipeError) as caught:
        BM25(language="eng")
    assert str(caught.value) == (
        "bm25: no stemmer for language 'eng'\n"
        "  fix:   did you mean 'en'?, or language = \"\" for plain words"
    )


@pytest.mark.parametrize("text", ["", "the", "!?", "a"])
def test_a_corpus_without_any_word_is_refused(text: str, tmp_path: Path) -> None:
    data = collection({"a": text, "b": text}, {"1": "apple"})
    with pytest.raises(DataError) as caught:
        opened(BM25(), data, tmp_path)
    assert str(caught.value) == (
        "bm25: no document has a word (stop words and single letters are none)\n"
        "  where: collection 'made'\n"
        "  fix:   leave bm25 out, or set stop_words = false"
    )


def test_neither_threads_nor_the_other_queries_change_a_score(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vocabulary = [f"word{n}" for n in range(50)]
    data = collection(
        {f"d{n:03}": " ".join(rng.choice(vocabulary, 9)) for n in range(200)},
        {f"q{n:03}": " ".join(rng.choice(vocabulary, 4)) for n in range(150)},
    )
    queries = np.arange(150, dtype=np.uint32)
    together = opened(BM25(top=20), data, tmp_path).propose(queries, {})
    proposer = opened(BM25(top=20), data, tmp_path, threads=2)
    assert proposer.propose(queries, {}).equals(together)
    apart = [proposer.propose(queries[n : n + 7], {}) for n in range(0, 150, 7)]
    assert pl.concat(apart).equals(together)


def test_the_index_is_built_once_and_opened_again(tmp_path: Path) -> None:
    first = opened(BM25(), FRUIT, tmp_path).propose(ALL, {})
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert opened(BM25(), FRUIT, tmp_path).propose(ALL, {}).equals(first)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_other_settings_build_another_index(tmp_path: Path) -> None:
    plain = opened(BM25(), FRUIT, tmp_path).propose(ALL, {})
    steep = opened(BM25(k1=0.0), FRUIT, tmp_path).propose(ALL, {})
    assert plain["score"].to_list() != steep["score"].to_list()
