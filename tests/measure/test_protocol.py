"""Interpolation and extrapolation, time, and the parts that queries fall into."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError, InputError
from negatives.events import Event, Warned
from negatives.measure.protocol import Like, folds, halves, label_overlap, near_and_far
from negatives.measure.slices import banded, by_source, groupings
from negatives.measure.temporal import InTime, times_of
from negatives.models.encoder import Encoded
from negatives.schema import Collection
from tests.build import collection


class Angles:
    """An encoder that reads a text as an angle in degrees."""

    dim = 2
    fingerprint = "angles"

    def encode(self, texts: Sequence[str]) -> Encoded:
        angles = np.radians([float(text) for text in texts])
        vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        return Encoded(vectors, np.zeros(len(texts), bool))


def asked(angles: dict[str, float], doc: str = "d") -> Collection:
    queries = {name: str(angle) for name, angle in angles.items()}
    return collection({doc: "x"}, queries, [(name, doc, 1) for name in queries])


def names(data: Collection) -> set[str]:
    return set(data.qrels["query_id"])


TRAIN = asked({"t1": 25, "t2": 37, "t3": 72, "t4": 84})
TEST = asked({"x": 0})


def test_near_and_far_are_the_page_s_toy() -> None:
    """Similarities of .9, .8, .3 and .1: the first two interpolate, the others extrapolate."""
    found = near_and_far(TRAIN, TEST, 2, encoder=Angles())
    assert names(found.interpolation) == {"t1", "t2"}
    assert names(found.extrapolation) == {"t3", "t4"}
    assert found.likeness == pytest.approx((0.85, 0.21), abs=0.01)


def test_samples_are_of_one_size_and_differ_in_likeness() -> None:
    angles = {f"t{n}": float(n) for n in range(0, 180, 3)}
    test = asked({"x": 0, "y": 20, "z": 21})
    found = near_and_far(asked(angles), test, 15, encoder=Angles(), seed=1)
    assert len(names(found.interpolation)) == len(names(found.extrapolation)) == 15
    assert found.likeness[0] > found.likeness[1]
    again = near_and_far(asked(angles), test, 15, encoder=Angles(), seed=2)
    assert names(again.interpolation) == names(found.interpolation)
    assert names(again.extrapolation) != names(found.extrapolation)


def test_two_samples_need_enough_queries() -> None:
    with pytest.raises(InputError, match=r"two samples of 3 from 4 training queries\n.*1 to 2"):
        near_and_far(TRAIN, TEST, 3, encoder=Angles())


def test_every_test_query_extrapolates_once_and_interpolates_otherwise() -> None:
    train = asked({f"t{n}": n * 10.0 for n in range(36)})
    test = asked({f"x{n}": n * 36.0 + 3 for n in range(10)})
    found = list(folds(train, test, buckets=4, encoder=Angles(), seed=3))
    assert len(found) == 4
    for query in names(test):
        outside = [query in names(fold.extrapolation) for fold in found]
        inside = [query in names(fold.interpolation) for fold in found]
        assert sum(outside) == 1
        assert inside == [not each for each in outside]
    for fold in found:
        assert names(fold.train) < names(train)
        assert len(fold.train.corpus) == len(train.corpus)


def test_folds_do_not_depend_on_the_order_of_queries() -> None:
    angles = {f"t{n:02}": float(n * 17 % 360) for n in range(40)}
    renamed = {name: angles[name] for name in reversed(angles)}
    test = asked({"x": 3, "y": 100})
    one, other = (
        [names(fold.train) for fold in folds(asked(each), test, encoder=Angles())]
        for each in (angles, renamed)
    )
    assert one == other


def test_a_model_that_looks_up_the_nearest_training_query_interpolates_only() -> None:
    """Answers change every 10 degrees; training has seen half of the circle."""
    docs = {f"d{n:02}": "x" for n in range(36)}

    def made(angles: dict[str, float]) -> Collection:
        queries = {name: str(angle) for name, angle in angles.items()}
        answers = [(name, f"d{int(angle // 10):02}", 1) for name, angle in angles.items()]
        return collection(docs, queries, answers)

    train = made({f"t{n:02}": 5 + 10 * n for n in range(18)})
    test = made({f"x{n:02}": 4 + 10.0 * n for n in range(36)})
    nearest = {name: min(17, int((angle - 4) // 10)) for name, angle in
               ((q, float(t)) for q, t, _ in test.queries.iter_rows())}  # fmt: skip
    run = pl.DataFrame(
        {"query_id": list(nearest), "doc_id": [f"d{n:02}" for n in nearest.values()], "score": 1.0}
    )
    near, far = (
        neg.evaluate(run, test, metrics=["Success@1"], protocols=[Like(train, side, Angles())])
        for side in ("interpolation", "extrapolation")
    )  # fmt: skip
    assert near.figures["metrics"]["Success@1"]["value"] == 1
    assert far.figures["metrics"]["Success@1"]["value"] == 0
    assert near.figures["queries"] == far.figures["queries"] == 18


def test_halves_share_no_query_and_lose_none() -> None:
    found = halves(TRAIN, asked({"a": 25, "b": 50, "c": 170}), Angles())
    assert found["interpolation"].to_list() == ["a", "b"]
    assert found["extrapolation"].to_list() == ["c"]


def test_one_shared_document_is_an_overlap() -> None:
    assert label_overlap(TRAIN, TEST) == 1
    assert label_overlap(TRAIN, asked({"x": 0}, doc="other")) == 0


CASES = {"d1": "case one", "d2": "case one", "d3": "case one"}
CITING = collection(
    CASES, {"q1": "case", "q2": "case"}, [("q1", "d1", 1), ("q1", "d3", 1), ("q2", "d3", 1)]
)
DOC_TIMES = pl.DataFrame({"id": list(CASES), "time": ["2001-01-01", "2005-05-05", "2010-01-01"]})
QUERY_TIMES = pl.DataFrame({"id": ["q1", "q2"], "time": ["2005-05-05", "2012-01-01 10:30:00"]})


def test_only_older_documents_are_found_and_counted() -> None:
    heard: list[Event] = []
    found = neg.evaluate(
        "bm25", CITING, metrics=["R@3", "RR"], protocols=[InTime(QUERY_TIMES, DOC_TIMES)],
        emit=heard.append,
    )  # fmt: skip
    rows = {row["query_id"]: row for row in found.per_query.to_dicts()}
    assert (rows["q1"]["retrieved"], rows["q1"]["positives"], rows["q1"]["R@3"]) == (1, 1, 1)
    assert (rows["q2"]["retrieved"], rows["q2"]["RR"]) == (3, 1)  # all tied: the last id first
    told = "1 of 3 judged documents are not older than their query: they neither count nor"
    assert any(isinstance(each, Warned) and told in each.text for each in heard)


def test_periods_are_slices_of_their_own() -> None:
    found = neg.evaluate(
        "bm25", CITING, metrics=["RR"], protocols=[InTime(QUERY_TIMES, DOC_TIMES)], slices=True
    )
    periods = found.slices.filter(by="period of the query")
    assert periods["group"].to_list() == ["1 of 4, from old to new", "3 of 4, from old to new"]


def test_times_may_be_numbers_dates_or_a_file(tmp_path: Path) -> None:
    ids = pl.Series(["a", "b"])
    path = tmp_path / "times.csv"
    path.write_text("id,when\nb,20\na,3.5\n")
    assert times_of(path, ids, "queries").tolist() == [3.5, 20]
    days = times_of(
        pl.DataFrame({"id": ["a", "b"], "t": ["1970-01-02", "1970-01-03"]}), ids, "docs"
    )
    assert days.tolist() == [1, 2]


def test_a_document_without_a_time_is_named() -> None:
    with pytest.raises(DataError) as error:
        times_of(DOC_TIMES.with_columns(time=pl.lit("soon")), pl.Series(list(CASES)), "docs")
    assert "3 of the docs have no time that can be read: 'd1', 'd2', 'd3'" in str(error.value)
    with pytest.raises(DataError, match=r"ends in one of \.csv"):
        times_of("times.doc", pl.Series(["a"]), "docs")


def test_bands_part_values_evenly_and_never_equal_ones() -> None:
    assert banded(pl.Series([1, 2, 3, 4, 5, 6, 7, 8])).value_counts()["count"].to_list() == [2] * 4
    assert set(banded(pl.Series([1, 1, 1, 1, 9]))) == {"1", "9"}
    assert set(banded(pl.Series([3, 3, 3]))) == {"3"}


def test_queries_are_parted_by_length_and_positives() -> None:
    found = groupings(CITING)
    assert found["words of the query"]["group"].to_list() == ["1", "1"]
    assert found["positives of the query"].rows() == [("q1", "2"), ("q2", "1")]


@pytest.mark.slow
def test_queries_are_parted_by_where_a_run_s_negatives_are_from(tmp_path: Path) -> None:
    data = neg.Collection.load("cranfield")
    sources = [neg.BM25(top=10), neg.Random(top=10)]
    run = neg.mine(data, tmp_path / "run", sources=sources, pick=neg.RandomPick(per_query=5))
    found = by_source(data, run)
    assert len(found) == len(data.mined_queries)
    query, group = found.row(7)
    of_query = run.negatives.filter(query_id=query).explode("sources")["sources"].value_counts()
    assert of_query.filter(sources=group)["count"].item() == of_query["count"].max()
    with pytest.raises(InputError, match="negatives for none of the queries"):
        by_source(asked({"x": 0}), run)
