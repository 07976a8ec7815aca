"""Classes by frozen vectors of their names, instead of a head that is learned.

Ni et al. 2024, "Enhancing Visual Continual Learning with Language-Guided Supervision". A head that
is learned for the classes of one task is moved by the next; targets that a text encoder gives stay,
and those of classes to come are there before them. Reconstructed from the abstract: its loss is
cross-entropy of cosines divided by a temperature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Doubles, Floats, Places
from negatives.errors import InputError
from negatives.learn.rare.network import fit, outputs, small
from negatives.models.encoder import Encoder
from negatives.optional import Tensor, torch
from negatives.stats.lengths import normalised


def targets_of(names: Sequence[str], encoder: Encoder) -> Floats:
    """float32[classes, dim] of length 1; `InputError` where two names have one vector, or none."""
    made = np.asarray(encoder.encode(list(names)).vectors, np.float32)
    lengths = np.linalg.norm(made, axis=1)
    unit = normalised(made)
    near = unit @ unit.T > 1 - 1e-6
    np.fill_diagonal(near, False)
    bad = np.flatnonzero((lengths == 0) | near.any(1))
    if len(bad):
        raise InputError(
            f"{names[bad[0]]!r} has no vector of its own",
            where="names",
            fix="give names, or sentences, that the encoder tells apart",
        )
    return unit


def target_loss(
    vectors: Tensor, wanted: Tensor, targets: Tensor, *, temperature: float = 0.1
) -> Tensor:
    """Cross-entropy of cosines with the targets, of float[n, dim] and int64[n]; one number.

    >>> from negatives.optional import torch
    >>> two = torch.eye(2)
    >>> round(float(target_loss(2 * two, torch.tensor([0, 1]), two, temperature=1.0)), 6)
    0.313262
    """
    cosines = torch.nn.functional.normalize(vectors, dim=1) @ targets.detach().T
    loss: Tensor = torch.nn.functional.cross_entropy(cosines / temperature, wanted)
    return loss


@dataclass(slots=True)
class Learner:
    """A network whose outputs are drawn to frozen targets, task after task."""

    targets: Floats
    network: Any
    temperature: float = 0.1

    @classmethod
    def begun(cls, inputs: int, targets: Floats, *, width: int = 64, seed: int = 0) -> Learner:
        """Of float[n, inputs]; nothing is learned yet."""
        return cls(targets, small(inputs, targets.shape[1], width=width, seed=seed))

    def task(
        self, vectors: NDArray[Any], classes: Places, *, epochs: int = 30, seed: int = 0
    ) -> Learner:
        """Learn some classes; what was learned of others stays as far as it does."""
        frozen = torch.as_tensor(self.targets)

        def objective(said: Tensor, wanted: Tensor) -> Tensor:
            return target_loss(said, wanted, frozen, temperature=self.temperature)

        fit(self.network, vectors, classes, objective, epochs=epochs, seed=seed)
        return self

    def cosines(self, vectors: NDArray[Any], *, among: Bools | None = None) -> Doubles:
        """float64[n, classes]; -1 for classes that are not `among` those asked about."""
        found = outputs(self.network, vectors)
        made = normalised(found.astype(np.float32)).astype(np.float64) @ self.targets.T
        return made if among is None else np.where(among, made, -1.0)
