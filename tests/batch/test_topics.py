"""Batchers that go by vectors: each does to the topics of a batch what its paper says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from negatives.arrays import Floats
from negatives.batch.cluster_aware import ClusterAware
from negatives.batch.clusters import balanced, k_means
from negatives.batch.neighbours import NeighbourBatches
from negatives.batch.no_same_cluster import NoSameCluster, apart
from negatives.batch.random import RandomBatches
from negatives.batch.self_aware import SelfAwareBatches
from negatives.batch.topic_aware import TopicAware
from negatives.errors import DataError, RecipeError
from tests.batch.made import clustered, examples, flat, hardness


def unit(rows: int, dim: int, seed: int) -> Floats:
    made = np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
    unit: Floats = made / np.linalg.norm(made, axis=1, keepdims=True)
    return unit


def test_k_means_finds_topics_that_stand_apart() -> None:
    made = clustered(120, 4, noise=0.1)
    assert made.query_vectors is not None
    found = k_means(made.query_vectors(), 4, 3, "test")
    for topic in range(4):
        assert len(set(found[topic::4].tolist())) == 1


def test_k_means_is_the_same_for_any_number_of_threads() -> None:
    vectors = unit(5000, 32, 0)
    once = k_means(vectors, 50, 0, "test")
    with threadpool_limits(limits=1):
        assert np.array_equal(once, k_means(vectors, 50, 0, "test"))


@given(st.integers(1, 40), st.data())
def test_balanced_clusters_differ_by_one_row_at_most(rows: int, data: st.DataObject) -> None:
    clusters = data.draw(st.integers(1, rows))
    sizes = np.bincount(balanced(unit(rows, 3, rows), clusters, 0, "test"))
    assert len(sizes) == clusters
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.recipe("tas-balanced")
def test_a_topic_aware_batch_is_of_one_topic_where_topics_are_multiples_of_it() -> None:
    made = clustered(128, 4, noise=0.1)
    for batch in TopicAware(clusters=4).open(made, 16).epoch(0):
        assert len(set((batch % 4).tolist())) == 1
        assert len(batch) == 16


def test_two_topics_share_a_batch_half_and_half_if_asked() -> None:
    made = clustered(128, 4, noise=0.1)
    batches = list(TopicAware(clusters=4, per_batch=2).open(made, 16).epoch(0))
    assert {len(batch) for batch in batches} == {16}
    counts = [sorted(np.bincount(batch % 4, minlength=4).tolist()) for batch in batches]
    assert all(count in ([0, 0, 8, 8], [0, 0, 0, 16]) for count in counts)
    assert [0, 0, 8, 8] in counts


def test_what_is_left_of_topics_still_comes_in_full_batches() -> None:
    made = clustered(120, 4, noise=0.1)  # 30 rows a topic: one full batch of 16, 14 left
    sizes = [len(batch) for batch in TopicAware(clusters=4).open(made, 16).epoch(0)]
    assert sorted(sizes) == [8] + [16] * 7


def test_one_topic_is_a_plain_shuffle() -> None:
    batches = list(TopicAware(clusters=1).open(clustered(64, 4), 16).epoch(0))
    assert {len(batch) for batch in batches} == {16}
    assert all(len(set((batch % 4).tolist())) > 1 for batch in batches)


def test_topics_come_in_proportion_to_their_size() -> None:
    vectors = np.eye(2, dtype=np.float32)[[0] * 48 + [1] * 16]
    made = examples(list(range(64)), [[row] for row in range(64)], vectors=(vectors, vectors))
    drawn = [batch[0] >= 48 for batch in TopicAware(clusters=2).open(made, 16).epoch(0)]
    assert sorted(drawn) == [False, False, False, True]


@pytest.mark.recipe("ngame")
def test_two_blobs_of_four_make_pure_batches_of_four() -> None:
    made = clustered(8, 2, noise=0.1)
    for batch in ClusterAware(first=4).open(made, 4).epoch(0):
        assert len(set((batch % 2).tolist())) == 1


@pytest.mark.recipe("ngame")
def test_clusters_double_at_the_epochs_listed_and_harden_the_batches() -> None:
    made = clustered(512, 32, noise=0.6)
    opened = ClusterAware(first=1, double_at=[1, 2, 3]).open(made, 32)
    hard = [hardness(made, opened.epoch(epoch)) for epoch in range(4)]
    assert hard == sorted(hard)
    assert hard[3] > hard[0] + 0.05


@pytest.mark.recipe("ngame")
def test_each_query_comes_once_an_epoch_with_one_of_its_positives() -> None:
    query = [row // 4 for row in range(64)]  # four positives each, of one vector
    vectors = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    made = examples(query, [[row] for row in range(64)], vectors=(vectors, vectors))
    whole = ClusterAware(first=4).open(made, 8)
    assert any(len({query[row] for row in batch}) < len(batch) for batch in whole.epoch(0))
    opened = ClusterAware(first=4, rows="one-a-query").open(made, 8)
    drawn = []
    for epoch in range(8):
        batches = [batch.tolist() for batch in opened.epoch(epoch)]
        assert [len(batch) for batch in batches] == [8, 8]
        assert sorted(query[row] for batch in batches for row in batch) == list(range(16))
        drawn.append(frozenset(row for batch in batches for row in batch))
        again = ClusterAware(first=4, rows="one-a-query").open(made, 8).epoch(epoch)
        assert [batch.tolist() for batch in again] == batches
    assert len(set(drawn)) == 8
    assert len(frozenset.union(*drawn)) > 50  # all positives come in turn
    with pytest.raises(DataError, match="16 examples are one batch of 16"):
        ClusterAware(rows="one-a-query").refuse_few(16, 64, 16)


def test_clusters_are_never_cut() -> None:
    made = clustered(100, 5, noise=0.5)
    assert made.query_vectors is not None
    group = balanced(made.query_vectors(), 100 // 4, 0, "cluster-aware/4")
    for batch in ClusterAware(first=4, double_at=[]).open(made, 16).epoch(0):
        members = group[batch].tolist()
        assert all(members.count(each) == 4 for each in members)


def test_labels_of_equal_size_make_full_batches_of_all_labels() -> None:
    order = apart(np.repeat([0, 1, 2], 4), 3, 0, "test")
    assert order.sizes.tolist() == [3, 3, 3, 3]
    assert sorted(order.rows.tolist()) == list(range(12))


def test_a_label_bigger_than_the_number_of_batches_is_left_over() -> None:
    label = np.repeat([0, 1, 2], [6, 3, 3])
    batches = list(apart(label, 3, 0, "test").batches())
    assert sorted(map(len, batches)) == [1, 1, 1, 3, 3, 3]
    assert [label[batch].tolist() for batch in batches if len(batch) == 1] == [[0]] * 3


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 9))
def test_no_label_comes_twice_in_a_batch_and_no_more_batches_than_must_be(
    labels: list[int], size: int
) -> None:
    label = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    batches = list(apart(label, size, 1, "test").batches())
    assert all(len(set(label[batch].tolist())) == len(batch) for batch in batches)
    assert len(batches) == max(-(-len(label) // size), int(np.bincount(label).max()))


@pytest.mark.recipe("g-simclr")
def test_all_rows_of_a_batch_are_of_different_clusters() -> None:
    made = clustered(96, 12, noise=0.1)
    for batch in NoSameCluster(clusters=12).open(made, 8).epoch(0):
        assert len(set((batch % 12).tolist())) == len(batch)


@pytest.mark.recipe("sample4geo")
def test_neighbours_fill_batches_with_one_of_two_far_clusters() -> None:
    made = clustered(16, 2, noise=0.1)
    for batch in NeighbourBatches(among=7, select=7).open(made, 8).epoch(0):
        assert len(set((batch % 2).tolist())) == 1


def test_no_neighbours_selected_is_a_plain_shuffle() -> None:
    batches = list(NeighbourBatches(select=0).open(clustered(64, 2, noise=0.1), 16).epoch(0))
    assert {len(batch) for batch in batches} == {16}
    assert all(len(set((batch % 2).tolist())) == 2 for batch in batches)


def test_row_0_is_brought_as_a_neighbour_too() -> None:
    made = clustered(40, 5, noise=0.1)
    opened = NeighbourBatches(among=7, select=4).open(made, 8)
    places = [
        batch.tolist().index(0)
        for epoch in range(20)
        for batch in opened.epoch(epoch)
        if 0 in batch
    ]
    assert len(places) == 20
    assert any(places)


def test_a_known_positive_is_no_neighbour() -> None:
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 1, 1]]
    known = [(0, 1), (1, 0), (2, 3), (3, 2)]
    made = examples([0, 1, 2, 3], [[0], [1], [2], [3]], known, (vectors, vectors))
    opened = NeighbourBatches(among=2, select=2).open(made, 2)
    apart = [set(batch.tolist()) for epoch in range(5) for batch in opened.epoch(epoch)]
    assert {0, 1} not in apart
    assert {2, 3} not in apart


def test_neighbours_are_harder_than_chance_and_compiled_they_are_the_same() -> None:
    made = clustered(400, 20, noise=0.8)
    opened = NeighbourBatches(among=20, select=10).open(made, 16)
    hard = hardness(made, opened.epoch(0))
    assert hard > hardness(made, RandomBatches().open(made, 16).epoch(0)) + 0.05
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("negatives.batch.neighbours._COMPILE", 0)
        again = NeighbourBatches(among=20, select=10).open(made, 16).epoch(0)
        assert np.array_equal(flat(again), flat(opened.epoch(0)))


def test_neighbours_cannot_bring_more_than_they_know() -> None:
    with pytest.raises(RecipeError, match="select = 9 of among = 8"):
        NeighbourBatches(among=8, select=9)


def owners(likeness: list[float], others: int, multiple: int) -> set[int]:
    """Rows grouped with row 0, whose query is near all documents; owners are so like its query."""
    queries = np.array([[1.0, 0.0]] + [[c, np.sqrt(1 - c * c)] for c in likeness], np.float32)
    docs = np.array([[0.0, 1.0]] + [[1.0, 0.0]] * len(likeness), np.float32)
    rows = len(queries)
    made = examples(list(range(rows)), [[row] for row in range(rows)], vectors=(queries, docs))
    for seed in range(100):  # row 0 has to be the first that looks for others
        group = SelfAwareBatches(others=others, multiple=multiple).groups(made, 64, seed)
        if group[0] == 0:
            return set(np.flatnonzero(group == 0).tolist()) - {0}
    raise AssertionError("row 0 never came first")


@pytest.mark.recipe("saha")
def test_owners_least_like_the_query_are_taken() -> None:
    assert owners([0.9, 0.2, 0.5, 0.1], others=2, multiple=2) == {4, 2}


def test_without_a_choice_the_nearest_documents_are_taken() -> None:
    assert owners([0.9, 0.2], others=2, multiple=1) == {1, 2}


@pytest.mark.slow
@given(st.integers(0, 50), st.integers(1, 5), st.integers(1, 4))
def test_groups_are_disjoint_and_no_bigger_than_asked(
    seed: int, others: int, multiple: int
) -> None:
    made = clustered(40, 4, seed=seed)
    group = SelfAwareBatches(others=others, multiple=multiple).groups(made, 16, seed)
    assert len(group) == 40
    assert group.min() == 0
    assert np.bincount(group).max() <= others + 1


def test_paraphrases_are_not_grouped_where_there_are_others() -> None:
    made = clustered(64, 4, noise=0.4)
    assert made.query_vectors is not None
    texts = made.query_vectors().copy()
    texts[1::2] = texts[::2]  # rows 2i and 2i + 1 ask the same, and are answered alike
    twins = examples(list(range(64)), [[row] for row in range(64)], vectors=(texts, texts))
    group = SelfAwareBatches(others=1, multiple=8).groups(twins, 16, 0)
    together = (group[::2] == group[1::2]).sum()
    nearest = SelfAwareBatches(others=1, multiple=1).groups(twins, 16, 0)
    assert (nearest[::2] == nearest[1::2]).sum() > 24
    assert together <= 2  # of 32; the last rows find nobody else free


def test_of_several_owners_the_most_similar_decides() -> None:
    # Document 1 is owned by rows 1 (alike) and 3 (not); document 2 by row 2, in between.
    queries = np.array([[1, 0], [0.9, 0.43589], [0.5, 0.866025], [0, 1]], np.float32)
    docs = np.array([[0, 1], [1, 0], [1, 0]], np.float32)
    made = examples([0, 1, 2, 3], [[0], [1], [2], [1]], vectors=(queries, docs))
    groups = (SelfAwareBatches(others=1, multiple=2).groups(made, 8, seed) for seed in range(100))
    group = next(group for group in groups if group[0] == 0)
    assert group[2] == 0


def test_batches_hold_whole_groups() -> None:
    made = clustered(128, 4)
    stage = SelfAwareBatches(others=3)
    group = stage.groups(made, 16, 0)
    for batch in stage.open(made, 16).epoch(0):
        assert all((group[batch] == each).sum() == (group == each).sum() for each in group[batch])


@pytest.mark.recipe("g-simclr")
def test_pseudo_labels_may_be_of_the_positives_or_their_parents() -> None:
    vectors = np.eye(4, dtype=np.float32)
    made = examples([0, 1, 2, 3, 0, 1], [[0], [1], [2], [3], [2], [0]], vectors=(vectors, vectors))
    taxonomy = replace(made, doc_parents=lambda: np.array([7, 7, 9, -1]))
    by_parent = {0: "a", 1: "a", 2: "b", 3: "c"}
    for of, label in (("parents", by_parent), ("positives", {n: n for n in range(4)})):
        opened = NoSameCluster(of=of, clusters=4).open(taxonomy, 3)  # type: ignore[arg-type]
        for epoch in range(3):
            rows = []
            for batch in opened.epoch(epoch):
                labels = [label[int(made.docs[row, 0])] for row in batch]
                assert len(set(labels)) == len(labels), of
                rows += batch.tolist()
            assert sorted(rows) == list(range(6))
    with pytest.raises(RecipeError, match="no field `parent`"):
        NoSameCluster(of="parents").open(made, 3).epoch(0)
