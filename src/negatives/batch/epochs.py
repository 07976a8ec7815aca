"""What all batchers share: an order for every epoch, what is told of it, how examples weigh."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from msgspec import Meta

from negatives.batch.batcher import Batch, Batcher, Weighing
from negatives.batch.examples import Examples
from negatives.batch.order import Order
from negatives.batch.report import conflict_rate, masked_share, sizes
from negatives.batch.weights import BadPairs, Curriculum, Equal, Naive, Progressive
from negatives.errors import RecipeError

Orders = Callable[[int], Order]
"""The order of epoch number n, from 0."""


class Ordering(Batcher, kw_only=True):
    """A batcher that knows the order of a whole epoch at once."""

    weight: Annotated[
        Equal | Progressive | Curriculum | BadPairs | Naive,
        Meta(description="how much an example counts as training goes on"),
    ] = Equal()

    @abstractmethod
    def orders(self, examples: Examples, size: int, seed: int) -> Orders:
        """Get ready to order the epochs of `examples`, in batches of at most `size`."""

    def open(self, examples: Examples, size: int, seed: int = 0) -> Epochs:
        """Get ready to batch `examples`, `size` at a time."""
        if size < 1:
            raise RecipeError(f"a batch of {size} examples", fix="a size of at least 1")
        return Epochs(examples, self.orders(examples, size, seed))

    def weigh(self, examples: Examples, seed: int = 0) -> Weighing | None:
        """What `weight` says; None where all count the same."""
        return self.weight.open(examples)


class Epochs:
    """Batches from the order of each epoch."""

    def __init__(self, examples: Examples, orders: Orders) -> None:
        self._examples, self._orders = examples, orders
        self._last: Order | None = None

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of epoch `number`, from 0."""
        self._last = self._orders(number)
        return self._last.batches()

    def told(self) -> dict[str, Any]:
        """Sizes and conflict rate of the batches of the last epoch that was asked for."""
        if self._last is None:
            return {"batches": 0}
        rate = conflict_rate(self._examples, self._last)
        masked = masked_share(self._examples, self._last)
        return {**sizes(self._last.sizes), "conflict_rate": rate, "masked_share": masked}
