"""Batches of neighbours on the map, as long as the model has not been asked what is alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives import Collection
from negatives.arrays import Doubles
from negatives.batch.examples import Examples
from negatives.batch.neighbours import NeighbourBatches
from negatives.batch.places import EARTH, kilometres, middles, nearest, on_earth
from negatives.errors import RecipeError
from negatives.learn.training_set import TrainingSet
from negatives.search.excluded import Excluded
from negatives.search.shortlist import NO_DOC
from tests.batch.made import clustered, examples

pytestmark = pytest.mark.recipe("sample4geo")
DEGREES = st.tuples(st.integers(-90, 90), st.integers(-180, 180))


def haversine(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Kilometres, by the formula as it is printed."""
    (north, east), (north2, east2) = np.radians(one), np.radians(other)
    inside = np.sin((north2 - north) / 2) ** 2
    inside += np.cos(north) * np.cos(north2) * np.sin((east2 - east) / 2) ** 2
    return float(2 * EARTH * np.arcsin(np.sqrt(min(inside, 1.0))))


def earth(places: list[tuple[int, int]]) -> Doubles:
    return on_earth(*np.array(places, float).reshape(-1, 2).T)


def test_a_degree_of_the_equator_is_111_kilometres_and_of_the_far_north_is_not() -> None:
    places = earth([(0, 0), (0, 1), (80, 0), (80, 1)])
    assert kilometres(places[[0, 2]], places[[1, 3]]).round(2).tolist() == [111.19, 19.31]


@given(st.lists(DEGREES, min_size=1, max_size=6), st.lists(DEGREES, min_size=1, max_size=12),
       st.integers(1, 15), st.integers(0, 2**20))  # fmt: skip
def test_the_nearest_are_those_of_all_distances_by_haversine(
    asked: list[tuple[int, int]], there: list[tuple[int, int]], most: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    barred = np.argwhere(rng.random((len(asked), len(there))) < 0.3).astype(np.uint32)
    found = nearest(earth(asked), earth(there), most, Excluded(barred[:, 0], barred[:, 1]))
    never = {tuple(each) for each in barred.tolist()}
    for row, one in enumerate(asked):
        free = [doc for doc in range(len(there)) if (row, doc) not in never]
        expected = sorted(haversine(one, there[doc]) for doc in free)[:most]
        kept = [int(doc) for doc in found[row] if doc != NO_DOC]
        assert not {(row, doc) for doc in kept} & never
        assert len(kept) == len(set(kept)) == len(expected)
        away = [haversine(one, there[doc]) for doc in kept]
        np.testing.assert_allclose(away, expected, atol=1e-3)


def on_map(rows: int, topics: int) -> Examples:
    """Rows that look alike by `row % topics`, and whose places are near where `row // 8` is one."""
    degrees = [(row // 8 * 20, row % 8) for row in range(rows)]
    return replace(clustered(rows, topics, noise=0.1), doc_places=lambda: earth(degrees))


def test_batches_are_of_near_places_and_of_what_looks_alike_once_the_model_was_asked() -> None:
    made = on_map(16, 2)
    stage = NeighbourBatches(among=7, select=7, begin="places")
    for batch in stage.open(made, 8).epoch(0):
        assert len(set((batch // 8).tolist())) == 1
    for batch in stage.open(replace(made, renewed=True), 8).epoch(0):
        assert len(set((batch % 2).tolist())) == 1
    plain = NeighbourBatches(among=7, select=7)
    assert [batch.tolist() for batch in plain.open(made, 8).epoch(0)] == [
        batch.tolist() for batch in stage.open(replace(made, renewed=True), 8).epoch(0)
    ]


def test_no_vector_is_asked_for_where_places_will_do() -> None:
    made = replace(on_map(16, 2), query_vectors=None, doc_vectors=None)
    assert list(NeighbourBatches(begin="places").open(made, 8).epoch(0))


def test_a_query_is_in_the_middle_of_its_positives() -> None:
    found = middles(earth([(0, 10), (0, 30), (50, 7)]), np.array([0, 0, 1]), 2)
    np.testing.assert_allclose(found, earth([(0, 20), (50, 7)]), atol=1e-12)


def test_places_that_are_not_there_are_an_error() -> None:
    stage = NeighbourBatches(begin="places")
    with pytest.raises(RecipeError, match="no fields `latitude` and `longitude`"):
        stage.open(clustered(16, 2), 8)
    holes = replace(on_map(16, 2), doc_places=lambda: earth([(0, 0)] * 15 + [(0, 0)]) * np.nan)
    with pytest.raises(RecipeError, match="of 16 of 16 positives no place is known") as error:
        stage.open(holes, 8)
    assert "degrees" in error.value.fix


def test_a_place_is_only_asked_of_positives() -> None:
    places = np.vstack([earth([(0, 0), (0, 1)]), np.full((1, 3), np.nan)])
    made = replace(examples([0, 1], [[0, 2], [1, 2]]), doc_places=lambda: places)
    assert list(NeighbourBatches(begin="places").open(made, 2).epoch(0))


def test_fields_of_documents_are_places_on_the_earth(tmp_path: Path) -> None:
    rows = [
        {"_id": "a", "text": "one house", "lat": 0, "metadata": {"lon": 90}},
        {"_id": "b", "text": "two houses", "lat": 52.5, "lng": 13.25},
        {"_id": "c", "text": "a field", "lat": 1.5},
    ]
    (tmp_path / "corpus.jsonl").write_text(
        "".join(pl.DataFrame([row]).write_ndjson() for row in rows), "utf-8"
    )
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "house"}\n', "utf-8")
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq\ta\t1\n", "utf-8")
    data = Collection.load(tmp_path)
    nothing = np.empty((1, 0), np.int32)
    found = TrainingSet(data, np.array([[0, 0]], np.int32), nothing, nothing.astype(np.float32))
    assert found.doc_places is not None
    places = found.doc_places()
    np.testing.assert_allclose(places[0], [0, 1, 0], atol=1e-12)
    assert not np.isnan(places[:2]).any()
    assert np.isnan(places[2]).any(), "its longitude is not known"
    without = replace(data, corpus=data.corpus.drop("longitude"))
    assert replace(found, collection=without).doc_places is None
