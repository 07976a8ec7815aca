"""Examples as numbers: what is trained with, what is known of it, and the rows a trainer reads."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from negatives.api import Run
from negatives.errors import DataError, RunError
from negatives.learn.rows import TrainingRows
from negatives.learn.sampler import Sampler
from negatives.learn.training_set import NOTHING, of_run, training_set
from negatives.recipe import load_recipe
from negatives.schema import Collection
from negatives.store.run import RELABELLED_FILE
from tests.build import collection
from tests.export.made import finished_run

pytest.importorskip("datasets")

DOCS = {
    "d1": "A wing.", "d2": "Some heat", "d3": "a WING", "d4": "The drag", "d5": "of flow", "d6": " "
}  # fmt: skip
QUERIES = {"q1": "lift?", "q2": "warm", "q3": "Lift", "q4": "unjudged"}
QRELS = [("q1", "d1", 1), ("q2", "d2", 1), ("q3", "d4", 1), ("q2", "d6", 1), ("q1", "d5", 0)]


@pytest.fixture
def data() -> Collection:
    return collection(DOCS, QUERIES, QRELS)


@pytest.fixture
def run(tmp_path: Path, data: Collection) -> Run:
    negatives = {"q1": ["d5", "d2"], "q2": ["d4"]}
    scores = {("q1", "d1"): 9.0, ("q1", "d5"): 4.0, ("q1", "d2"): 3.0, ("q2", "d4"): 2.0}
    made = finished_run(tmp_path / "run", data, negatives, scores)
    made.manifest.inputs.recipe = load_recipe("bm25").settings()
    return made


def test_an_example_is_a_query_and_a_positive_that_has_a_text(run: Run) -> None:
    found = of_run(run, 2)
    assert found.positives.tolist() == [[0, 0], [1, 1], [2, 3]]
    assert found.negatives.tolist() == [[4, 1], [3, -1], [-1, -1], [-1, -1]]
    assert (len(found), found.width) == (3, 3)
    assert of_run(run, 1).negatives.tolist() == [[4], [3], [-1], [-1]]


def test_without_a_positive_there_is_nothing_to_learn_from() -> None:
    data = collection({"d1": "a"}, {"q1": "b"}, [("q1", "d1", 0)])
    with pytest.raises(DataError, match="nothing to learn from"):
        training_set(data, NOTHING, 0)


def test_duplicates_share_a_number_and_what_is_known_of_them(run: Run) -> None:
    found = of_run(run, 2)
    assert found.doc_number.tolist() == [0, 1, 0, 3, 4, 5]
    assert found.query_number.tolist() == [0, 1, 0, 3]
    examples = found.examples
    assert examples.query.tolist() == [0, 1, 0]
    assert examples.docs.tolist() == [[0, 4, 1], [1, 3, -1], [3, -1, -1]]
    assert {tuple(pair) for pair in examples.known.tolist()} == {(0, 0), (0, 3), (1, 1), (1, 5)}
    assert found.known.relevant(found.query_keys, found.doc_keys)[:, :5].tolist() == [
        [True, False, True, True, False],
        [False, True, False, False, False],
        [True, False, True, True, False],
        [False, False, False, False, False],
    ]


def test_what_was_relabelled_is_trained_with_and_known(data: Collection) -> None:
    extra = pl.DataFrame({"query_id": ["q1", "q2"], "doc_id": ["d2", "d2"]})
    found = training_set(data, NOTHING, 0, extra)
    assert [0, 1] in found.positives.tolist()
    assert len(found) == 4
    assert found.known.relevant(found.query_keys[:1], found.doc_keys[1:2]).all()
    assert [0, 1] in found.examples.known.tolist()


def test_a_run_that_relabelled_gives_its_new_positives(mined: Run, tmp_path: Path) -> None:
    # The pair stands in the file that such a run has.
    shutil.copytree(mined.path, tmp_path / "run")
    taken = mined.negatives.select("query_id", "doc_id").tail(1)
    taken.with_columns(p_relevant=pl.lit(0.9)).write_parquet(tmp_path / "run" / RELABELLED_FILE)
    run = Run(tmp_path / "run", collection=mined.collection)
    run.manifest.enter(run.path, run.path / RELABELLED_FILE, 1)
    before, after = of_run(mined, 0), of_run(run, 0)
    assert len(after) == len(before) + 1


def test_a_row_is_read_when_it_is_asked_for(run: Run) -> None:
    rows = TrainingRows(of_run(run, 2))
    row = rows.columns()[0]
    assert row["query"] == "lift?"
    assert (row["positive"], row["negative_1"], row["negative_2"]) == (
        "A wing.", "of flow", "Some heat",
    )  # fmt: skip
    last = rows.columns()[2]
    assert (last["positive"], last["negative_1"], last["negative_2"]) == ("The drag", "", "")
    other = pl.DataFrame(
        {"query_id": ["q1"], "doc_id": ["d4"], "position": [0], "p_relevant": [0.25]},
        schema=NOTHING.schema,
    )
    dataset = rows.columns()
    rows.training_set = rows.training_set.with_negatives(other, 2)
    assert dataset[0]["negative_1"] == "The drag"
    assert dataset[0]["p_relevant"].tolist() == [1, 0.25, 0]


def test_the_keys_of_a_row_are_those_of_its_texts(run: Run) -> None:
    pytest.importorskip("sentence_transformers")
    from negatives.learn.collator import keys_of

    dataset = TrainingRows(of_run(run, 2)).columns()
    rows: list[dict[str, Any]] = [dataset[at] for at in range(len(dataset))]
    names = ("query", "positive", "negative_1", "negative_2")
    computed = keys_of([[str(row[name]) for row in rows] for name in names])
    assert np.array_equal(np.stack([row["keys"] for row in rows]), computed)


def test_lists_have_what_there_is(run: Run) -> None:
    dataset = TrainingRows(of_run(run, 2)).lists(soft=False)
    assert dataset[0]["docs"] == ["A wing.", "of flow", "Some heat"]
    assert dataset[0]["labels"] == [1, 0, 0]
    assert dataset[2]["docs"] == ["The drag"]
    assert dataset[2]["labels"] == [1]


def test_soft_labels_are_what_is_known_of_p_relevant(data: Collection) -> None:
    frame = pl.DataFrame(
        {
            "query_id": ["q1", "q1"],
            "doc_id": ["d2", "d5"],
            "position": [0, 1],
            "p_relevant": [0.25, None],
        },
        schema=NOTHING.schema,
    )
    rows = TrainingRows(training_set(data, frame, 2))
    assert rows.lists(soft=True)[0]["labels"] == [1, 0.25, 0]
    assert rows.lists(soft=False)[0]["labels"] == [1, 0, 0]


def test_labels_are_a_column_of_the_ledger(run: Run) -> None:
    dataset = TrainingRows(of_run(run, 2, "bm25_score")).columns()
    assert dataset[0]["label"] == [9, 4, 3]
    label = dataset[2]["label"]
    assert all(math.isnan(value) for value in label)


def test_a_column_that_is_not_there_is_named_with_those_that_are(run: Run) -> None:
    with pytest.raises(RunError, match="no scores called 'rerank_score'") as caught:
        of_run(run, 2, "rerank_score")
    assert "bm25_score" in caught.value.fix


def test_examples_are_named_by_their_queries(run: Run) -> None:
    assert of_run(run, 2).name([2, 0]) == "2 (query 'q3'), 0 (query 'q1')"


class Two:
    """Epoch e is the batches [2e, 2e + 1] and [7]."""

    def epoch(self, number: int) -> Any:
        yield np.array([2 * number, 2 * number + 1], np.int32)
        yield np.array([7], np.int32)

    def told(self) -> dict[str, Any]:
        return {}


class Empty(Two):
    def epoch(self, number: int) -> Any:
        yield from ()


def test_epochs_follow_each_other_as_one_pass() -> None:
    assert list(Sampler(Two(), 2, epochs=2)) == [[0, 1], [7], [2, 3], [7]]
    assert len(Sampler(Two(), 2, epochs=2)) == 4


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_steps_are_as_many_as_asked_for(steps: int) -> None:
    every = [[0, 1], [7], [2, 3], [7], [4, 5], [7]]
    assert list(Sampler(Two(), 2, epochs=1, steps=steps)) == every[:steps]


def test_it_says_which_batch_is_read_next() -> None:
    said: list[int] = []
    sampler = Sampler(Two(), 2, epochs=2, before=said.append)
    batches = iter(sampler)
    next(batches)
    assert said == [0]
    next(batches)
    assert said == [0, 1]


def test_no_batch_at_all_is_an_error_and_no_endless_loop() -> None:
    with pytest.raises(DataError, match="no batch"):
        Sampler(Empty(), 2, steps=3)
