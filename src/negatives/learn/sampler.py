"""The batches of a whole training as one pass, so that it can be stopped and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any

from negatives.batch.batcher import Batch, Batches
from negatives.errors import DataError
from negatives.learn.renewal import Renewal


class Sampler:
    """Batches of epoch after epoch, `steps` in all (0: `epochs` whole ones).

    To torch's loader it is a batch sampler of one long epoch: going on after a stop is leaving out
    what was seen, which costs no encoding, and every process makes the same batches. `before` is
    called with the number of each batch, from 0, just before its rows are read. With `renewal` the
    batches of an epoch are made when it begins; there are as many in all as the batches at first
    would have been.
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
        renewal: Renewal | None = None,
    ) -> None:
        self.batches = batches
        self.batch_size = size
        self.before = before
        self.renewal = renewal
        self._plan: list[Batch] = []
        self._size = 0
        lengths: list[int] = []
        for number in count():
            if self._size >= steps if steps else number >= epochs:
                break
            made = list(batches.epoch(number))
            if not made:
                raise DataError(
                    "no batch can be made of the examples",
                    where=f"batches of {size}",
                    fix="set train.batch_size to fewer",
                )
            self._size += len(made)
            lengths += map(len, made)
            if renewal is None:
                self._plan += made
        if steps:
            self._size = steps
            del self._plan[steps:]
        self.rows = sum(lengths[: self._size])
        """Examples in all batches, an example as often as it comes."""

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[list[int]]:
        batches = iter(self._plan) if self.renewal is None else self.renewal.batches()
        for number, batch in enumerate(islice(batches, self._size)):
            if self.before is not None:
                self.before(number)
            yield batch.tolist()

    def told(self) -> dict[str, Any]:
        """What the account of the training should say of the batches."""
        return self.batches.told() if self.renewal is None else self.renewal.told()
