"""Corrupted triples: never a known one, one side changed, by the laws that are stated."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.errors import InputError
from negatives.sample.triples import Corruptions, Graph, Pools

pytest.importorskip("numba")

MANY = 400
Rows = list[tuple[int, int, int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Rows, int, int]:
    entities, relations = draw(st.integers(2, 6)), draw(st.integers(1, 2))
    entity = st.integers(0, entities - 1)
    triple = st.tuples(entity, st.integers(0, relations - 1), entity)
    return sorted(draw(st.sets(triple, min_size=1, max_size=20))), entities, relations


def pools_of(name: str, graph: Graph) -> Pools | None:
    if name == "typed":
        lists, of_row = graph.seen_types()
        return Pools(lists, of_row=of_row)
    return Pools.clusters(np.arange(graph.entities) % 2, graph.entities) if name else None


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(graphs(), st.sampled_from(["", "typed", "clusters"]), st.booleans())
def test_a_corruption_is_never_known_and_changes_one_side(
    made: tuple[Rows, int, int], law: str, bernoulli: bool
) -> None:
    known, entities, relations = made
    graph = Graph.of(known, entities=entities, relations=relations)
    shares = graph.head_shares() if bernoulli else None
    law_of = Corruptions(graph, 0.5 if law else 0.0, pools_of(law, graph), shares)
    triples = np.array(known, np.int64)
    drawn, valid = law_of.draw(triples, key=3, count=20)
    again, _ = law_of.draw(triples, key=3, count=20)
    assert (drawn == again).all()
    for triple, row, ok in zip(known, drawn.tolist(), valid.tolist(), strict=True):
        free = [
            [e for e in range(entities) if (triple[0], triple[1], e) not in known],
            [e for e in range(entities) if (e, triple[1], triple[2]) not in known],
        ]
        assert all(ok) == any(ok) == any(free)
        for head, relation, tail in row if any(free) else []:
            assert (head, relation, tail) not in known
            assert relation == triple[1]
            assert (head != triple[0]) + (tail != triple[2]) == 1


def shares_of(law: Corruptions, triple: tuple[int, int, int]) -> dict[tuple[int, int], float]:
    """How often each (side, entity) comes, side 0 the head."""
    drawn, _ = law.draw(np.array([triple], np.int64), key=1, count=MANY * 100)
    counts = Counter((0, h) if h != triple[0] else (2, t) for h, _, t in drawn[0].tolist())
    return {each: count / (MANY * 100) for each, count in counts.items()}


def test_the_shares_are_those_of_the_law() -> None:
    known = [(0, 0, 1), (0, 0, 2), (3, 0, 1), (4, 1, 0)]
    graph = Graph.of(known, entities=6, relations=2)
    # the tail: 0, 3, 4, 5 are not known; the head of (?, 0, 1): 1, 2, 4, 5
    found = shares_of(Corruptions(graph), (0, 0, 1))
    assert set(found) == {(2, 0), (2, 3), (2, 4), (2, 5), (0, 1), (0, 2), (0, 4), (0, 5)}
    assert list(found.values()) == pytest.approx([1 / 8] * 8, abs=0.01)
    # types: heads of relation 0 are 0 and 3, both known of 1; tails 1 and 2, both known of 0
    typed = shares_of(Corruptions(graph, 1.0, pools_of("typed", graph)), (0, 0, 1))
    assert typed == pytest.approx(found, abs=0.01)  # nothing left: uniform, and no hang
    typed = shares_of(Corruptions(graph, 1.0, pools_of("typed", graph)), (3, 0, 1))
    assert typed[2, 2] == pytest.approx(0.5, abs=0.01)  # 2 is the tail that is left
    # one cluster is the uniform law
    one = Pools.clusters(np.zeros(6, np.int64), 6)
    assert shares_of(Corruptions(graph, 1.0, one), (0, 0, 1)) == pytest.approx(found, abs=0.01)
    # half of the draws from the cluster of the one that is replaced: of tail 1 these are 3 and 5
    mixed = shares_of(Corruptions(graph, 0.5, pools_of("clusters", graph)), (0, 0, 1))
    assert mixed[2, 3] == pytest.approx(0.5 * (0.5 / 2 + 0.5 / 4), abs=0.01)
    assert mixed[2, 0] == pytest.approx(0.5 * 0.5 / 4, abs=0.01)


def test_heads_are_replaced_as_often_as_their_tails_are_many() -> None:
    known = [(0, 0, 1), (0, 0, 2), (0, 0, 3), (4, 0, 1)]  # tph = 2, hpt = 4 / 3
    graph = Graph.of(known, entities=5, relations=2)
    assert graph.head_shares().tolist() == [pytest.approx(0.6), 0.5]
    found = shares_of(Corruptions(graph, head_shares=graph.head_shares()), (0, 0, 1))
    assert sum(share for (side, _), share in found.items() if side == 0) == pytest.approx(
        0.6, abs=0.01
    )


def test_what_everybody_answers_has_no_negative_and_what_is_unknown_avoids_itself() -> None:
    known = [(h, 0, t) for h in range(3) for t in range(3)]
    graph = Graph.of(known, entities=3, relations=1)
    _, valid = Corruptions(graph).draw(np.array(known[:1], np.int64), 1, 4)
    assert not valid.any()
    other = Graph.of([(0, 0, 1)], entities=3, relations=1)
    drawn, valid = Corruptions(other).draw(np.array([[2, 0, 2]], np.int64), 1, 50)
    assert valid.all()
    assert [2, 0, 2] not in drawn[0].tolist()


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(graphs(), st.sampled_from(["", "typed", "clusters"]))
def test_known_ones_are_dropped_and_nothing_else_is(made: tuple[Rows, int, int], law: str) -> None:
    known, entities, relations = made
    graph = Graph.of(known, entities=entities, relations=relations)
    pools = pools_of(law, graph)
    law_of = Corruptions(graph, 0.5 if law else 0.0, pools, known_draws="dropped")
    drawn, valid = law_of.draw(np.array(known, np.int64), key=3, count=20)
    for row, ok in zip(drawn.tolist(), valid.tolist(), strict=True):
        assert [tuple(each) not in known for each in row] == ok


def test_where_known_ones_are_dropped_a_question_with_many_answers_has_fewer_negatives() -> None:
    known = [(0, 0, 1), (0, 0, 2), (0, 0, 3), (4, 1, 0)]
    graph = Graph.of(known, entities=5, relations=2)
    law = Corruptions(graph, known_draws="dropped")
    triples = np.array([(0, 0, 1), (4, 1, 0), (2, 1, 3)], np.int64)
    drawn, valid = law.draw(triples, key=1, count=MANY * 100)
    # of 5 tails 3 are known of (0, r, ?) and 1 head of (?, r, 1); of the second one 1 and 1; of a
    # triple that is not known only itself is not drawn
    assert valid.mean(axis=1).tolist() == [
        pytest.approx(1 - (3 + 1) / 10, abs=0.01),
        pytest.approx(1 - (1 + 1) / 10, abs=0.01),
        1.0,
    ]
    left = Counter(t for _, _, t in drawn[0][valid[0]].tolist() if t != 1)
    assert set(left) == {0, 4}
    assert left[0] / left.total() == pytest.approx(0.5, abs=0.02)
    # from a list, too: of (0, r, ?) the tails that are seen are all known, and nothing is left
    typed = Corruptions(graph, 1.0, pools_of("typed", graph), known_draws="dropped")
    drawn, valid = typed.draw(triples[:1], key=1, count=MANY)
    assert not valid[drawn[..., 2] != 1].any()


def test_what_does_not_belong_together_is_refused() -> None:
    graph = Graph.of([(0, 0, 1)], entities=2, relations=1)
    for wrong, said in (
        (lambda: Corruptions(graph, 0.5), "there is no list to draw from"),
        (lambda: Corruptions(graph, 1.5), "mix is 1.5"),
        (lambda: Corruptions(graph, known_draws=cast("Any", "kept")), "known_draws is 'kept'"),
        (lambda: Pools.clusters([0, 1, 1], 2), "for 2 entities"),
        (lambda: Graph.of([(0, 0, 5)], entities=2, relations=1), "no such entity row: [5]"),
        (lambda: Graph.of([], entities=2, relations=1), "triples of shape"),
    ):
        with pytest.raises(InputError, match=said.replace("[", r"\[")):
            wrong()
