"""Fusion: the formulas on paper, and what no order, scale or weight may change."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from random import Random
from statistics import fmean, pstdev

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import RecipeError
from negatives.find.fused import Fused, fuse
from tests.build import collection, context, proposed

Lists = dict[str, dict[int, list[tuple[int, float]]]]
"""Source -> query -> (doc, score), best first."""

METHODS = ["rrf", "min-max", "z-score"]


def frames(lists: Lists) -> dict[str, pl.DataFrame]:
    return {
        name: proposed(
            (query, doc, rank, score)
            for query, pairs in queries.items()
            for rank, (doc, score) in enumerate(pairs, start=1)
        )
        for name, queries in lists.items()
    }


def ones(lists: Lists) -> dict[str, float]:
    return dict.fromkeys(lists, 1.0)


def plain_fusion(
    lists: Lists, weights: dict[str, float], method: str, k: int
) -> dict[int, dict[int, float]]:
    """query -> doc -> fused score, by loops."""
    used = {name: queries for name, queries in lists.items() if weights[name] > 0}
    fused: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for query in {query for queries in used.values() for query in queries}:
        docs = {doc for queries in used.values() for doc, _ in queries.get(query, [])}
        for name, queries in used.items():
            pairs = queries.get(query, [])
            parts = {}
            scores = [score for _, score in pairs]
            for rank, (doc, score) in enumerate(pairs, start=1):
                if method == "rrf":
                    parts[doc] = 1 / (k + rank)
                elif method == "min-max":
                    low, high = min(scores), max(scores)
                    parts[doc] = (score - low) / (high - low) if high > low else 0.5
                else:
                    spread = pstdev(scores)
                    parts[doc] = (score - fmean(scores)) / spread if spread > 0 else 0.0
            missing = 0.0 if method == "rrf" or not parts else min(parts.values())
            for doc in docs:
                fused[query][doc] += weights[name] * parts.get(doc, missing)
    return fused


@st.composite
def ranked_lists(draw: st.DrawFn) -> Lists:
    def one() -> list[tuple[int, float]]:
        docs = draw(st.lists(st.integers(0, 9), unique=True, max_size=7))
        scores = draw(st.lists(st.integers(-8, 8), min_size=len(docs), max_size=len(docs)))
        return list(zip(docs, sorted(map(float, scores), reverse=True), strict=True))

    names = draw(st.sampled_from([["a"], ["a", "b"], ["a", "b", "c"]]))
    return {name: {query: one() for query in range(2)} for name in names}


@pytest.mark.slow
@given(
    ranked_lists(),
    st.sampled_from(METHODS),
    st.integers(1, 100),
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=3, max_size=3),
)
def test_every_method_is_its_formula(
    lists: Lists, method: str, k: int, weight: list[float]
) -> None:
    weights = dict(zip("abc", weight, strict=True)) | {"a": 1.0}
    made = fuse(frames(lists), weights, method=method, k=k, top=100)
    expected = plain_fusion(lists, weights, method, k)
    for query in range(2):
        mine = made.filter(pl.col("query") == query)
        assert sorted(mine["doc"]) == sorted(expected[query])
        for doc, score in mine.select("doc", "score").iter_rows():
            assert score == pytest.approx(expected[query][doc], rel=1e-6, abs=1e-6)
        assert mine["rank"].to_list() == list(range(1, len(mine) + 1))
        assert mine["score"].is_sorted(descending=True)


@pytest.mark.recipe("rrf")
def test_ranks_1_and_3_beat_2_and_2_and_both_beat_1_alone() -> None:
    lists: Lists = {
        "a": {0: [(13, 9.0), (22, 8.0), (7, 7.0)]},
        "b": {0: [(5, 9.0), (22, 8.0), (13, 7.0)]},
    }
    made = fuse(frames(lists), ones(lists))
    scores = dict(made.select("doc", "score").iter_rows())
    assert scores[13] == pytest.approx(0.0322665, abs=5e-8)  # 1/61 + 1/63
    assert scores[22] == pytest.approx(0.0322581, abs=5e-8)  # 1/62 + 1/62
    assert scores[5] == pytest.approx(0.0163934, abs=5e-8)  # 1/61
    assert made["doc"].to_list() == [13, 22, 5, 7]


def test_of_equal_fused_scores_the_lower_document_comes_first() -> None:
    lists: Lists = {"a": {0: [(8, 1.0), (3, 0.5)]}, "b": {0: [(3, 1.0), (8, 0.5)]}}
    assert fuse(frames(lists), ones(lists))["doc"].to_list() == [3, 8]


@pytest.mark.slow
@given(ranked_lists(), st.sampled_from(METHODS), st.randoms())
def test_the_order_of_lists_and_of_rows_changes_nothing(
    lists: Lists, method: str, random: Random
) -> None:
    made = frames(lists)
    names = list(made)
    random.shuffle(names)
    turned = {name: made[name].sample(fraction=1, shuffle=True, seed=1) for name in names}
    again = fuse(turned, ones(lists), method=method)
    assert again.equals(fuse(made, ones(lists), method=method))


@pytest.mark.slow
@given(ranked_lists(), st.sampled_from(METHODS), st.sampled_from([0.25, 2.0, 1024.0]))
def test_scores_times_a_constant_change_nothing(lists: Lists, method: str, factor: float) -> None:
    made = frames(lists)
    scaled = {name: frame.with_columns(pl.col("score") * factor) for name, frame in made.items()}
    again = fuse(scaled, ones(lists), method=method)
    assert again.equals(fuse(made, ones(lists), method=method))


@pytest.mark.slow
@given(ranked_lists(), st.sampled_from(METHODS))
def test_a_weight_of_0_is_as_if_the_list_were_not_there(lists: Lists, method: str) -> None:
    made = frames({**lists, "z": {0: [(9, 5.0), (1, 4.0)], 1: [(2, 1.0)]}})
    without = {name: frame for name, frame in made.items() if name != "z"}
    weights = {**ones(lists), "z": 0.0}
    fused = fuse(made, weights, method=method)
    assert fused.equals(fuse(without, ones(lists), method=method))


@pytest.mark.slow
@given(ranked_lists(), st.data())
def test_a_better_rank_never_lowers_a_fused_score(lists: Lists, data: st.DataObject) -> None:
    pairs = lists["a"][0]
    if len(pairs) < 2:
        return
    place = data.draw(st.integers(1, len(pairs) - 1))
    doc = pairs[place][0]
    docs = [name for name, _ in pairs]
    docs[place - 1], docs[place] = docs[place], docs[place - 1]
    better = {**lists, "a": {**lists["a"], 0: list(zip(docs, [s for _, s in pairs], strict=True))}}
    mine = (pl.col("query") == 0) & (pl.col("doc") == doc)
    for method in METHODS:
        before = fuse(frames(lists), ones(lists), method=method).filter(mine)["score"][0]
        after = fuse(frames(better), ones(lists), method=method).filter(mine)["score"][0]
        assert after >= before


@pytest.mark.slow
@given(ranked_lists(), st.integers(1, 100))
def test_no_fused_score_exceeds_first_place_everywhere(lists: Lists, k: int) -> None:
    scores = fuse(frames(lists), ones(lists), k=k)["score"]
    assert all(score <= len(lists) / (k + 1) * (1 + 1e-6) for score in scores)


@pytest.mark.parametrize("method", METHODS)
def test_one_list_and_the_same_list_twice_keep_their_order(method: str) -> None:
    pairs = [(4, 3.0), (2, 2.5), (9, 1.0)]
    for lists in ({"a": {0: pairs}}, {"a": {0: pairs}, "b": {0: pairs}}):
        assert fuse(frames(lists), ones(lists), method=method)["doc"].to_list() == [4, 2, 9]


def test_a_document_missing_from_a_list_counts_as_its_lowest() -> None:
    lists: Lists = {"a": {0: [(1, 3.0), (2, 1.0)]}, "b": {0: [(1, 2.0), (3, 1.0)]}}
    scores = dict(fuse(frames(lists), ones(lists), method="z-score")["doc", "score"].iter_rows())
    assert scores == {1: 2.0, 2: -2.0, 3: -2.0}  # two values lie one deviation from their mean


def test_only_the_top_is_kept() -> None:
    lists: Lists = {"a": {0: [(n, -float(n)) for n in range(9)]}}
    assert fuse(frames(lists), ones(lists), top=4)["doc"].to_list() == [0, 1, 2, 3]


DATA = collection({"d": "text"}, {"q": "text"})
PROPOSED = frames({"bm25": {0: [(0, 1.0), (1, 0.5)]}, "dense": {0: [(1, 1.0), (0, 0.5)]}})
QUERY = np.array([0], np.uint32)


def test_without_names_all_sources_before_it_are_fused(tmp_path: Path) -> None:
    fused = Fused().open(context(DATA, tmp_path)).propose(QUERY, PROPOSED)
    assert fused.equals(fuse(PROPOSED, {"bm25": 1.0, "dense": 1.0}))


def test_weights_belong_to_the_named_sources(tmp_path: Path) -> None:
    stage = Fused(of=["dense", "bm25"], weights=[2.0, 1.0], k=1, top=1)
    fused = stage.open(context(DATA, tmp_path)).propose(QUERY, PROPOSED)
    assert fused.rows() == [(0, 1, 1, pytest.approx(2 / 2 + 1 / 3))]


def test_a_source_that_does_not_come_before_it_is_told_the_nearest(tmp_path: Path) -> None:
    proposer = Fused(of=["bm52", "dense"]).open(context(DATA, tmp_path))
    with pytest.raises(RecipeError) as caught:
        proposer.propose(QUERY, PROPOSED)
    assert str(caught.value) == (
        "fused: no source before it is called 'bm52'\n  fix:   did you mean 'bm25'?"
    )


def test_a_fusion_that_stands_first_is_told_to_move(tmp_path: Path) -> None:
    proposer = Fused(of=["dense"]).open(context(DATA, tmp_path))
    with pytest.raises(RecipeError, match="put it after its sources"):
        proposer.propose(QUERY, {})


@pytest.mark.parametrize("method", ["rrf", "min-max", "z-score"])
def test_nothing_before_it_is_an_error_and_not_an_empty_list(method: str, tmp_path: Path) -> None:
    stage = Fused(method=method)  # type: ignore[arg-type]
    proposer = stage.open(context(DATA, tmp_path))
    with pytest.raises(RecipeError, match="fused: no source comes before it"):
        proposer.propose(QUERY, {})


def test_it_scores_no_pair(tmp_path: Path) -> None:
    assert Fused().open(context(DATA, tmp_path)).score(QUERY, QUERY) is None
    assert not Fused().scores_pairs
