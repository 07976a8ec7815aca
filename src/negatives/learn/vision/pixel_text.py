"""A class for each pixel, by cosines of its vector with vectors of names.

Rao et al. 2022, "DenseCLIP: Language-Guided Dense Prediction with Context-Aware Prompting". Of each
pixel every other name is a negative. Reconstructed from the abstract: score maps and their loss; a
model of four convolutions and frozen names instead of CLIP, and no prompting by the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Doubles, Floats
from negatives.errors import InputError
from negatives.learn.rare.network import fit
from negatives.optional import Tensor, torch


def score_maps(pixels: Tensor, names: Tensor) -> Tensor:
    """float[n, classes, height, width]: cosines of float[n, dim, height, width] and [classes, dim].

    >>> from negatives.optional import torch
    >>> score_maps(torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1), torch.eye(2)).flatten().tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    unit = torch.nn.functional.normalize
    maps: Tensor = torch.einsum("ndhw,cd->nchw", unit(pixels, dim=1), unit(names, dim=1))
    return maps


def matching_loss(maps: Tensor, wanted: Tensor, *, temperature: float = 0.07) -> Tensor:
    """Cross-entropy of each pixel's class, int64[n, height, width]; below 0: not counted.

    `InputError` where no pixel counts.
    """
    counted = wanted >= 0
    if not bool(counted.any()):
        raise InputError(
            "no pixel has a class", where="wanted", fix="give classes of 0 or above to some"
        )
    logits = maps.permute(0, 2, 3, 1)[counted] / temperature
    loss: Tensor = torch.nn.functional.cross_entropy(logits, wanted[counted])
    return loss


def overlap(found: NDArray[Any], wanted: NDArray[Any], classes: int) -> float:
    """Mean intersection over union of the classes that are wanted anywhere; pixels below 0 aside.

    >>> import numpy as np
    >>> overlap(np.array([[0, 1, 1, 1]]), np.array([[0, 0, 1, -1]]), 2)
    0.5
    """
    counted = wanted >= 0
    said, right = found[counted], wanted[counted]
    shares = []
    for each in range(classes):
        either = ((said == each) | (right == each)).sum()
        if (right == each).any():
            shares.append(((said == each) & (right == each)).sum() / either)
    return float(np.mean(shares))


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelText:
    """Convolutions whose outputs are compared with frozen vectors of the names of classes."""

    width: int = 32
    epochs: int = 30
    temperature: float = 0.07

    def fit(
        self, images: NDArray[Any], wanted: NDArray[Any], names: Floats, *, seed: int = 0
    ) -> Segmenter:
        """Of float[n, height, width] and classes int64[n, height, width]; names: [classes, dim]."""
        frozen = torch.as_tensor(np.asarray(names, np.float32))
        network = _convolutions(self.width, frozen.shape[1], seed)

        def objective(said: Tensor, labels: Tensor) -> Tensor:
            return matching_loss(score_maps(said, frozen), labels, temperature=self.temperature)

        fit(
            network, images[:, None], wanted, objective, epochs=self.epochs, batch=32,
            learning_rate=0.003, seed=seed,
        )  # fmt: skip
        return Segmenter(network, frozen)


@dataclass(frozen=True, slots=True)
class Segmenter:
    """A trained network, and the names it was trained with."""

    network: Any
    names: Tensor

    def maps(self, images: NDArray[Any], names: Floats | None = None) -> Doubles:
        """float64[n, classes, height, width]; of other names, where they are given."""
        wanted = self.names if names is None else torch.as_tensor(np.asarray(names, np.float32))
        with torch.no_grad():
            said = self.network(torch.as_tensor(np.asarray(images, np.float32))[:, None])
            found: Doubles = score_maps(said, wanted).double().numpy()
        return found


def _convolutions(width: int, dim: int, seed: int) -> Any:
    """float[n, 1, height, width] -> float[n, dim, height, width], by the seed alone."""
    nn = torch.nn
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1), nn.GELU(),
            nn.Conv2d(width, width, 3, padding=2, dilation=2), nn.GELU(),
            nn.Conv2d(width, dim, 1),
        )  # fmt: skip
