"""SMOTE by imbalanced-learn: where what is made lies, and what may be changed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from negatives.errors import InputError
from negatives.learn.rare.examples import Examples, Parts, split
from negatives.learn.rare.smote import Smote, prior_shift
from tests.learn.rare.toys import blobs, rare

pytest.importorskip("imblearn")


def parts_of(train: Examples) -> Parts:
    return Parts(train, train, train)


def test_what_is_made_lies_on_a_segment_between_near_items_of_its_class() -> None:
    train = split(rare(200, 0.1), seed=0).train
    own = train.vectors[train.labels]
    grown = Smote(neighbours=3).balanced(parts_of(train)).train
    made = grown.vectors[len(train) :].astype(float)
    assert len(made) == grown.made > 0
    distance = np.linalg.norm(own[:, None] - own[None], axis=2)
    nearest = np.argsort(distance, axis=1)[:, 1:4]
    for item in made:
        on_one = False
        for here, near in enumerate(nearest):
            for other in near:
                a, b = own[here].astype(float), own[other].astype(float)
                u = float((item - a) @ (b - a) / ((b - a) @ (b - a)))
                missed = np.linalg.norm(item - a - u * (b - a))
                on_one |= bool(missed < 1e-5 and -1e-5 <= u <= 1 + 1e-5)
        assert on_one


@pytest.mark.method("smote")
def test_the_worked_number_is_on_the_only_segment_that_there_is() -> None:
    # x = [1, 1], x' = [3, 2]: u = .25 gives [1.5, 1.25]; for any u, (y - 1) = (x - 1) / 2.
    train = Examples(
        np.array([[1, 1], [3, 2], *[[9, -9]] * 40], np.float32), np.array([1, 1] + [0] * 40)
    )
    made = Smote().balanced(parts_of(train)).train.vectors[42:]
    assert len(made) == 38
    assert made[:, 1] - 1 == pytest.approx((made[:, 0] - 1) / 2, abs=1e-6)
    assert ((made[:, 0] >= 1) & (made[:, 0] <= 3)).all()
    assert np.ptp(made[:, 0]) > 1


def test_classes_are_equal_after_it_and_items_as_they_were_come_first() -> None:
    train = blobs([[0, 0], [3, 0], [0, 3]], [50, 12, 1])
    grown = Smote().balanced(parts_of(train)).train
    assert grown.counts == {0: 50, 1: 50, 2: 50}
    assert (grown.vectors[:63] == train.vectors).all()
    assert (grown.labels[:63] == train.labels).all()
    alone = grown.vectors[63:][grown.labels[63:] == 2]
    assert (alone == train.vectors[62]).all()  # a class of one is copied
    assert Smote(share=0.5).balanced(parts_of(train)).train.counts == {0: 50, 1: 25, 2: 25}


def test_the_parts_that_choose_and_test_stay_as_they_were() -> None:
    parts = split(rare(200, 0.1))
    grown = Smote().balanced(parts)
    assert grown.valid is parts.valid
    assert grown.test is parts.test
    with pytest.raises(InputError, match="made before"):
        Smote().balanced(grown)


def test_what_was_not_split_is_refused() -> None:
    whole = rare(40)
    with pytest.raises(InputError, match="SMOTE is given items that were not split"):
        Smote().balanced(whole)  # type: ignore[arg-type]


def test_the_same_seed_makes_the_same_and_lengths_are_kept_where_asked() -> None:
    parts = split(rare(200, 0.1))
    first, same, other = (Smote().balanced(parts, seed=n).train.vectors for n in (0, 0, 1))
    assert (first == same).all()
    assert (first != other).any()
    made = Smote(unit_length=True).balanced(parts).train
    lengths = np.linalg.norm(made.vectors[-made.made :], axis=1)
    assert lengths == pytest.approx(np.ones(made.made), abs=1e-5)


def test_the_shift_of_logits_turns_a_balanced_share_into_the_true_one() -> None:
    assert prior_shift(0.1, 0.5) == pytest.approx(-2.197225, abs=1e-6)
    assert 1 / (1 + math.exp(-prior_shift(0.1, 0.5))) == pytest.approx(0.1)
    with pytest.raises(InputError):
        prior_shift(0.0, 0.5)
