"""A class and a transformation of the image as one label, and inference over all of them.

Lee, Hwang and Shin 2020, "Self-supervised Label Augmentation via Input Transformations". To call a
turned image by its class alone asks a model not to see the turn, and a 6 that is turned round is a
9. Here each of T turns of each of C classes is a label of its own, so that a turned 6 is a negative
of 6 as it stands. Reconstructed from the abstract, with quarter turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Doubles, Places
from negatives.errors import InputError
from negatives.learn.rare.network import fit, outputs, small
from negatives.optional import torch

TURNS: Final = 4


def turned(images: NDArray[Any]) -> NDArray[Any]:
    """float[4, n, size, size]: square images as they are, and by one, two and three quarter turns.

    >>> import numpy as np
    >>> turned(np.array([[[1, 2], [3, 4]]]))[1].tolist()
    [[[2, 4], [1, 3]]]
    """
    if images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise InputError(
            f"images of shape {images.shape}", where="images", fix="give float[n, size, size]"
        )
    return np.stack([np.rot90(images, turn, axes=(1, 2)) for turn in range(TURNS)])


def joint(classes: Places, turn: Places | int) -> Places:
    """int64: the label of a class and a turn."""
    return np.asarray(classes, np.int64) * TURNS + turn


def aggregated(logits: NDArray[Any]) -> Doubles:
    """float64[n, classes]: probabilities by all turns of an image together.

    `logits`: float[turns, n, classes * turns], of joint labels. Of each turned image the logits of
    its own turn count; their mean over the turns goes through one softmax.

    >>> import numpy as np
    >>> one_class_each = np.zeros((4, 1, 8)); one_class_each[:, :, :4] = 2.0
    >>> aggregated(one_class_each).round(3).tolist()
    [[0.881, 0.119]]
    """
    from scipy.special import softmax

    turns, count = logits.shape[:2]
    by_class = np.asarray(logits, np.float64).reshape(turns, count, -1, turns)
    own = by_class[np.arange(turns), :, :, np.arange(turns)]
    return np.asarray(softmax(own.mean(0), axis=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class JointLabels:
    """A small network of joint labels."""

    width: int = 64
    epochs: int = 60

    def fit(self, images: NDArray[Any], classes: Places, *, seed: int = 0) -> Seen:
        """Train on every turn of every image; classes are 0, 1, 2 and so on."""
        many = turned(images)
        labels = np.concatenate([joint(classes, turn) for turn in range(TURNS)])
        count = int(classes.max(initial=-1)) + 1
        inputs = images.shape[1] * images.shape[2]
        network = small(inputs, count * TURNS, width=self.width, seed=seed)
        flat = many.reshape(len(labels), inputs)
        fit(
            network, flat, labels, torch.nn.functional.cross_entropy,
            epochs=self.epochs, seed=seed,
        )  # fmt: skip
        return Seen(network)


@dataclass(frozen=True, slots=True)
class Seen:
    """A trained network of joint labels."""

    network: Any

    def logits(self, images: NDArray[Any]) -> Doubles:
        """float64[turns, n, classes * turns]"""
        many = turned(images)
        found = outputs(self.network, many.reshape(TURNS * len(images), -1))
        return found.reshape(TURNS, len(images), -1)

    def by_all_turns(self, images: NDArray[Any]) -> Doubles:
        """float64[n, classes]: the aggregated inference of the paper, four times as dear."""
        return aggregated(self.logits(images))

    def as_they_stand(self, images: NDArray[Any]) -> Doubles:
        """float64[n, classes]: of the images alone, among labels of no turn."""
        from scipy.special import softmax

        found = self.logits(images)[0]
        return np.asarray(softmax(found.reshape(len(images), -1, TURNS)[:, :, 0], axis=1))
