"""Joint labels, targets of names, documents and pseudolabels: by hand, by loops, and on toys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from negatives.arrays import Doubles, Places
from negatives.errors import DataError, InputError
from negatives.models.open_encoder import open_encoder

torch = pytest.importorskip("torch")

from negatives.learn.vision.documents import DocumentTargets, attended, focus_loss  # noqa: E402
from negatives.learn.vision.joint_labels import (  # noqa: E402
    TURNS,
    JointLabels,
    aggregated,
    joint,
    turned,
)
from negatives.learn.vision.language_targets import (  # noqa: E402
    Learner,
    target_loss,
    targets_of,
)
from negatives.learn.vision.pseudolabels import Pseudolabels, surest  # noqa: E402


def bars(count: int, seed: int = 0) -> tuple[Doubles, Places]:
    """Images of a bar at the top, or of a dot at the left of the middle; with some noise."""
    draw = np.random.default_rng(seed)
    classes = draw.integers(0, 2, count)
    images = draw.normal(0, 0.1, (count, 4, 4))
    images[classes == 0, 0] += 1
    images[classes == 1, 2, 0] += 1
    return images, classes


# ---- joint labels --------------------------------------------------------------------------------


def test_four_turns_are_the_image_again_and_labels_differ() -> None:
    images = np.arange(32.0).reshape(2, 4, 4)
    many = turned(images)
    assert (turned(many[1])[3] == images).all()
    assert (turned(many[2])[2] == images).all()
    labels = np.concatenate([joint(np.arange(3), turn) for turn in range(TURNS)])
    assert sorted(labels.tolist()) == list(range(12))
    with pytest.raises(InputError, match="shape"):
        turned(np.zeros((2, 4, 5)))


@pytest.mark.method("joint-label-augmentation")
@given(arrays(np.float64, (4, 3, 8), elements=st.floats(-20, 20)))
def test_inference_over_all_turns_is_as_by_loops(logits: Doubles) -> None:
    found = aggregated(logits)
    for row in range(3):
        mean = [sum(logits[turn, row, cls * 4 + turn] for turn in range(4)) / 4 for cls in range(2)]
        parts = np.exp(np.array(mean) - max(mean))
        assert found[row] == pytest.approx(parts / parts.sum())


def test_a_network_of_joint_labels_learns_classes_and_turns() -> None:
    train, test = bars(40), bars(100, seed=1)
    model = JointLabels(width=16, epochs=30).fit(*train)
    assert (model.by_all_turns(test[0]).argmax(1) == test[1]).mean() > 0.95
    assert (model.as_they_stand(test[0]).argmax(1) == test[1]).mean() > 0.9
    own = model.logits(test[0])[1].argmax(1)
    assert (own == joint(test[1], 1)).mean() > 0.8, "it knows by how much an image is turned"


# ---- language targets ----------------------------------------------------------------------------


def test_names_have_vectors_of_their_own_or_are_refused() -> None:
    encoder = open_encoder("static")
    found = targets_of(["zero", "one", "two"], encoder)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    with pytest.raises(InputError, match="'one' has no vector of its own"):
        targets_of(["zero", "one", "One"], encoder)


@pytest.mark.method("language-targets")
def test_the_targets_stay_and_the_loss_has_the_slope_of_finite_differences() -> None:
    draw = torch.Generator().manual_seed(0)
    vectors = torch.randn(4, 3, generator=draw, dtype=torch.float64, requires_grad=True)
    targets = torch.eye(3, dtype=torch.float64, requires_grad=True)
    wanted = torch.tensor([0, 1, 2, 0])
    assert torch.autograd.gradcheck(lambda each: target_loss(each, wanted, targets), (vectors,))
    target_loss(vectors, wanted, targets).backward()
    assert targets.grad is None
    # Of two classes at right angles: cosine 1 and 0 at temperature 0.5.
    two = target_loss(torch.tensor([[3.0, 0.0]]), torch.tensor([0]), torch.eye(2), temperature=0.5)
    assert two.item() == pytest.approx(np.log(1 + np.exp(-2)), abs=1e-6)


def test_a_learner_tells_its_classes_and_answers_among_those_asked_about() -> None:
    images, classes = bars(60)
    flat = images.reshape(len(images), -1)
    learner = Learner.begun(16, np.eye(3, 8, dtype=np.float32), width=16)
    learner.task(flat, classes)
    cosines = learner.cosines(flat)
    assert (cosines.argmax(1) == classes).mean() > 0.95
    last = learner.cosines(flat, among=np.array([False, False, True]))
    assert (last.argmax(1) == 2).all()
    with pytest.raises(DataError, match="of 1 classes"):
        learner.task(flat[classes == 0], classes[classes == 0])


# ---- pseudolabels --------------------------------------------------------------------------------


@pytest.mark.method("pseudolabels")
@given(
    arrays(np.float64, (7, 3), elements=st.integers(0, 4).map(float)), st.integers(1, 8)
)  # fmt: skip
def test_the_surest_are_those_that_loops_find(scores: Doubles, each: int) -> None:
    claims: dict[int, list[int]] = {}
    for cls in range(3):
        for row in sorted(range(7), key=lambda row: (-scores[row, cls], row))[:each]:
            claims.setdefault(row, []).append(cls)
    expected = {
        row: min(classes, key=lambda cls: (-scores[row, cls], cls))
        for row, classes in claims.items()
    }
    rows, classes = surest(scores, each)
    assert dict(zip(rows.tolist(), classes.tolist(), strict=True)) == expected
    assert rows.tolist() == sorted(expected)


def test_no_class_is_given_more_than_others_where_one_is_always_preferred() -> None:
    scores = np.random.default_rng(0).random((100, 2))
    scores[:, 0] += 2
    assert (scores.argmax(1) == 0).all()
    rows, classes = surest(scores, 10)
    both = np.intersect1d(np.argsort(-scores[:, 0])[:10], np.argsort(-scores[:, 1])[:10])
    assert np.bincount(classes).tolist() == [10, 10 - len(both)]
    assert len(np.unique(rows)) == len(rows)
    with pytest.raises(InputError, match="finite"):
        surest(np.full((2, 2), np.nan), 1)


def test_rounds_take_as_many_as_their_way_says_and_learn_from_the_last() -> None:
    taken: list[int] = []

    def learn(rows: Places, classes: Places) -> Doubles:
        taken.append(len(rows))
        made = np.zeros((40, 2))
        made[np.arange(40), (np.arange(40) >= 20).astype(int)] = 1
        return made

    draw = np.random.default_rng(0).random((40, 1))
    draw = np.concatenate([draw, 1 - draw], axis=1)
    for way, expected in (("few", [4]), ("iterative", [4, 4]), ("growing", [20, 40])):
        taken.clear()
        chosen = Pseudolabels(way=way, each=2, rounds=2)  # type: ignore[arg-type]
        last = [*chosen.run(draw, learn)][-1]
        assert len(taken) == len(expected)
        assert taken[-1] == expected[-1]
        assert last[:, 0].sum() == 20


# ---- documents -----------------------------------------------------------------------------------


@pytest.mark.method("document-supervision")
def test_attention_by_hand_and_none_to_what_is_not_there() -> None:
    images = torch.tensor([[1.0, 0.0]])
    sentences = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.6, 0.8], [1.0, 0.0]]])
    there = torch.tensor([[True, True], [True, False]])
    scores, shares = attended(images, sentences, there, sharpness=np.log(3))
    assert shares[0].tolist() == [pytest.approx([0.75, 0.25]), pytest.approx([1.0, 0.0])]
    assert scores[0].tolist() == pytest.approx([0.75, 0.6])
    by_hand = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert focus_loss(shares, torch.tensor([0])).item() == pytest.approx(by_hand, abs=1e-6)
    assert focus_loss(shares, torch.tensor([1])).item() == pytest.approx(0, abs=1e-6)


def test_what_is_seen_is_told_and_a_class_without_a_sentence_is_refused() -> None:
    images, classes = bars(60)
    flat, encoder = images.reshape(len(images), -1), open_encoder("static")
    documents = [["A bar at the top.", "It costs little."], ["A dot."], ["A ring."]]
    model = DocumentTargets(width=16, epochs=20).fit(flat, classes, documents, encoder)
    scores = model.scores(flat)
    assert scores.shape == (60, 3)
    assert (scores[:, :2].argmax(1) == classes).mean() > 0.95
    assert model.shares(flat).sum(2) == pytest.approx(np.ones((60, 3)), abs=1e-5)
    assert (model.shares(flat)[:, 1, 1] == 0).all()
    with pytest.raises(InputError, match="no sentence"):
        DocumentTargets().fit(flat, classes, [["a"], []], encoder)
