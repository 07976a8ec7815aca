"""The batches of a whole training as one pass, so that it can be stopped and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from negatives.batch.batcher import Batch, Batches
from negatives.errors import DataError


class Sampler:
    """Batches of epoch after epoch, `steps` in all (0: `epochs` whole ones).

    To torch's loader it is a batch sampler of one long epoch: going on after a stop is leaving out
    what was seen, which costs no encoding, and every process makes the same batches. `before` is
    called with the number of each batch, from 0, just before its rows are read.
    """

    drop_last = False

    def __init__(
        self,
        batches: Batches,
        size: int,
        *,
        epochs: int = 1,
        steps: int = 0,
        before: Callable[[int], None] | None = None,
    ) -> None:
        self.batches = batches
        self.batch_size = size
        self.before = before
        self._plan: list[Batch] = []
        number = 0
        while len(self._plan) < steps if steps else number < epochs:
            self._plan += batches.epoch(number)
            number += 1
            if not self._plan:
                raise DataError(
                    "no batch can be made of the examples",
                    where=f"batches of {size}",
                    fix="set train.batch_size to fewer",
                )
        if steps:
            del self._plan[steps:]

    def __len__(self) -> int:
        return len(self._plan)

    def __iter__(self) -> Iterator[list[int]]:
        for number, batch in enumerate(self._plan):
            if self.before is not None:
                self.before(number)
            yield batch.tolist()
