"""Dense candidates from vectors that are given: the nearest, never an empty document."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from negatives.errors import RecipeError
from negatives.events import Noted, Warned
from negatives.find.dense import Dense, DenseProposer
from negatives.machine import Machine
from negatives.search.searcher import ExactSearch
from tests.build import collection, context

coarse = st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])


def proposer(
    queries: Any,
    docs: Any,
    top: int,
    mined: list[int],
    banned: list[int],
    positives: list[tuple[int, int]],
) -> DenseProposer:
    return DenseProposer(
        top=top,
        fingerprint="made",
        mined=np.array(mined, np.uint32),
        query_vectors=np.array(queries, np.float32),
        doc_vectors=np.array(docs, np.float32),
        positives=pl.DataFrame(
            positives, schema={"query": pl.UInt32, "doc": pl.UInt32}, orient="row"
        ),
        banned=np.array(banned, np.uint32),
        searcher=ExactSearch(
            np.array(docs, np.float32),
            np.array(banned, np.uint32),
            Machine(memory=1 << 25, device="cpu"),
            note=lambda _: None,
        ),
    )


@pytest.mark.slow
@given(
    arrays(np.float32, (4, 3), elements=coarse),
    arrays(np.float32, (9, 3), elements=coarse),
    st.integers(1, 12),
    st.sets(st.integers(0, 8), max_size=9),
    st.sets(st.tuples(st.sampled_from([2, 3, 9]), st.integers(0, 8))),
)
def test_candidates_are_the_nearest_besides_the_positives_which_are_ranked_among_them(
    queries: Any, docs: Any, top: int, banned: set[int], positives: set[tuple[int, int]]
) -> None:
    made = proposer(queries, docs, top, [2, 3, 5, 9], sorted(banned), sorted(positives))
    found = made.propose(np.array([3, 9], np.uint32), {})
    expected = []
    for query, row in ((3, 1), (9, 3)):
        scored = [
            (-sum(float(a) * float(b) for a, b in zip(queries[row], doc, strict=True)), n)
            for n, doc in enumerate(docs)
            if n not in banned
        ]
        candidates = 0
        for n, (score, doc) in enumerate(sorted(scored)):
            if candidates < top:  # the positives among them are ranked, and not counted
                expected.append((query, doc, n + 1, -score))
                candidates += (query, doc) not in positives
    assert found.rows() == expected
    again = made.score(found["query"].to_numpy(), found["doc"].to_numpy())
    np.testing.assert_array_equal(again, found["score"].to_numpy())


CORPUS = {"b": "second", "a": "first", "c": " "}
DATA = collection(CORPUS, {"q2": "x", "q1": "y", "q3": "z"}, [("q1", "a", 1), ("q3", "b", 1)])
QUERIES = np.array([[0, 2], [1, 0], [3, 4]], np.float32)  # q2, q1, q3: as in the file
DOCS = np.array([[0, 5], [2, 0], [0, 0]], np.float32)  # b, a, c


def stage(folder: Path, **options: Any) -> Dense:
    np.save(folder / "queries.npy", QUERIES)
    np.save(folder / "docs.npy", DOCS)
    return Dense(
        encoder="precomputed",
        query_vectors=str(folder / "queries.npy"),
        doc_vectors=str(folder / "docs.npy"),
        **options,
    )


def test_vectors_go_with_the_rows_of_the_files_and_not_with_the_order_of_ids(
    tmp_path: Path,
) -> None:
    opened = stage(tmp_path, similarity="dot").open(context(DATA, tmp_path / "scratch"))
    found = DATA.ids_of(opened.propose(DATA.mined_queries, {}))
    assert found.select("query_id", "doc_id", "score").rows() == [
        ("q1", "a", 2.0),  # (1, 0) (2, 0)
        ("q1", "b", 0.0),
        ("q3", "b", 20.0),  # (3, 4) (0, 5)
        ("q3", "a", 6.0),
    ]


def test_cosine_divides_by_both_lengths(tmp_path: Path) -> None:
    opened = stage(tmp_path).open(context(DATA, tmp_path / "scratch"))
    found = DATA.ids_of(opened.propose(DATA.mined_queries, {}))
    assert found["score"].to_list() == pytest.approx([1.0, 0.0, 0.8, 0.6], abs=1e-6)


def test_a_document_without_text_is_never_proposed(tmp_path: Path) -> None:
    opened = stage(tmp_path, top=99).open(context(DATA, tmp_path / "scratch"))
    found = DATA.ids_of(opened.propose(DATA.mined_queries, {}))
    assert found.filter(pl.col("doc_id") == "c").is_empty()


def test_only_mined_queries_are_kept(tmp_path: Path) -> None:
    opened = stage(tmp_path).open(context(DATA, tmp_path / "scratch"))
    assert opened.query_vectors.shape == (2, 2)


@pytest.mark.parametrize(
    ("settings", "said", "fix"),
    [
        (
            {"encoder": "precomputed", "doc_vectors": "d.npy"},
            "dense: precomputed vectors need two files",
            "set query_vectors and doc_vectors",
        ),
        (
            {"query_vectors": "q.npy", "doc_vectors": "d.npy"},
            "dense: vectors are given and an encoder too: 'static'",
            'set encoder = "precomputed", or leave the vectors out',
        ),
        (
            {"api_key": "sk-secret"},
            "dense: api_key holds a literal key",
            'write api_key = "env:NAME_OF_VARIABLE"',
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], said: str, fix: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        Dense(**settings)
    assert (caught.value.what, caught.value.fix) == (said, fix)


@pytest.mark.parametrize("index", ["ivf", "hnsw"])
def test_an_approximate_index_says_how_much_it_finds_and_ranks_what_it_found(
    index: Any, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    docs = {f"d{n}": f"text {n}" for n in range(400)}
    queries = {f"q{n}": f"asked {n}" for n in range(20)}
    data = collection(docs, queries, [(f"q{n}", f"d{n}", 1) for n in range(20)])
    np.save(tmp_path / "q.npy", rng.normal(size=(20, 16)).astype(np.float32))
    np.save(tmp_path / "d.npy", rng.normal(size=(400, 16)).astype(np.float32))
    heard: list[Any] = []
    options: Any = {
        "encoder": "precomputed",
        "query_vectors": str(tmp_path / "q.npy"),
        "doc_vectors": str(tmp_path / "d.npy"),
        "top": 10,
    }
    asked = np.arange(20, dtype=np.uint32)
    exact = Dense(**options).open(context(data, tmp_path / "exact")).propose(asked, {})
    near = Dense(**options, index=index).open(
        replace(context(data, tmp_path / index), emit=heard.append)
    )
    found = near.propose(asked, {})
    shared = exact.join(found, on=["query", "doc"], suffix="_found")
    assert shared["score"].equals(shared["score_found"], check_names=False)
    warned = [event.text for event in heard if isinstance(event, Warned)]
    assert len(warned) == 1
    assert "of the exact top 10 of 20 queries" in warned[0]
    noted = [event.value for event in heard if isinstance(event, Noted)][-1]
    assert noted["recall"] > 0.5
