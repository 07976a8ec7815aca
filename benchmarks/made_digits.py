"""The functions of `learn.vision` on the digits of scikit-learn: small figures of each."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from negatives.arrays import Doubles, Floats, Places
from negatives.learn.rare.network import fit, outputs, small
from negatives.learn.vision.correspondence import agreeing, found_flow, negative_weights, warped
from negatives.learn.vision.documents import DocumentTargets
from negatives.learn.vision.joint_labels import JointLabels, turned
from negatives.learn.vision.language_targets import Learner, targets_of
from negatives.learn.vision.pixel_text import PixelText, overlap
from negatives.learn.vision.pseudolabels import Pseudolabels, surest
from negatives.models.open_encoder import open_encoder

NAMES: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DOCUMENTS: Final = (
    ("A single closed ring, empty in the middle.", "It is even, and no number divides by it."),
    ("A single upright stroke.", "It divides every number."),
    ("A curve at the top and a flat stroke at the bottom.", "It is the only even prime."),
    ("Two curves, one above the other, open to the left.", "It is the first odd prime."),
    ("Straight strokes that cross, open at the top.", "It is two times two."),
    ("A flat stroke at the top and a curve at the bottom.", "It is the number of fingers."),
    ("A closed ring at the bottom, with a curve at the top.", "It is two times three."),
    ("A flat stroke at the top and a slanted stroke.", "It is the number of days in a week."),
    ("Two closed rings, one above the other.", "It is two times four."),
    ("A closed ring at the top, with an upright stroke.", "It is three times three."),
)
"""Of each digit what can be seen, and then what cannot."""


@cache
def digits() -> tuple[Doubles, Places]:
    """float64[1797, 8, 8] in 0 .. 1, and their classes."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    return images.reshape(-1, 8, 8) / 16.0, classes.astype(np.int64)


def few(each: int, seed: int) -> tuple[Places, Places]:
    """Rows of so many images of each class, and the other rows."""
    _, classes = digits()
    order = np.random.default_rng(seed).permutation(len(classes))
    kept = np.concatenate([order[classes[order] == digit][:each] for digit in range(10)])
    return kept, np.setdiff1d(order, kept)


def share(found: NDArray[Any], right: NDArray[Any]) -> float:
    """How often the highest score is of the right class."""
    return float((found.argmax(1) == right).mean())


def plain(images: Doubles, classes: Places, epochs: int, seed: int) -> Any:
    """A small network of the classes, by cross-entropy."""
    network = small(64, 10, width=64, seed=seed)
    flat = images.reshape(-1, 64)
    fit(network, flat, classes, torch.nn.functional.cross_entropy, epochs=epochs, seed=seed)
    return network


def joint_label_augmentation(seed: int) -> dict[str, float]:
    """Accuracy on the other images, five of each class with a label."""
    images, classes = digits()
    kept, others = few(5, seed)
    seen, right = images[others], classes[others]
    flat = seen.reshape(-1, 64)
    many = turned(images[kept]).reshape(-1, 8, 8)
    joint = JointLabels().fit(images[kept], classes[kept], seed=seed)
    return {
        "classes alone": share(outputs(plain(images[kept], classes[kept], 240, seed), flat), right),
        "turned images, classes alone": share(
            outputs(plain(many, np.tile(classes[kept], 4), 60, seed), flat), right
        ),
        "joint labels, images as they stand": share(joint.as_they_stand(seen), right),
        "joint labels, all turns": share(joint.by_all_turns(seen), right),
    }


def language_targets(seed: int) -> dict[str, float]:
    """Accuracy among all ten classes after five tasks of two, and how much of what was known of a
    task right after it is lost in the end.
    """
    kept, others = few(40, seed)
    names = targets_of(NAMES, open_encoder("static"))
    draw = np.random.default_rng(seed)
    chance = draw.standard_normal(names.shape).astype(np.float32)
    chance /= np.linalg.norm(chance, axis=1, keepdims=True)
    found: dict[str, float] = {}
    targets = {"a learned head": None, "frozen by chance": chance, "vectors of names": names}
    tasks = draw.permutation(10).reshape(5, 2)
    for memory in (0, 5):
        for arm, given in targets.items():
            accuracy, lost = after_tasks(given, tasks, kept, others, memory, seed)
            name = f"{arm}, {memory} images of each earlier class kept" if memory else arm
            found |= {name: accuracy, f"{name}: lost": lost}
    return found


def after_tasks(
    targets: Floats | None,
    tasks: NDArray[Any],
    kept: Places,
    others: Places,
    memory: int,
    seed: int,
) -> tuple[float, float]:
    """Accuracy among all classes after the last task, and what is lost of the earlier ones."""
    images, classes = digits()
    flat = images.reshape(-1, 64)
    learner = None if targets is None else Learner.begun(64, targets, seed=seed)
    head = small(64, 10, width=64, seed=seed)

    def accuracy(task: NDArray[Any]) -> float:
        rows = others[np.isin(classes[others], task)]
        scores = outputs(head, flat[rows]) if learner is None else learner.cosines(flat[rows])
        return share(scores, classes[rows])

    after: list[float] = []
    held = np.empty(0, np.int64)
    for task in tasks:
        new = kept[np.isin(classes[kept], task)]
        rows = np.concatenate([new, held])
        if learner is None:
            objective = torch.nn.functional.cross_entropy
            fit(head, flat[rows], classes[rows], objective, epochs=15, seed=seed)
        else:
            learner.task(flat[rows], classes[rows], epochs=15, seed=seed)
        after.append(accuracy(task))
        held = np.concatenate([held, *(new[classes[new] == each][:memory] for each in task)])
    lost = [before - accuracy(task) for before, task in zip(after[:-1], tasks[:-1], strict=True)]
    return accuracy(np.arange(10)), float(np.mean(lost))


def pseudolabels(seed: int) -> dict[str, float]:
    """Accuracy on all images, and of the worst class. No model sees digits unlabelled here: what
    begins is the likeness to one image of each class.
    """
    images, classes = digits()
    flat = images.reshape(-1, 64)
    kept, _ = few(1, seed)
    unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    begun = unit @ unit[kept].T

    def worst(found: Doubles) -> float:
        return min(share(found[classes == each], classes[classes == each]) for each in range(10))

    def learn(rows: Places, given: Places) -> Doubles:
        return outputs(plain(images[rows], given, 20, seed), flat)

    ways = {
        "once, 16 of each class": Pseudolabels(way="few"),
        "16 of each class, five rounds": Pseudolabels(way="iterative"),
        "growing, five rounds": Pseudolabels(way="growing"),
    }
    found = {"before": share(begun, classes), "before, worst class": worst(begun)}
    order = np.argsort(-begun.max(1), kind="stable")[:160]
    anyhow = learn(order, begun[order].argmax(1))
    found |= {"once, the surest 160": share(anyhow, classes)}
    found |= {"once, the surest 160, worst class": worst(anyhow)}
    rows, given = surest(begun, 16)
    found["labels of the first round that are right"] = float((classes[rows] == given).mean())
    for name, way in ways.items():
        last = [*way.run(begun, learn)][-1]
        found |= {name: share(last, classes), f"{name}, worst class": worst(last)}
    return found


def document_supervision(seed: int) -> dict[str, float]:
    """Accuracy between two classes that were not seen (chance: 0.5), mean of three pairs."""
    images, classes = digits()
    flat = images.reshape(-1, 64)
    encoder = open_encoder("static")
    pairs = np.random.default_rng(seed).permutation(10).reshape(5, 2)[:3]
    arms = {
        "names": ([[name] for name in NAMES], 0.0),
        "documents": (DOCUMENTS, 0.0),
        "documents, focus loss": (DOCUMENTS, 0.1),
        "documents without what cannot be seen": ([each[:1] for each in DOCUMENTS], 0.0),
    }
    found = {}
    for arm, (documents, focus) in arms.items():
        right, looked = [], []
        for pair in pairs:
            new = np.isin(classes, pair)
            model = DocumentTargets(focus=focus, epochs=8).fit(
                flat[~new], classes[~new], documents, encoder, seed=seed
            )
            scores = model.scores(flat[new])[:, pair]
            right.append(float((pair[scores.argmax(1)] == classes[new]).mean()))
            shares = model.shares(flat[new])
            looked.append(float(shares[np.arange(new.sum()), classes[new], 0].mean()))
        found[arm] = float(np.mean(right))
        if focus or arm == "documents":
            found[f"{arm}, attention to what can be seen"] = float(np.mean(looked))
    return found


def composites(count: int, rows: Places, seed: int) -> tuple[Doubles, Places]:
    """float64[count, 16, 16] of four digits, and each pixel's class; 10: paper."""
    images, classes = digits()
    chosen = np.random.default_rng(seed).choice(rows, (count, 2, 2))
    whole = images[chosen].transpose(0, 1, 3, 2, 4).reshape(count, 16, 16)
    label = np.broadcast_to(classes[chosen][..., None, None], (count, 2, 2, 8, 8))
    label = label.transpose(0, 1, 3, 2, 4).reshape(count, 16, 16)
    return whole, np.where(whole > 0.25, label, 10).astype(np.int64)


def pixel_text_matching(seed: int) -> dict[str, float]:
    """Mean intersection over union of ten digits and paper, four digits an image."""
    order = np.random.default_rng(seed).permutation(len(digits()[0]))
    train, test = composites(200, order[:1200], seed), composites(100, order[1200:], seed + 100)
    names = targets_of([*NAMES, "paper"], open_encoder("static"))
    found = {}
    for arm, targets in (("one direction a class", np.eye(11, 64)), ("vectors of names", names)):
        model = PixelText(epochs=10).fit(*train, targets.astype(np.float32), seed=seed)
        maps = model.maps(test[0])
        found[arm] = overlap(maps.argmax(1), test[1], 11)
    found["all paper"] = overlap(np.full_like(test[1], 10), test[1], 11)
    return found


def gemini(seed: int) -> dict[str, float]:
    """Digits 16 pixels wide and the same under a smooth warp of up to three pixels, whose true
    places are known. Of the weight of a place's negatives, how much lies within 1.5 pixels of the
    true one: these are false.
    """
    images, _ = digits()
    draw = np.random.default_rng(seed)
    first = np.kron(images[draw.choice(len(images), 24, replace=False)], np.ones((2, 2)))
    axis = np.linspace(0, np.pi, 16)
    wave = np.sin(axis)[:, None] * np.sin(axis)[None, :]
    size = draw.uniform(-3, 3, (24, 2, 1, 1))
    there = size * wave
    one = torch.as_tensor(first)[:, None]
    second = warped(one, torch.as_tensor(there))[:, 0].numpy()
    # `second` at x is `first` at x + there(x): the flow is that from `second` to `first`.
    flow, back = found_flow(second, first), found_flow(first, second)
    ink = second > 0.25
    error = np.sqrt(((flow - there) ** 2).sum(1))
    still = np.sqrt((there**2).sum(1) * np.ones((24, 16, 16)))
    sure = agreeing(flow, back) & ink
    grid = np.stack(np.meshgrid(np.arange(16.0), np.arange(16.0)), -1)
    places = grid.reshape(-1, 2)
    false: dict[str, list[float]] = {"all others": [], "hard, by the flow": [], "soft": []}
    for number in range(24):
        at = ink[number]
        truth = (grid + there[number].transpose(1, 2, 0))[at]
        matched = (grid + flow[number].transpose(1, 2, 0))[at]
        near = ((truth[:, None] - places[None]) ** 2).sum(-1) <= 1.5**2
        weights = {
            "all others": negative_weights(places, grid[at], spread=0.0, band=0.0),
            "hard, by the flow": negative_weights(places, np.rint(matched), spread=0.0, band=0.0),
            "soft": negative_weights(places, matched),
        }
        for name, weight in weights.items():
            false[name].append(float((weight * near).sum() / weight.sum()))
    return {
        "pixels off without a flow": float(still[ink].mean()),
        "pixels off with it": float(error[ink].mean()),
        "pixels off, where both flows agree": float(error[sure].mean()),
        "share that agrees": float(sure.sum() / ink.sum()),
        **{
            f"false share of negatives: {name}": float(np.mean(each))
            for name, each in false.items()
        },
    }


DIGITS: Final = {
    "joint-label-augmentation": joint_label_augmentation,
    "language-targets": language_targets,
    "pseudolabels": pseudolabels,
    "document-supervision": document_supervision,
    "pixel-text-matching": pixel_text_matching,
    "gemini": gemini,
}
"""Of each method what is measured of a seed."""
