"""What a batcher is, and what it gives: the order of an epoch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Floats
from negatives.batch.examples import Examples
from negatives.errors import DataError
from negatives.stage import Stage

Batch = NDArray[np.int32]
"""int32[size]: numbers of the examples that share a batch, in their order."""


class Batches(Protocol):
    """A batcher opened on examples: the same epochs every time for the same seed.

    An epoch depends on (examples, settings, size, seed, epoch) only, so training that was stopped
    goes on by leaving out the batches it has seen, and every process of a distributed training
    makes the same ones and takes its share.
    """

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of epoch `number`, from 0."""

    def told(self) -> dict[str, Any]:
        """What the training's account should say of the batches made so far."""


class Weighing(Protocol):
    """How much each example counts as training goes on; asked and told batch by batch."""

    @property
    def passes(self) -> int:
        """Passes over all examples whose losses it has to know before any weight differs."""

    def weights(self, batch: Batch, step: int, steps: int) -> Floats:
        """float32[size]: the weight of each example of `batch` at `step` of `steps`, from 0."""

    def observe(self, batch: Batch, losses: Floats) -> None:
        """Learn from the unweighted loss of each example."""

    def suspects(self) -> dict[str, Batch]:
        """Numbers of the examples it has found odd, by what was found; empty: it looks for none."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything it has learned, for a checkpoint."""

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from what `state()` gave."""


class Batcher(Stage):
    """Decides which training examples share a batch, and in which order."""

    section: ClassVar[str] = "batch"
    arranges: ClassVar[bool] = False
    """Whether it brings examples together, or keeps them apart: with one batch it cannot."""

    def refuse_few(self, queries: int, examples: int, size: int) -> None:
        """Raise `DataError` where it could do nothing with so few: asked before any work."""
        if self.arranges and examples <= size:
            raise DataError(
                f"{examples:,} examples are one batch of {size}, and {self.kind} has nothing to "
                "arrange",
                where="train.batch_size, batch.kind",
                fix=f"--set train.batch_size={max(2, examples // 4)}, or batches that are not "
                "arranged: --set batch.kind=conflict-free",
            )

    @property
    def refresh_every(self) -> int:
        """Epochs after which it is opened anew, on vectors by the model as it is; 0: never."""
        return 0

    @abstractmethod
    def open(self, examples: Examples, size: int, seed: int = 0) -> Batches:
        """Get ready to batch `examples`, `size` at a time."""

    def weigh(self, examples: Examples, seed: int = 0) -> Weighing | None:
        """How it weighs examples over time; None where all count the same."""
        return None
