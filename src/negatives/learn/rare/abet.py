"""AbeT: how far an item is from all classes, by a temperature that the classifier learns for it.

LeVine et al. 2024, "Out-of-Distribution Detection & Applications With Ablated Learned Temperature
Energy". A network's last layer h(x) gives a temperature T(x) = sigmoid(batch norm(w h + b)), in
(0, 1], and cosines c_k with a vector of each class. Cross-entropy of c / T trains all of it, on
items of the classes alone. The score is logsumexp_k(c_k / T): the energy would be T times that, and
to leave the T out is the method, for T is large where the item is of no class. Whether a made
negative looks like the texts of its domain, or like nothing, is the same question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Doubles
from negatives.errors import InputError
from negatives.learn.rare.examples import Parts, learning_part
from negatives.learn.rare.network import fit, outputs, scaled_by
from negatives.measure.thresholds import Threshold, choose_threshold
from negatives.optional import Tensor, torch

_LEAST = 1e-12
"""Added to a temperature, which is then never 0."""


def abet_score(cosines: NDArray[Any], temperature: NDArray[Any]) -> Doubles:
    """float64[n]: higher is more like the classes. cosines: float[n, classes], temperature: [n].

    The largest is subtracted before exponents are taken, so that no temperature overflows.

    >>> import numpy as np
    >>> abet_score(np.array([[0.9, 0.1, -0.2]]), np.array([0.1])).round(6).tolist()
    [9.000352]
    """
    from scipy.special import logsumexp

    t = np.asarray(temperature, np.float64)
    if not (t > 0).all():
        raise InputError("a temperature is not above 0", where="temperature", fix="give T > 0")
    return np.asarray(logsumexp(np.asarray(cosines, np.float64) / t[:, None], axis=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class AbeT:
    """A classifier whose temperature tells what is of none of its classes.

    >>> from negatives.learn.rare.abet import AbeT
    >>> AbeT(width=16)
    AbeT(width=16, epochs=60, learning_rate=0.01, missed=0.05)
    """

    width: int = 64
    """Numbers of the last layer."""
    epochs: int = 60
    learning_rate: float = 0.01
    missed: float = 0.05
    """Share of the items of the classes that the threshold may call outside."""

    def fit(self, parts: Parts, *, seed: int = 0) -> Inside:
        """Train on the part that learns; choose the threshold on `valid`, all of whose items count.

        `DataError` where `valid` has too few for a promise (`measure.thresholds`).
        """
        train = learning_part(parts, "AbeT")
        scale = scaled_by(train.vectors)
        network = TemperatureNetwork(
            train.vectors.shape[1], self.width, len(train.classes), seed=seed
        )

        def objective(said: Tensor, wanted: Tensor) -> Tensor:
            loss: Tensor = torch.nn.functional.cross_entropy(said[:, :-1] / said[:, -1:], wanted)
            return loss

        fit(
            network, (train.vectors - scale[0]) / scale[1], train.numbers, objective,
            epochs=self.epochs, learning_rate=self.learning_rate, seed=seed,
        )  # fmt: skip
        scores = Inside(network, scale, None).score(parts.valid.vectors)
        every = np.ones(len(scores), bool)
        return Inside(network, scale, choose_threshold(every, scores, max_fnr=self.missed))


@dataclass(frozen=True, slots=True)
class Inside:
    """A trained network, what it divides vectors by, and at which score an item is inside."""

    network: Any
    scale: tuple[Doubles, Doubles]
    threshold: Threshold | None

    def score(self, vectors: NDArray[Any]) -> Doubles:
        """float64[n]: AbeT of float[n, dim]; higher is more like the classes."""
        said = self.said(vectors)
        return abet_score(said[:, :-1], said[:, -1])

    def energy(self, vectors: NDArray[Any]) -> Doubles:
        """float64[n]: the score with its temperature before it, which is what AbeT leaves out."""
        said = self.said(vectors)
        return np.asarray(said[:, -1] * abet_score(said[:, :-1], said[:, -1]))

    def outside(self, vectors: NDArray[Any]) -> Bools:
        """bool[n]: whose score is below the threshold."""
        assert self.threshold is not None
        return self.score(vectors) < self.threshold.value

    def said(self, vectors: NDArray[Any]) -> Doubles:
        """float64[n, classes + 1]: cosines, and the temperature last."""
        return outputs(self.network, (vectors - self.scale[0]) / self.scale[1])


class TemperatureNetwork(torch.nn.Module):  # type: ignore[misc]
    """float[n, inputs] -> float[n, classes + 1]: cosines with each class, and the temperature.

    Its layers are bounded: with ReLU, what is far away is all the surer to be of a class.
    """

    def __init__(self, inputs: int, width: int, classes: int, *, seed: int = 0) -> None:
        super().__init__()
        nn = torch.nn
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.features = nn.Sequential(
                nn.Linear(inputs, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh()
            )
            self.heat = nn.Sequential(nn.Linear(width, 1), nn.BatchNorm1d(1), nn.Sigmoid())
            self.classes = nn.Linear(width, classes, bias=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """Cosines, and sigmoid(batch norm(w h + b)), a trifle above 0."""
        unit = torch.nn.functional.normalize
        h = self.features(vectors)
        cosines = unit(h, dim=1) @ unit(self.classes.weight, dim=1).T
        return torch.cat([cosines, self.heat(h) + _LEAST], 1)
