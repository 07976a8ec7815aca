"""A network made smaller without missing more of the rare class: false positives pay for it.

Entezari and Saukh 2019, "Class-dependent Compression of Deep Neural Networks", by its abstract and
what is generally known of lottery tickets: the smallest weights are set to 0, those left go back to
where they began and learn again, by a cross-entropy in which a missed positive counts `alpha`
times. Where `valid` then still misses more than before, alpha is raised; where that is not enough,
the threshold is lowered, and the pruning ends where that takes in too many of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from negatives.arrays import Doubles, Floats
from negatives.errors import InputError
from negatives.learn.rare.examples import Examples, Parts, learning_part
from negatives.learn.rare.network import fit, outputs, scaled_by, small
from negatives.measure.thresholds import choose_threshold, rates
from negatives.optional import Tensor, torch


def weighted_entropy(logits: Tensor, wanted: Tensor, alpha: float = 1.0) -> Tensor:
    """Mean of -(alpha y log p + (1 - y) log(1 - p)), p = sigmoid of float[n] or [n, 1] logits.

    >>> import torch
    >>> p, y = torch.tensor([0.9, 0.3, 0.2]), torch.tensor([1.0, 1.0, 0.0])
    >>> [round(weighted_entropy(p.logit(), y, alpha).item(), 6) for alpha in (1, 4)]
    [0.510826, 1.820159]
    """
    loss: Tensor = torch.nn.functional.binary_cross_entropy_with_logits(
        logits.reshape(-1), wanted.to(logits.dtype), pos_weight=logits.new_tensor(float(alpha))
    )
    return loss


@dataclass(frozen=True, slots=True)
class Pruned:
    """One size of the network, on `valid`: the threshold is the largest that misses no more."""

    share: float
    """Of the weights that are not 0."""
    alpha: float
    threshold: float
    fnr: float
    fpr: float


@dataclass(frozen=True, slots=True)
class Compressed:
    """The smallest network that was accepted; `rounds` begin with the one that was not pruned."""

    network: Any
    scale: tuple[Doubles, Doubles]
    rounds: tuple[Pruned, ...]

    def logits(self, vectors: Floats) -> Doubles:
        """float64[n]: positive where the threshold is reached by at least the rounds' last one."""
        return outputs(self.network, (vectors - self.scale[0]) / self.scale[1])

    def on(self, examples: Examples) -> tuple[float, float]:
        """False-negative and false-positive rate of other items, at the last threshold."""
        return rates(
            np.asarray(examples.labels, bool),
            self.logits(examples.vectors),
            self.rounds[-1].threshold,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """How much is pruned, and what that may cost."""

    share: float = 0.2
    """Of the weights that are left, those set to 0 in a round."""
    rounds: int = 5
    alphas: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    """How often a missed positive counts, tried in turn."""
    tolerance: float = 0.0
    """How much larger the share of missed positives may become, on `valid`."""
    max_fpr: float = 0.5
    """At which share of the others taken in the pruning ends."""
    width: int = 64
    epochs: int = 40

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1 or self.rounds < 0 or not self.alphas:
            raise InputError("no share, rounds or alphas", fix="a share from 0, below 1; one alpha")

    def fit(self, parts: Parts, *, seed: int = 0) -> Compressed:
        """Train, prune and train again; labels are bool, True the class that may not be missed."""
        train = learning_part(parts, "pruning")
        if train.labels.dtype != np.bool_:
            raise InputError("labels are no bools", where="labels", fix="give labels == CLASS")
        scale = scaled_by(train.vectors)
        start = small(train.vectors.shape[1], 1, width=self.width, seed=seed)
        masks = [torch.ones_like(each) for each in start.parameters()]
        whole = self._learned(start, masks, train, scale, self.alphas[0], seed)
        first = self._measured(whole, scale, masks, self.alphas[0], parts.valid, 0.0, None)
        kept, done = whole, [first]
        for _ in range(self.rounds):
            masks = _smaller(kept, masks, self.share)
            found = None
            for alpha in self.alphas:
                network = self._learned(start, masks, train, scale, alpha, seed)
                said = self._measured(
                    network, scale, masks, alpha, parts.valid, first.fnr + self.tolerance,
                    first.threshold,
                )  # fmt: skip
                # The first that keeps the threshold, or else the one that takes in the fewest.
                if found is None or said.fpr < found[1].fpr:
                    found = network, said
                if said.threshold >= first.threshold:
                    found = network, said
                    break
            assert found is not None
            if found[1].fpr > self.max_fpr:
                break
            kept = found[0]
            done.append(found[1])
        return Compressed(kept, scale, tuple(done))

    def _learned(
        self, start: Any, masks: list[Any], train: Examples, scale: Any, alpha: float, seed: int
    ) -> Any:
        """The network as it began, pruned, and trained."""
        network = small(train.vectors.shape[1], 1, width=self.width, seed=seed)
        network.load_state_dict(start.state_dict())

        def prune() -> None:
            with torch.no_grad():
                for each, mask in zip(network.parameters(), masks, strict=True):
                    each.mul_(mask)

        prune()
        fit(
            network, (train.vectors - scale[0]) / scale[1], train.labels,
            lambda logits, wanted: weighted_entropy(logits, wanted, alpha),
            epochs=self.epochs, seed=seed, after_step=prune,
        )  # fmt: skip
        return network

    def _measured(
        self, network: Any, scale: Any, masks: list[Any], alpha: float, valid: Examples,
        max_fnr: float, threshold: float | None,
    ) -> Pruned:  # fmt: skip
        """At logit 0 where there is no share to keep, else at the largest threshold that keeps it.

        Never above the first network's threshold: what it takes in may be taken in.
        """
        logits = outputs(network, (valid.vectors - scale[0]) / scale[1])
        if threshold is None:
            at = 0.0
        else:
            chosen = choose_threshold(valid.labels, logits, max_fnr=max_fnr, confidence=None)
            at = min(chosen.value, threshold)
        left = sum(float(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)
        return Pruned(left, alpha, at, *rates(valid.labels, logits, at))


def _smaller(network: Any, masks: list[Any], share: float) -> list[Any]:
    """Masks without the smallest weights of the whole network; intercepts are never pruned."""
    weights = [each.detach() for each in network.parameters()]
    sizes = torch.cat(
        [each.abs()[mask > 0] for each, mask in zip(weights, masks, strict=True) if each.ndim > 1]
    )
    count = int(share * len(sizes))
    if not count:
        return masks
    limit = sizes.sort().values[count - 1]
    return [
        mask * (each.abs() > limit) if each.ndim > 1 else mask
        for each, mask in zip(weights, masks, strict=True)
    ]
