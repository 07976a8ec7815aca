"""Samplers: never a positive, the law stated, the same draws whoever asks."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import InputError
from negatives.sample import NO_DOC, PopularityNegatives, UniformNegatives
from negatives.sample.samplers import Sampler
from tests.build import collection
from tests.each import for_each
from tests.sample.worlds import (
    ENGINES,
    Make,
    Pairs,
    allowed,
    chi_square,
    exclusion,
    known,
    makes,
)

asked = known().flatmap(
    lambda world: st.tuples(st.just(world), makes(world[2]), st.integers(0, 40))
)


@pytest.mark.slow
@given(asked)
def test_no_slot_holds_a_positive_and_none_is_empty_while_something_is_left(
    world: tuple[tuple[Pairs, int, int], Make, int],
) -> None:
    (pairs, queries, docs), make, per_query = world
    sampler = make(exclusion(pairs, queries, docs), engine="numpy")
    drawn = sampler.draw(np.arange(queries), per_query, step=3)
    assert drawn.docs.shape == drawn.log_q.shape == (queries, per_query)
    for query in range(queries):
        may = allowed(sampler, pairs, query)
        got = drawn.docs[query][drawn.mask[query]].tolist()
        assert set(got) <= may
        if sampler.distinct:
            assert len(set(got)) == len(got) == min(per_query, len(may))
        else:
            assert len(got) == (per_query if may else 0)
        assert drawn.missing[query] == per_query - len(got)
        assert np.isneginf(drawn.log_q[query][~drawn.mask[query]]).all()


@pytest.mark.slow
@given(asked)
def test_compiled_draws_are_the_same_to_the_bit(
    world: tuple[tuple[Pairs, int, int], Make, int],
) -> None:
    (pairs, queries, docs), make, per_query = world
    one, two = (
        make(exclusion(pairs, queries, docs), engine=engine).draw(np.arange(queries), per_query)
        for engine in ENGINES
    )
    assert np.array_equal(one.docs, two.docs)
    assert one.log_q.tobytes() == two.log_q.tobytes()


@pytest.mark.parametrize("make", [UniformNegatives, PopularityNegatives])
@pytest.mark.parametrize("distinct", [False, True], ids=["independent", "distinct"])
def test_filters_bitmaps_and_positives_of_nearly_all_documents_are_all_exact(
    make: Any, distinct: bool
) -> None:
    rng, docs = np.random.default_rng(0), 20_000
    sizes = [0, 1, 20, 900, 3_000, 9_900, 12_000, docs - 70, docs - 1, docs]
    have = [set(rng.choice(docs, size, replace=False).tolist()) for size in sizes]
    known = exclusion([(q, doc) for q, some in enumerate(have) for doc in some], len(sizes), docs)
    one, two = (
        make(known, distinct=distinct, engine=engine).draw(np.arange(len(sizes)), 1_000)
        for engine in ENGINES
    )
    assert np.array_equal(one.docs, two.docs)
    assert one.log_q.tobytes() == two.log_q.tobytes()
    for query, some in enumerate(have):
        assert not some & set(one.docs[query].tolist())
        left = docs - len(some)
        delivered = min(1_000, left) if distinct else 1_000 * (left > 0)
        assert np.count_nonzero(one.mask[query]) == delivered
        if distinct:
            assert len(set(one.docs[query][one.mask[query]].tolist())) == delivered


@pytest.mark.slow
@given(asked)
def test_the_probabilities_of_all_that_can_be_drawn_add_up_to_1(
    world: tuple[tuple[Pairs, int, int], Make, int],
) -> None:
    (pairs, queries, docs), make, _ = world
    sampler = make(exclusion(pairs, queries, docs), engine="numpy")
    for query in range(queries):
        may = np.array([sorted(allowed(sampler, pairs, query))], np.uint32)
        if may.size:
            log_q = sampler.conditioned.log_q(np.array([query]), may)
            assert np.exp(log_q).sum() == pytest.approx(1, abs=1e-5)


@for_each("engine", ENGINES)
@for_each("positives", [0, 3, 15, 19], ids=lambda n: f"{n}-of-20")
def test_uniform_draws_are_uniform_over_what_is_left(engine: Any, positives: int) -> None:
    known = exclusion([(0, 2 * doc % 19) for doc in range(positives)], 1, 20)
    sampler = UniformNegatives(known, engine=engine)
    drawn = sampler.draw([0], 200_000)
    left = 20 - positives
    counts = [n for n in np.bincount(drawn.docs[0], minlength=20).tolist() if n]
    assert len(counts) == left
    assert chi_square(counts, [200_000 / left] * left) < 2.5 * left + 20
    assert np.allclose(drawn.log_q, -np.log(left))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("positives", [[], [4], [0, 5]], ids=["none", "few", "most-of-the-law"])
def test_popular_documents_are_drawn_in_proportion(engine: Any, positives: list[int]) -> None:
    weights = np.array([9.0, 1.0, 2.0, 0.0, 3.0, 30.0])
    sampler = PopularityNegatives(
        exclusion([(0, doc) for doc in positives], 1, 6), weights=weights, power=1, engine=engine
    )
    drawn = sampler.draw([0], 200_000)
    weights[positives] = 0
    shares = weights / weights.sum()
    counts = np.bincount(drawn.docs[0], minlength=6)
    some = shares > 0
    assert not counts[~some].any()
    assert chi_square(counts[some].tolist(), (shares[some] * 200_000).tolist()) < 25
    assert np.allclose(np.exp(drawn.log_q[0]), shares[drawn.docs[0]], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_distinct_draws_follow_what_is_left_after_each(engine: Any) -> None:
    # Weights 2, 1, 1, and a positive: after document 0 the others are even; else it has 2 of 3.
    sampler = PopularityNegatives(
        exclusion([(q, 3) for q in range(20_000)], 20_000, 4),
        weights=[2, 1, 1, 9], power=1, distinct=True, engine=engine,
    )  # fmt: skip
    pairs = [tuple(row) for row in sampler.draw(np.arange(20_000), 2).docs.tolist()]
    expected = {(0, 1): 1 / 4, (0, 2): 1 / 4, (1, 0): 1 / 6, (2, 0): 1 / 6}
    expected |= {(1, 2): 1 / 12, (2, 1): 1 / 12}
    counts = [pairs.count(pair) for pair in expected]
    assert sum(counts) == 20_000
    assert chi_square(counts, [20_000 * share for share in expected.values()]) < 20.5  # p = 0.001


def test_distinct_draws_reach_what_chance_alone_would_not_and_without_favour() -> None:
    weights = [1e30, 1, 1, 1, 1]
    sampler = PopularityNegatives(exclusion([], 4_000, 5), weights=weights, power=1, distinct=True)
    drawn = sampler.draw(np.arange(4_000), 3).docs
    assert (drawn[:, 0] == 0).all()
    for place in (1, 2):
        assert chi_square(np.bincount(drawn[:, place])[1:].tolist(), [1_000] * 4) < 16.3


def test_a_query_that_has_everything_gets_a_shortfall() -> None:
    sampler = UniformNegatives(exclusion([(0, 0), (0, 1), (1, 0)], 2, 2))
    drawn = sampler.draw([0, 1, 0], 3)
    assert drawn.docs.tolist() == [[NO_DOC] * 3, [1] * 3, [NO_DOC] * 3]
    assert drawn.missing.tolist() == [3, 0, 3]
    assert drawn.mask.tolist() == [[False] * 3, [True] * 3, [False] * 3]
    assert drawn.log_q.tolist() == [[-np.inf] * 3, [0.0] * 3, [-np.inf] * 3]


@pytest.mark.slow
@given(asked, st.permutations(range(5)))
def test_draws_do_not_depend_on_the_rest_of_the_batch(
    world: tuple[tuple[Pairs, int, int], Make, int], order: list[int]
) -> None:
    (pairs, queries, docs), make, per_query = world
    sampler = make(exclusion(pairs, queries, docs), engine="numpy")
    together = sampler.draw(np.arange(queries), per_query, step=1)
    for query in (place for place in order if place < queries):
        alone = sampler.draw([query], per_query, step=1)
        assert np.array_equal(alone.docs[0], together.docs[query])
        assert np.array_equal(alone.log_q[0], together.log_q[query])


@pytest.mark.slow
@given(asked, st.integers(0, 10))
def test_a_longer_row_begins_with_the_shorter_one(
    world: tuple[tuple[Pairs, int, int], Make, int], more: int
) -> None:
    (pairs, queries, docs), make, per_query = world
    sampler = make(exclusion(pairs, queries, docs), engine="numpy")
    short = sampler.draw(np.arange(queries), per_query).docs
    long = sampler.draw(np.arange(queries), per_query + more).docs
    assert np.array_equal(long[:, :per_query], short)


def of_1000(**settings: Any) -> Sampler:
    return UniformNegatives(exclusion([(0, 1)], 3, 1_000), **settings)


def test_steps_seeds_and_queries_draw_others() -> None:
    rows = [of_1000().draw([q], 8, step).docs for q in range(3) for step in range(3)]
    rows.append(of_1000(seed=1).draw([0], 8, 0).docs)
    assert len({row.tobytes() for row in rows}) == len(rows)


def test_a_step_for_each_row_sets_apart_a_query_that_comes_twice() -> None:
    sampler = of_1000()
    drawn = sampler.draw([2, 2, 0], 8, step=[7, 8, 7]).docs
    assert not np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[1], sampler.draw([2], 8, step=8).docs[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_draws_never_change(engine: Any) -> None:
    # Written down once: a training that is repeated must see the same negatives.
    known = exclusion([(0, 1), (1, 5), (1, 6)], 2, 100)
    uniform = UniformNegatives(known, seed=7, engine=engine)
    popular = PopularityNegatives(known, seed=7, distinct=True, engine=engine)
    assert uniform.draw([0, 1], 4, step=2).docs.tolist() == UNIFORM
    assert popular.draw([0, 1], 4, step=2).docs.tolist() == POPULAR


UNIFORM = [[82, 43, 92, 72], [24, 20, 9, 3]]
POPULAR = [[61, 7, 82, 64], [42, 72, 45, 14]]


def test_popularity_is_counted_from_the_positives_plus_1() -> None:
    sampler = PopularityNegatives(exclusion([(0, 0), (1, 0), (2, 0)], 4, 3), power=1)
    log_q = sampler.conditioned.log_q(np.array([3, 0]), np.array([[0, 1, 2]] * 2, np.uint32))
    assert np.exp(log_q[0]) == pytest.approx([4 / 6, 1 / 6, 1 / 6])
    assert np.exp(log_q[1, 1:]) == pytest.approx([1 / 2, 1 / 2])


@pytest.mark.parametrize("make", [UniformNegatives, PopularityNegatives])
def test_a_collection_gives_no_document_without_text(make: Any) -> None:
    data = collection(
        {"d1": "a", "d2": " ", "d3": "c", "d4": "d"}, {"q1": "x", "q2": "y"}, [("q1", "d1", 1)]
    )
    drawn = make.from_collection(data, distinct=True).draw([0, 1], 4)
    assert [sorted(set(row) - {int(NO_DOC)}) for row in drawn.docs.tolist()] == [[2, 3], [0, 2, 3]]


def test_a_sampler_travels_to_another_process() -> None:
    sampler = of_1000(distinct=True)
    again = pickle.loads(pickle.dumps(sampler))
    assert np.array_equal(again.draw([0, 1], 9).docs, sampler.draw([0, 1], 9).docs)


@pytest.mark.slow
def test_workers_of_a_data_loader_draw_what_the_trainer_would() -> None:
    from torch.utils.data import DataLoader

    sampler = of_1000()

    def batch(rows: list[int]) -> Any:
        return sampler.draw(rows, 5).docs.tolist()

    loader = DataLoader(range(3), batch_size=2, num_workers=2, collate_fn=batch)
    assert list(loader) == [batch([0, 1]), batch([2])]


@for_each(
    ("wrong", "message"),
    [
        (lambda: of_1000().draw([3], 1), r"no such query row: \[3\]\n.*rows are 0 to 2"),
        (lambda: of_1000().draw([0], -1), "per_query is -1"),
        (lambda: of_1000().draw([0], 1, step=-1), "step is -1"),
        (lambda: of_1000().draw([0, 1], 1, step=[1, 2, 3]), "step is"),
        (lambda: of_1000(never=[1_000]), r"no such document row: \[1000\]"),
        (lambda: of_1000(never=np.arange(1_000)), "every weight is 0"),
        (lambda: PopularityNegatives(exclusion([], 1, 3), power=-1), "power is -1"),
        (lambda: PopularityNegatives(exclusion([], 1, 3), weights=[1, 1]), "for 3 documents"),
        (lambda: PopularityNegatives(exclusion([], 1, 3), weights=[0, 0, 0]), "every weight is 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(wrong: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        wrong()
