"""OVOR: items just outside of all classes are made, and a head learns to be unsure of them.

Huang et al., ICLR 2024, after NPOS (Tao et al. 2023). Of the items the `boundary` ones that are
farthest from their k-th neighbour get Gaussian offsets; what falls among the items is dropped, and
of the rest those farthest from the items are kept. With the energy E(z) = -logsumexp(logits(z)),

    loss = cross-entropy + weight (huber(relu(E_in - inside)) + huber(relu(outside - E_out)))

The paper's code draws around the origin, since it forgets to add the boundary, and compares
distances of vectors that are scaled with those of others that are not; here both are mended.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Doubles, Floats, Places
from negatives.chance import stream_key
from negatives.errors import DataError, InputError
from negatives.learn.rare.examples import Parts, learning_part
from negatives.learn.rare.network import fit, outputs, small
from negatives.optional import Tensor, torch
from negatives.stats.lengths import normalised


@dataclass(frozen=True, slots=True)
class Outliers:
    """`vectors`: float32[m, dim]; `boundary`: the item that each was made from."""

    vectors: Floats
    boundary: Places


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualOutliers:
    """How outliers are made, and how a head is trained with them; the defaults are the paper's."""

    neighbours: int = 50
    boundary: int = 50
    """Items, those farthest from their neighbours, from which outliers are made."""
    offsets: int = 600
    """Offsets drawn for each of them."""
    spread: float = 0.1
    """Standard deviation of each number of an offset."""
    per_class: int = 40
    """Outliers kept for each class."""
    quantile: float = 1.0
    """Which of the outliers are kept: the farthest of this share of them; less is harder."""
    unit_length: bool = True
    """Whether items are scaled to length 1 first, which they stay near then."""
    weight: float = 0.1
    energies: tuple[float, float] | None = None
    """Energy that items shall have at most, and outliers at least (the paper: -15, -3); None: the
    median and the 99th percentile of the items' own, before they were trained with outliers."""

    def __post_init__(self) -> None:
        if min(self.neighbours, self.boundary, self.offsets, self.per_class) < 1:
            raise InputError("a count of 0", fix="give 1 or more of each")
        if self.spread < 0 or not 0 < self.quantile <= 1:
            raise InputError("a spread below 0, or no quantile", fix="0 or more; above 0 to 1")

    def around(self, vectors: Floats, *, classes: int = 1, seed: int = 0) -> Outliers:
        """Outliers of items float32[n, dim]: at most `per_class` for each class.

        None is nearer to its k-th neighbour than half of the items are to theirs. `DataError` where
        nothing falls outside, or there are fewer items than neighbours.
        """
        from sklearn.neighbors import NearestNeighbors

        if len(vectors) <= self.neighbours:
            raise DataError(
                f"{len(vectors):,} items, and {self.neighbours:,} neighbours of each",
                where="neighbours",
                fix="ask for fewer neighbours",
            )
        items = self.placed(vectors)
        index = NearestNeighbors().fit(items)
        own = index.kneighbors(n_neighbors=self.neighbours)[0][:, -1]  # without the item itself
        edge = np.argsort(-own, kind="stable")[: self.boundary]
        chance = np.random.Generator(np.random.PCG64(int(stream_key(seed, "rare/outliers"))))
        offsets = chance.normal(scale=self.spread, size=(len(edge), self.offsets, items.shape[1]))
        drawn = (items[edge][:, None] + offsets).astype(np.float32).reshape(-1, items.shape[1])
        distance = index.kneighbors(drawn, n_neighbors=self.neighbours)[0][:, -1]
        out = np.flatnonzero(distance >= np.median(own))
        if not len(out):
            raise DataError(
                "all offsets fall among the items", where="spread", fix="raise the spread"
            )
        out = out[np.argsort(distance[out], kind="stable")]
        end = max(math.ceil(self.quantile * len(out)), min(self.per_class * classes, len(out)))
        kept = out[max(0, end - self.per_class * classes) : end]
        return Outliers(drawn[kept], edge[kept // self.offsets])

    def placed(self, vectors: NDArray[Any]) -> Floats:
        """Where items are: scaled to length 1, or as they were given."""
        return normalised(vectors) if self.unit_length else np.asarray(vectors, np.float32)

    def fit(self, parts: Parts, *, epochs: int = 60, width: int = 32, seed: int = 0) -> Head:
        """A head trained on the part that learns, then as long again with outliers of it."""
        train = learning_part(parts, "virtual outliers")
        items, classes = self.placed(train.vectors), len(train.classes)
        made = self.around(train.vectors, classes=classes, seed=seed).vectors
        head = Head(small(items.shape[1], classes, width=width, seed=seed), self)
        cross = torch.nn.functional.cross_entropy
        fit(head.network, items, train.numbers, cross, epochs=epochs, seed=seed)
        inside, outside = self.energies or np.quantile(head.energy(train.vectors), [0.5, 0.99])
        beyond = torch.from_numpy(made)
        draw = torch.Generator().manual_seed(seed)

        def objective(logits: Tensor, wanted: Tensor) -> Tensor:
            some = torch.randint(len(beyond), (len(logits),), generator=draw)
            margin = energy_margin(
                logits, head.network(beyond[some]), inside=float(inside), outside=float(outside)
            )
            loss: Tensor = cross(logits, wanted) + self.weight * margin
            return loss

        fit(head.network, items, train.numbers, objective, epochs=epochs, seed=seed + 1)
        return head


@dataclass(frozen=True, slots=True)
class Head:
    """A trained network, and where it looks for an item."""

    network: Any
    settings: VirtualOutliers

    def logits(self, vectors: NDArray[Any]) -> Doubles:
        """float64[n, classes]."""
        return outputs(self.network, self.settings.placed(vectors))

    def energy(self, vectors: NDArray[Any]) -> Doubles:
        """float64[n]: higher is less like the classes."""
        from scipy.special import logsumexp

        return np.asarray(-logsumexp(self.logits(vectors), axis=1))


def energy_margin(
    items: Tensor, outliers: Tensor, *, inside: float = -15.0, outside: float = -3.0
) -> Tensor:
    """One number: how far energies of items are above `inside`, of outliers below `outside`.

    items, outliers: float[n, classes] logits. Huber's loss of what is on the wrong side, 0 and
    without a gradient where nothing is.

    >>> import torch
    >>> loss = energy_margin(torch.tensor([[10.0, 0, 0]]), torch.tensor([[1.0, 1, 1]]))
    >>> round(0.1 * loss.item(), 6)
    0.449991
    """
    huber = torch.nn.functional.huber_loss
    high = (-items.logsumexp(1) - inside).relu()
    low = (outside + outliers.logsumexp(1)).relu()
    loss: Tensor = huber(high, torch.zeros_like(high)) + huber(low, torch.zeros_like(low))
    return loss
