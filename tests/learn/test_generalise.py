"""generalise: every test query extrapolates once, samples are of one size, and a rerun goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from negatives.errors import InputError
from negatives.learn.generalise import FIGURES, generalise
from negatives.run import mine
from negatives.schema import Collection
from tests.build import collection

TOPICS = ("wing lift air", "heat metal plate", "shell stress load", "ship wave sea")


def side(split: str, each: int) -> Collection:
    """Queries on four topics, each with the document that has its words."""
    docs = {
        f"d{t}{n}": f"{topic} {n}" + " more" * n * t
        for t, topic in enumerate(TOPICS)
        for n in range(6)
    }
    queries = {
        f"{split}{t}{n}": f"{topic} of {split} {n}"
        for t, topic in enumerate(TOPICS)
        for n in range(each)
    }
    pairs = [(query, f"d{query[-2:]}", 1) for query in queries]
    return replace(collection(docs, queries, pairs), split=split)


TRAIN, TEST = side("train", 4), side("test", 2)
SMALL = ["train.steps=1", "train.batch_size=4", "find.bm25.top=5"]


@pytest.mark.method("interpolation-extrapolation")
@pytest.mark.slow
def test_folds_test_every_query_on_both_sides(tmp_path: Path) -> None:
    def carried_out() -> dict[str, object]:
        return generalise(TRAIN, ["bm25"], tmp_path / "g", on=TEST, buckets=2, changes=SMALL)

    found = carried_out()
    assert found["relevant in training too"] == 1
    rows = found["metrics"]["nDCG@10"]  # type: ignore[index]
    assert [row["arm"] for row in rows] == ["bm25", "none"]
    for row in rows:
        assert row["extrapolation"]["queries"] == 8
        assert row["interpolation"]["queries"] == 8
        assert row["lost"] == pytest.approx(
            row["interpolation"]["value"] - row["extrapolation"]["value"]
        )
    assert {"over", "gain", "p"} <= rows[1]["extrapolation"].keys()
    told = json.loads((tmp_path / "g" / FIGURES).read_text())
    assert told["trainings"] == found["trainings"]
    assert carried_out() == found, "trainings that are done are not done again"


@pytest.mark.slow
def test_samples_are_two_trainings_of_one_size(tmp_path: Path) -> None:
    found = generalise(
        TRAIN, ["bm25"], tmp_path / "g", on=TEST, protocol="samples", size=6, changes=SMALL
    )
    near, far = found["trainings"]
    assert near == {"name": "near", "training queries": 6, "interpolation": 8}
    assert far == {"name": "far", "training queries": 6, "extrapolation": 8}


def test_what_was_mined_from_all_queries_is_refused(tmp_path: Path) -> None:
    run = mine(TRAIN, tmp_path / "run", per_query=2)
    with pytest.raises(InputError, match="run is mined already, from all of the training queries"):
        generalise(TRAIN, [run.path, "bm25"], tmp_path / "g", on=TEST)
    assert not (tmp_path / "g").exists()
