"""Batches that follow the model: their vectors are made anew every so many epochs (NGAME, TAS).

The clusters of a batcher are of the model that training starts from. As it learns, other texts come
to be alike, so the model as it is encodes the texts again, and the epochs from then on are ordered
by that. The vectors lie in a file until training is done: stopped, it goes on with the same
batches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from negatives.arrays import Floats
from negatives.batch.batcher import Batch, Batches
from negatives.batch.examples import Examples
from negatives.errors import RunError
from negatives.events import Emit, Progress, silent
from negatives.store.atomic import make_folder, write_json, writing

Side = str
"""`queries` or `docs`."""


@dataclass
class Renewal:
    """The batches of a whole training, opened anew every `every` epochs.

    The trainer reads one batch ahead, so an epoch's vectors are of the model as it was one step
    before the epoch began.
    """

    folder: Path
    seen: Callable[[], int]
    """How many batches a training that goes on from its last checkpoint has seen."""
    examples: Examples
    first: Batches
    """By the vectors of the model that training starts from."""
    every: int
    open: Callable[[Examples], Batches]
    encode: Callable[[Side], Floats]
    """Vectors of a side of the examples, by number, by the model as it is."""
    emit: Emit = silent
    renewed: list[dict[str, Any]] = field(default_factory=list, init=False)
    """Of each renewal: its epoch, the batch that it begins with, and what came of it."""
    _last: Batches | None = field(default=None, init=False)

    def batches(self) -> Iterator[Batch]:
        """Batch after batch, epoch after epoch, without an end.

        Those that were seen before training was stopped are left out by the trainer: of them, only
        how many there were is needed.
        """
        seen = self.seen()
        told = self._read()
        self.renewed = [entry for entry in told if entry["batch"] <= seen]
        epoch = number = 0
        opened = self.first
        if self.renewed:
            newest = self.renewed[-1]
            epoch, number = newest["epoch"], newest["batch"]
            opened = self.open(self._examples(epoch, made=True))
            nothing = np.empty(0, np.int32)
            yield from (nothing for _ in range(number))
        while True:
            due = epoch > 0 and epoch % self.every == 0
            if due and not (self.renewed and self.renewed[-1]["epoch"] == epoch):
                opened = self._renew(epoch, number, opened)
            self._last = opened
            for batch in opened.epoch(epoch):
                yield batch
                number += 1
            epoch += 1

    def told(self) -> dict[str, Any]:
        """Of the batches of the last epoch, and of every renewal."""
        told = {} if self._last is None else self._last.told()
        return {**told, "renewed": self.renewed}

    def _renew(self, epoch: int, number: int, before: Batches) -> Batches:
        began = time.perf_counter()
        self.emit(Progress("renew batches", 0, 1, f"at epoch {epoch}"))
        examples = self._examples(epoch)
        opened = self.open(examples)
        entry = {
            "epoch": epoch,
            "batch": number,
            "likeness_before": _likeness(examples, before.epoch(epoch)),
            "likeness": _likeness(examples, opened.epoch(epoch)),
            "seconds": round(time.perf_counter() - began, 2),
        }
        self.renewed.append(entry)
        write_json(self.folder / "renewed.json", self.renewed)
        self._forget()
        self.emit(Progress("renew batches", 1, 1, f"at epoch {epoch}"))
        return opened

    def _examples(self, epoch: int, made: bool = False) -> Examples:
        """The examples with vectors of that epoch; `made`: they must be there already."""

        def vectors(side: Side) -> Floats:
            file = self._file(epoch, side)
            if not file.is_file():
                if made:
                    raise RunError(
                        f"the vectors of epoch {epoch} are gone, by which its batches were made",
                        where=str(file),
                        fix="train again with --overwrite",
                    )
                with writing(file) as temporary, temporary.open("wb") as out:
                    np.save(out, self.encode(side))
            found: Floats = np.load(file)
            return found

        there = self.examples.doc_vectors is not None
        return replace(
            self.examples,
            query_vectors=lambda: vectors("queries"),
            doc_vectors=(lambda: vectors("docs")) if there else None,
            renewed=True,
        )

    def _file(self, epoch: int, side: Side) -> Path:
        return make_folder(self.folder) / f"{side}-{epoch:06}.npy"

    def _read(self) -> list[dict[str, Any]]:
        file = self.folder / "renewed.json"
        if not file.is_file():
            return []
        return msgspec.json.decode(file.read_bytes(), type=list[dict[str, Any]])

    def _forget(self) -> None:
        """Remove the vectors that no training that goes on from a checkpoint can ask for."""
        seen = self.seen()
        passed = [entry["epoch"] for entry in self.renewed if entry["batch"] <= seen][:-1]
        for epoch in passed:
            for side in ("queries", "docs"):
                self._file(epoch, side).unlink(missing_ok=True)


def _likeness(examples: Examples, batches: Iterator[Batch]) -> float | None:
    """The mean cosine of two queries of one batch; None where no batch has two."""
    assert examples.query_vectors is not None
    vectors = examples.query_vectors()
    total, pairs = 0.0, 0
    for batch in batches:
        if len(batch) > 1:
            rows = vectors[examples.query[batch]].astype(np.float64)
            whole = rows.sum(axis=0)
            total += float(whole @ whole) - float((rows * rows).sum())
            pairs += len(batch) * (len(batch) - 1)
    return round(total / pairs, 4) if pairs else None
