"""Lexical search: exact scores and ties, one score to the bit however it is come by."""

from __future__ import annotations

import string
from pathlib import Path
from tempfile import TemporaryDirectory

import bm25s
import numpy as np
import polars as pl
import pytest
import Stemmer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from negatives.arrays import Floats, Ragged
from negatives.compiling import Paid
from negatives.search import lexical
from negatives.search.lexical import best_docs, score_pairs
from negatives.search.lexical_index import Asked, FoundDocs, LexicalIndex
from negatives.search.lexical_loop import compiled_search
from negatives.search.postings import Formula, Variant, build_postings
from negatives.search.words import EVERY, Words, stop_words
from tests.killing import kill_when, start_python

PLAIN = Words()
ENGLISH = Words(stemmers={EVERY: "english"}, stop_words=stop_words("english"))
LATIN = st.sampled_from(f"{string.printable}éÉüñßøĖŁ")
"""Other texts are composed, and may be taken apart: see test_words."""
LUCENE = Formula(1.2, 0.75, "lucene")


def made(docs: int, seed: int = 0) -> list[str]:
    """Texts of Zipfian words, some empty, some alike."""
    draw = np.random.default_rng(seed)
    names = np.array([f"w{n}" for n in range(300)])
    odds = 1 / np.arange(1, 301)
    ends = np.cumsum(draw.integers(0, 12, docs))
    drawn = np.split(draw.choice(names, ends[-1], p=odds / odds.sum()), ends[:-1])
    return [" ".join(words) for words in drawn]


def built(folder: Path, texts: list[str], processes: int = 1, memory: int = 2**29) -> LexicalIndex:
    column = pl.Series(texts, dtype=pl.String)
    assert build_postings(folder, column, PLAIN, LUCENE, processes=processes, memory=memory)
    return LexicalIndex(folder, len(texts))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def lists(parts: list[list[int]]) -> Ragged[np.uint32]:
    starts = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return Ragged(starts, np.array([row for part in parts for row in part], np.uint32))


def every_score(index: LexicalIndex, asked: Asked) -> Floats:
    """float32[queries, docs], posting by posting."""
    scores = np.zeros((len(asked), index.size), np.float32)
    for query in range(len(asked)):
        for word, times in asked.of(query):
            for place in range(index.starts[word], index.starts[word + 1]):
                scores[query, index.docs[place]] += times * index.weights[place]
    return scores


def naive(scores: Floats, banned: list[list[int]], top: int) -> list[list[tuple[int, float]]]:
    """(doc, score) of the best of each query, by sorting everything."""
    return [
        sorted(
            ((doc, float(s)) for doc, s in enumerate(row) if s > 0 and doc not in left_out),
            key=lambda pair: (-pair[1], pair[0]),
        )[:top]
        for row, left_out in zip(scores, banned, strict=True)
    ]


def unpacked(found: FoundDocs) -> list[list[tuple[int, float]]]:
    counts, docs, scores = found
    pairs = list(zip(docs.tolist(), scores.tolist(), strict=True))
    ends = np.cumsum(counts).tolist()
    return [pairs[end - count : end] for count, end in zip(counts.tolist(), ends, strict=True)]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    """Two thousand documents, many of them alike."""
    return built(tmp_path_factory.mktemp("lexical") / "index", made(2000))


words = st.lists(st.integers(0, 320).map(lambda n: f"w{n * n // 320}"), max_size=12)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    queries=st.lists(words.map(" ".join), min_size=1, max_size=5),
    top=st.integers(1, 60),
    window=st.sampled_from([64, 100, 1000, 4096]),
    data=st.data(),
)
def test_numpy_and_the_compiled_kernel_find_what_sorting_everything_finds(
    index: LexicalIndex, queries: list[str], top: int, window: int, data: st.DataObject
) -> None:
    asked = index.ask(queries, PLAIN)
    scores = every_score(index, asked)
    banned = [
        sorted(data.draw(st.sets(st.integers(0, 1999), max_size=20)) | set(best))
        for best in (np.argsort(-row)[: data.draw(st.integers(0, 5))].tolist() for row in scores)
    ]
    expected = naive(scores, banned, top)
    part = asked, lists(banned)
    assert unpacked(lexical._by_numpy(index.folder, index.size, top, part)) == expected
    assert unpacked(compiled_search(window)(index, top, part)) == expected


def test_a_pair_has_the_score_it_has_in_a_ranking(index: LexicalIndex) -> None:
    asked = index.ask(["w0 w3 w40 w3", "w299", "", "unheard"], PLAIN)
    pairs = lists([list(range(2000))] * 4)
    for engine in ("numpy", "numba"):
        scores = score_pairs(index, asked, pairs, engine).reshape(4, 2000)
        assert scores.tobytes() == every_score(index, asked).tobytes()
        assert not scores[2:].any()


@pytest.mark.slow
@given(st.lists(st.lists(st.integers(0, 1999), max_size=30), min_size=4, max_size=4))
def test_the_compiled_scores_of_any_pairs_are_those_of_numpy(
    index: LexicalIndex, docs: list[list[int]]
) -> None:
    asked = index.ask(["w0 w3 w40 w3", "w299", "w1 w2", "unheard"], PLAIN)
    pairs = lists([sorted(each) for each in docs])
    one, other = (score_pairs(index, asked, pairs, engine) for engine in ("numpy", "numba"))
    assert one.tobytes() == other.tobytes()


def test_more_documents_asked_for_than_there_are_gives_those_there_are(
    index: LexicalIndex,
) -> None:
    part = index.ask(["w7"], PLAIN), lists([[]])
    having = int((every_score(index, part[0]) > 0).sum())
    for found in (
        compiled_search()(index, 5000, part),
        lexical._by_numpy(index.folder, index.size, 5000, part),
    ):
        assert len(unpacked(found)[0]) == having


def test_processes_threads_and_the_compiler_change_no_byte(
    index: LexicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = index.ask([" ".join(f"w{n * k % 300}" for k in range(1, 6)) for n in range(600)], PLAIN)
    banned = lists([[n] for n in range(600)])
    alone = best_docs(index, asked, banned, 10)
    monkeypatch.setattr(lexical, "_PROCESSES", 0)
    monkeypatch.setattr(lexical, "_PART", 100)
    shared = best_docs(index, asked, banned, 10, threads=2)
    monkeypatch.setattr(lexical, "_SEARCHED", Paid(0))
    compiled = best_docs(index, asked, banned, 10, threads=2)
    for found in (shared, compiled):
        for mine, theirs in zip(alone, found, strict=True):
            assert np.asarray(mine).tobytes() == np.asarray(theirs).tobytes()


def test_no_queries_find_nothing(index: LexicalIndex) -> None:
    assert [len(each) for each in best_docs(index, index.ask([], PLAIN), lists([]), 10)] == [
        0,
        0,
        0,
    ]


@settings(max_examples=15, deadline=None)
@example(texts=[":\u00c9", "running"], variant="lucene")
@given(
    texts=st.lists(
        st.lists(
            st.sampled_from(
                [
                    "The",
                    "running",
                    "runs",
                    "Straße",
                    "ÉTÉ",
                    "été",
                    "a",
                    "x_1",
                    "naïve",
                    "!",
                ]
            )
            | st.text(LATIN, max_size=6)
        ).map(" ".join),
        min_size=1,
        max_size=9,
    ),
    variant=st.sampled_from(["lucene", "robertson", "atire"]),
)
def test_words_and_weights_are_those_of_bm25s(texts: list[str], variant: Variant) -> None:
    tokens = bm25s.tokenize(
        texts, stopwords="english", stemmer=Stemmer.Stemmer("english"), show_progress=False
    )
    formula = Formula(1.2, 0.75, variant)
    with TemporaryDirectory() as name:
        folder = Path(name) / "index"
        found = build_postings(folder, pl.Series(texts), ENGLISH, formula)
        assert found == bool(tokens.vocab)
        if not found:
            return
        index = LexicalIndex(folder, len(texts))
        theirs = bm25s.BM25(k1=1.2, b=0.75, method=variant, backend="numpy", csc_backend="numpy")
        theirs.index(tokens, show_progress=False, create_empty_token=False)
        assert sorted(index.number) == sorted(tokens.vocab)
        for word, number in index.number.items():
            asked = Asked(lists([[number]]), np.ones(1, np.float32))
            mine = every_score(index, asked)[0]
            expected = theirs.get_scores_from_ids([tokens.vocab[word]])
            assert mine.tobytes() == expected.astype(np.float32).tobytes()


@pytest.mark.slow
def test_neither_memory_nor_processes_change_a_byte_of_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [*made(9000), "", "w5 only"]
    whole = contents(built(tmp_path / "whole", texts).folder)
    tight = contents(built(tmp_path / "tight", texts, memory=2**16).folder)
    monkeypatch.setattr("negatives.search.postings._SMALL", 0)
    shared = contents(built(tmp_path / "shared", texts, processes=2, memory=2**16).folder)
    assert tight == whole
    assert shared == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shared", "tight", "whole"]


def test_an_index_is_of_the_documented_types_and_sorted(index: LexicalIndex) -> None:
    types = [table.dtype for table in (index.starts, index.docs, index.weights)]
    assert types == [np.int64, np.uint32, np.float32]
    assert list(index.number) == sorted(index.number)
    for word in range(len(index.number)):
        part = slice(index.starts[word], index.starts[word + 1])
        assert (np.diff(index.docs[part].astype(np.int64)) > 0).all()


BUILD = """
import sys
from pathlib import Path
import polars as pl
from tests.search.test_lexical import LUCENE, PLAIN, made
from negatives.search import postings
postings._SMALL = 0
texts = pl.Series(made(30_000))
print("building", flush=True)
postings.build_postings(
    Path(sys.argv[1]), texts, PLAIN, LUCENE, processes=int(sys.argv[2]), memory=2**20
)
"""


@pytest.mark.slow
def test_a_build_killed_at_any_moment_goes_on_and_ends_in_the_same_bytes(tmp_path: Path) -> None:
    whole = built(tmp_path / "whole", made(30_000), memory=2**20)
    folder, pieces = tmp_path / "killed", tmp_path / "killed-pieces"
    killed, kept = 0, 0
    for wait_for in (2, 6):

        def moment(files: int = wait_for) -> bool:
            return len(list(pieces.glob("[0-9]*.npy"))) >= files

        killed += kill_when(start_python(BUILD, folder, 2), moment)
        kept = max(kept, len(list(pieces.glob("[0-9]*.npy"))))
    assert killed >= 1
    assert kept >= 2
    assert start_python(BUILD, folder, 1).wait() == 0
    assert contents(folder) == contents(whole.folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]
