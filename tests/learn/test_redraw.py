"""Negatives that are drawn anew every epoch: evenly spread, and all in turn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import RecipeError
from negatives.learn.encoder import StaticTraining
from negatives.learn.redraw import Redraw, strided
from negatives.learn.rows import TrainingRows
from negatives.learn.train import train
from negatives.learn.training_set import TrainingSet
from tests.build import collection


@pytest.mark.recipe("t2ranking")
def test_the_page_of_t2ranking_by_hand() -> None:
    lists = [strided(np.array([10]), 3, epoch)[0].tolist() for epoch in range(4)]
    assert lists == [[0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 3, 6]]  # the last one never comes


@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.integers(1, 7))
@pytest.mark.recipe("t2ranking")
def test_over_its_epochs_a_list_gives_each_place_once(lengths: list[int], count: int) -> None:
    for row, length in enumerate(lengths):
        step = max(1, length // count)
        drawn = [strided(np.array(lengths), count, epoch)[row] for epoch in range(step)]
        places = [int(each) for each in np.concatenate(drawn) if each >= 0]
        assert len(set(places)) == len(places) == min(length, step * count)
        assert all(place < length for place in places)
        if length >= count:
            assert (np.concatenate(drawn) >= 0).all()


def examples() -> TrainingSet:
    """Two queries with six negatives each, but for the last of the second."""
    data = collection(
        {f"d{n:02}": f"text {n}" for n in range(14)},
        {"q1": "one", "q2": "two"},
        [("q1", "d00", 1), ("q2", "d01", 1)],
    )
    negatives = np.arange(2, 14, dtype=np.int32).reshape(2, 6)
    negatives[1, 5] = -1
    return TrainingSet(
        data, data.positives.to_numpy().astype(np.int32), negatives, negatives.astype(np.float32)
    )


def test_rows_have_the_negatives_of_their_epoch_and_what_is_known_of_them() -> None:
    full = examples()
    keys = full.doc_keys
    drawn = Redraw(full, 2, batches=4)
    assert drawn.at(0).negatives.tolist() == [[2, 5], [8, 10]]
    assert drawn.at(3) is drawn.at(0)
    later = drawn.at(4)
    assert later.negatives.tolist() == [[3, 6], [9, 11]]
    assert later.p_relevant.tolist() == [[3, 6], [9, 11]]
    assert later.doc_keys is keys, "what takes time is not found out again"
    assert drawn.at(0).negatives.tolist() == [[2, 5], [8, 10]], "a training may be gone on with"
    rows = TrainingRows(full)
    rows.redrawn(6, negatives=2, size=1)
    assert rows.training_set.width == 3
    assert rows.whole is full
    rows.before(2)
    assert rows.training_set.negatives.tolist() == [[3, 6], [9, 11]]


def test_settings_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(RecipeError, match="of 3 negatives every epoch cannot take 3 others"):
        StaticTraining(negatives=3, redraw=3)
    with pytest.raises(RecipeError, match="mined anew while the model is trained, and drawn anew"):
        StaticTraining(negatives=1, redraw=3, refresh=5)


@pytest.mark.slow
def test_a_training_draws_anew_in_every_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs, of = [], Redraw._of

    def noted(self: Redraw, epoch: int) -> TrainingSet:
        epochs.append(epoch)
        return of(self, epoch)

    monkeypatch.setattr(Redraw, "_of", noted)
    full = examples()
    made = []
    for name, redraw in (("anew", 6), ("same", 0)):
        settings = StaticTraining(negatives=2, redraw=redraw, batch_size=2, epochs=3)
        found = full if redraw else replace(full, negatives=full.negatives[:, :2])
        made.append(train(found, tmp_path / name, settings=settings, look=False).account)
    assert made[0]["examples"] == made[1]["examples"] == 2
    assert made[0]["steps"] == made[1]["steps"] == 3
    assert made[0]["history"] != made[1]["history"]
    assert sorted({*epochs}) == [0, 1, 2]
