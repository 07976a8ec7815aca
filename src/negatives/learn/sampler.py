"""The batches of a whole training as one pass, so that it can be stopped and gone on with."""

from __future__ import annotations

from collections.abc import Iterator

from negatives.batch.batcher import Batch, Batches


class Sampler:
    """Batches of epoch after epoch, `steps` in all (0: `epochs` whole ones).

    To torch's loader it is a batch sampler of one long epoch: going on after a stop is leaving out
    what was seen, which costs no encoding, and every process makes the same batches.
    """

    drop_last = False

    def __init__(self, batches: Batches, size: int, *, epochs: int = 1, steps: int = 0) -> None:
        self.batches = batches
        self.batch_size = size
        self._plan: list[Batch] = []
        number = 0
        while len(self._plan) < steps if steps else number < epochs:
            self._plan += batches.epoch(number)
            number += 1
        if steps:
            del self._plan[steps:]

    def __len__(self) -> int:
        return len(self._plan)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._plan:
            yield batch.tolist()
