"""Dynamic mining: now and then, the model as it is finds its negatives anew (ANCE, Xiong 2021)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from negatives.learn.base_models import Base
from negatives.learn.rows import TrainingRows
from negatives.learn.trainer import last_checkpoint, step_of
from negatives.learn.training_set import picked, teacher
from negatives.optional import torch
from negatives.schema import Collection
from negatives.store.run import Run

Mine = Callable[[Collection, str, Path], Run]
"""Mines a collection with an encoder, a folder, into a run directory."""


@dataclass
class Refresher:
    """Every `every` steps the model is saved and the recipe is run with it as its encoder.

    Everything of the recipe is done again, judges and p_relevant included; only what the sources
    that do not use the model have built is the same. Each mining is a run directory of its own, so
    a training that was stopped finds the negatives that it had. The trainer reads one batch ahead,
    so new negatives begin with the second batch after a mining.
    """

    folder: Path
    checkpoints: Path
    base: Base
    save: Callable[[Path], None]
    """Writes the model as it is into a folder."""
    rows: TrainingRows
    every: int
    mine: Mine
    labels: str = ""
    """Column of each mining's ledger that is the teacher's score."""
    begin: int = field(default=0, init=False)
    taken: int = field(default=0, init=False)
    """The step whose mining the rows have; 0: what was there at first."""

    def __call__(self, step: int) -> None:
        """Mine if it is time to."""
        if step % self.every == 0:
            self._refresh(step)

    def __post_init__(self) -> None:
        """Get ready for a training that goes on at a checkpoint: later minings are made again."""
        last = last_checkpoint(self.checkpoints)
        self.begin = step = 0 if last is None else step_of(last)
        for old in self.folder.glob("refresh-*"):
            if step_of(old) > step:
                self._forget(old)

    def before(self, batch: int) -> None:
        """Have the negatives that batch number `batch`, from 0, is read with."""
        self.rows.before(batch)
        wanted = self._needed(batch)
        if batch >= self.begin and wanted != self.taken:
            self._take(self._run(wanted))
            self.taken = wanted

    def _needed(self, batch: int) -> int:
        """The step of the mining for a batch, which is read when all before the last are done."""
        return max(0, batch - 1) // self.every * self.every

    def _refresh(self, step: int) -> None:
        model = self.folder / f"model-{step:08d}"
        training, device = self.base.model.training, self.base.model.device
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):  # the training's own draws go on as they were
            self.save(model)
            self._run(step)
        self.base.model.train(training)
        last = last_checkpoint(self.checkpoints)
        needed = self._needed(0 if last is None else step_of(last))
        for old in self.folder.glob("refresh-*"):
            if step_of(old) < min(needed, self.taken):
                self._forget(old)

    def _forget(self, run: Path) -> None:
        shutil.rmtree(run)
        shutil.rmtree(self.folder / run.name.replace("refresh", "model"), ignore_errors=True)

    def _run(self, step: int) -> Run:
        model = self.folder / f"model-{step:08d}"
        out = self.folder / f"refresh-{step:08d}"
        return self.mine(self.rows.training_set.collection, str(model), out)

    def _take(self, run: Run) -> None:
        before = self.rows.training_set
        after = before.with_negatives(picked(run), before.width - 1)
        labels = teacher(run, self.labels) if self.labels else after.labels
        self.rows.training_set = replace(after, labels=labels)
