"""Sampling: exact exclusion, probabilities that add up, draws that always end."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.find.sampled import Popularity, Random, SampledProposer
from negatives.schema import Collection
from tests.build import collection, context


def corpus(size: int) -> dict[str, str]:
    return {f"d{n:04}": "text" for n in range(size)}


def queries(count: int) -> dict[str, str]:
    return {f"q{n:05}": "query" for n in range(count)}


def opened(
    stage: Random | Popularity, data: Collection, scratch: Path, seed: int = 0
) -> SampledProposer:
    return stage.open(context(data, scratch, seed=seed))


def all_of(data: Collection) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return np.arange(len(data.queries), dtype=np.uint32)


@st.composite
def judged(draw: st.DrawFn) -> Collection:
    size, count = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    docs = corpus(size)
    for name in draw(st.sets(st.sampled_from(sorted(docs)))):
        docs[name] = " "
    asked = queries(count)
    pairs = draw(st.sets(st.tuples(st.sampled_from(sorted(asked)), st.sampled_from(sorted(docs)))))
    return collection(docs, asked, [(query, doc, 1) for query, doc in sorted(pairs)])


stages = st.builds(Random, top=st.integers(1, 20)) | st.builds(
    Popularity, top=st.integers(1, 20), power=st.sampled_from([0.0, 0.75, 1.0, 40.0])
)


@pytest.mark.slow
@given(judged(), stages, st.integers(0, 9))
def test_each_query_gets_distinct_allowed_documents_as_many_as_there_are(
    data: Collection, stage: Random | Popularity, seed: int
) -> None:
    with TemporaryDirectory() as scratch:
        found = opened(stage, data, Path(scratch), seed).propose(all_of(data), {})
    texts = data.corpus["text"].to_list()
    for query in range(len(data.queries)):
        positives = set(data.positives.filter(pl.col("query") == query)["doc"])
        allowed = {n for n, text in enumerate(texts) if text.strip()} - positives
        drawn = found.filter(pl.col("query") == query)
        assert len(drawn) == min(stage.top, len(allowed))
        assert set(drawn["doc"]) <= allowed
        assert drawn["doc"].n_unique() == len(drawn)
        assert drawn["rank"].to_list() == list(range(1, len(drawn) + 1))
        assert drawn["score"].null_count() == len(drawn)


@pytest.mark.slow
@given(judged(), st.sampled_from([Random(top=20), Popularity(top=20), Popularity(top=20, power=3)]))
def test_the_probabilities_of_all_that_can_be_drawn_add_up_to_1(
    data: Collection, stage: Random | Popularity
) -> None:
    with TemporaryDirectory() as scratch:
        found = opened(stage, data, Path(scratch)).propose(all_of(data), {})
    for _, group in found.group_by("query"):
        assert np.exp(group["log_q"].to_numpy()).sum() == pytest.approx(1, abs=1e-5)


def test_log_q_is_that_of_a_single_draw_without_the_positives(tmp_path: Path) -> None:
    data = collection(corpus(5), queries(1), [("q00000", "d0001", 1)])
    found = opened(Random(top=2), data, tmp_path).propose(all_of(data), {})
    assert found["log_q"].to_list() == pytest.approx([np.log(1 / 4)] * 2)


def test_popularity_is_the_count_of_positives_plus_1_to_a_power(tmp_path: Path) -> None:
    # Positives: d0000 three times, d0001 once. Weights 4, 2, 1 and, for the query that has d0000,
    # 2 / 3 and 1 / 3 of what is left.
    pairs = [("q00001", "d0000", 1), ("q00002", "d0000", 1), ("q00003", "d0000", 1)]
    data = collection(corpus(3), queries(5), [*pairs, ("q00003", "d0001", 1)])
    found = opened(Popularity(power=1), data, tmp_path).propose(all_of(data), {})

    def odds(query: int) -> dict[int, float]:
        mine = found.filter(pl.col("query") == query).select("doc", pl.col("log_q").exp())
        return dict(mine.iter_rows())

    assert odds(0) == pytest.approx({0: 4 / 7, 1: 2 / 7, 2: 1 / 7})
    assert odds(1) == pytest.approx({1: 2 / 3, 2: 1 / 3})
    assert odds(3) == pytest.approx({2: 1.0})


def first_draws(stage: Random | Popularity, data: Collection, scratch: Path) -> list[int]:
    """How often each document is a query's first."""
    found = opened(stage, data, scratch).propose(all_of(data), {})
    firsts = found.filter(pl.col("rank") == 1)["doc"].to_numpy()
    return np.bincount(firsts, minlength=len(data.corpus)).tolist()  # type: ignore[no-any-return]


def test_uniform_draws_are_uniform(tmp_path: Path) -> None:
    counts = first_draws(Random(top=3), collection(corpus(10), queries(20_000)), tmp_path)
    chi_square = sum((count - 2_000) ** 2 / 2_000 for count in counts)
    assert chi_square < 27.9  # 9 degrees of freedom, p = 0.001


def test_popular_documents_are_drawn_in_proportion(tmp_path: Path) -> None:
    pairs = [(f"q{n:05}", f"d{n % 2:04}", 1) for n in range(30)]  # 15 each: weight 16, else 1
    data = collection(corpus(6), queries(20_030), pairs)
    found = opened(Popularity(top=1, power=1), data, tmp_path)
    drawn = found.propose(all_of(data)[30:], {})["doc"].to_numpy()
    expected = np.array([16, 16, 1, 1, 1, 1]) / 36 * 20_000
    chi_square = ((np.bincount(drawn, minlength=6) - expected) ** 2 / expected).sum()
    assert chi_square < 20.5  # 5 degrees of freedom, p = 0.001


def test_second_draws_follow_what_is_left(tmp_path: Path) -> None:
    # Weights 2, 1, 1: after d0000 the others are even; after another, d0000 has 2 of 3.
    pairs = [("q00000", "d0000", 1)]
    data = collection(corpus(3), queries(20_001), pairs)
    found = opened(Popularity(top=2, power=1), data, tmp_path).propose(all_of(data)[1:], {})
    order = found.group_by("query", maintain_order=True).agg("doc")["doc"].to_list()
    expected = {(0, 1): 1 / 4, (0, 2): 1 / 4, (1, 0): 1 / 6, (2, 0): 1 / 6}
    expected |= {(1, 2): 1 / 12, (2, 1): 1 / 12}
    chi_square = sum(
        (order.count(list(pair)) - share * 20_000) ** 2 / (share * 20_000)
        for pair, share in expected.items()
    )
    assert chi_square < 20.5  # 5 degrees of freedom, p = 0.001


def test_what_chance_alone_would_never_reach_is_drawn_too_and_without_favour(
    tmp_path: Path,
) -> None:
    # d0000 has 31^40 times the weight of the rest: rounds of draws see nothing else.
    pairs = [(f"q{n:05}", "d0000", 1) for n in range(30)]
    data = collection(corpus(5), queries(2_030), pairs)
    found = opened(Popularity(top=2, power=40), data, tmp_path).propose(all_of(data), {})
    assert len(found) == 2 * 2_030
    assert found.join(data.positives, on=["query", "doc"], how="semi").is_empty()
    assert found["log_q"].is_finite().all()
    others = found.filter(pl.col("query") >= 30, pl.col("rank") == 2)["doc"].to_numpy()
    counts = np.bincount(others, minlength=5)
    assert counts[0] == 0
    assert ((counts[1:] - 500) ** 2 / 500).sum() < 16.3  # 3 degrees of freedom, p = 0.001


def test_a_power_that_overflows_any_number_still_works(tmp_path: Path) -> None:
    pairs = [(f"q{n:05}", "d0000", 1) for n in range(99)]
    data = collection(corpus(3), queries(100), pairs)
    found = opened(Popularity(top=1, power=500), data, tmp_path).propose(all_of(data)[99:], {})
    assert found["doc"].to_list() == [0]
    assert found["log_q"].to_list() == pytest.approx([0.0], abs=1e-6)


def test_where_nothing_is_left_nothing_is_proposed(tmp_path: Path) -> None:
    data = collection({"d1": "text", "d2": ""}, queries(2), [("q00000", "d1", 1)])
    found = opened(Random(), data, tmp_path).propose(all_of(data), {})
    assert found.select("query", "doc").rows() == [(1, 0)]


def test_a_corpus_of_empty_documents_proposes_nothing(tmp_path: Path) -> None:
    data = collection({"d1": "", "d2": " "}, queries(2))
    assert opened(Random(), data, tmp_path).propose(all_of(data), {}).is_empty()


def test_draws_do_not_depend_on_the_shard_or_on_other_queries(tmp_path: Path) -> None:
    data = collection(corpus(40), queries(30), [("q00003", "d0001", 1)])
    proposer = opened(Random(top=10), data, tmp_path)
    together = proposer.propose(all_of(data), {})
    apart = [proposer.propose(all_of(data)[n : n + 4], {}) for n in range(0, 30, 4)]
    assert pl.concat(apart).equals(together)


def test_a_longer_list_begins_with_the_shorter_one(tmp_path: Path) -> None:
    data = collection(corpus(9), queries(500))
    short = opened(Random(top=3), data, tmp_path).propose(all_of(data), {})
    long = opened(Random(top=8), data, tmp_path).propose(all_of(data), {})
    assert long.filter(pl.col("rank") <= 3).equals(short)


@pytest.mark.parametrize("other", ["seed", "name"])
def test_another_seed_or_name_draws_others(other: str, tmp_path: Path) -> None:
    data = collection(corpus(100), queries(5))
    one = opened(Random(top=5), data, tmp_path).propose(all_of(data), {})
    if other == "seed":
        two = opened(Random(top=5), data, tmp_path, seed=1).propose(all_of(data), {})
    else:
        two = opened(Random(top=5, name="more"), data, tmp_path).propose(all_of(data), {})
    assert not two.equals(one)


def test_draws_never_change(tmp_path: Path) -> None:
    # Written down once: draws are part of a run's bytes.
    data = collection(corpus(100), queries(2), [("q00000", "d0001", 1)])
    found = opened(Random(top=4), data, tmp_path, seed=7).propose(all_of(data), {})
    assert found["doc"].to_list() == [41, 84, 49, 60, 63, 70, 44, 68]
