"""Dynamic mining: now and then, the model as it is finds its negatives anew (ANCE, Xiong 2021)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from negatives.learn.base_models import Base
from negatives.learn.rows import Rows
from negatives.optional import require
from negatives.run import Run
from negatives.schema import Collection

Mine = Callable[[Collection, str, Path], Run]
"""Mines a collection with an encoder, a folder, into a run directory."""


@dataclass(frozen=True)
class Refresher:
    """Every `every` steps the model is saved and the recipe is run with it as its encoder.

    Everything of the recipe is done again, judges and p_relevant included; only what the sources
    that do not use the model have built is the same. Each mining is a run directory of its own, so
    a training that was stopped finds the negatives that it had.
    """

    folder: Path
    base: Base
    rows: Rows
    every: int
    mine: Mine

    def __call__(self, step: int) -> None:
        """Mine if it is time to; the rows that are read from now on have the new negatives."""
        if step % self.every == 0:
            self._refresh(step)

    def go_on(self, step: int) -> None:
        """Take the negatives that a training had which goes on at `step`."""
        if step >= self.every:
            self._take(self._run(step - step % self.every))

    def _refresh(self, step: int) -> None:
        torch = require("torch", extra="train")
        model = self.folder / f"model-{step:08d}"
        training, device = self.base.model.training, self.base.model.device
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):  # the training's own draws go on as they were
            self.base.model.save_pretrained(str(model), create_model_card=False)
            self._take(self._run(step))
        self.base.model.train(training)
        for old in sorted(self.folder.glob("refresh-*"))[:-3]:
            shutil.rmtree(old)
            shutil.rmtree(self.folder / old.name.replace("refresh", "model"), ignore_errors=True)

    def _run(self, step: int) -> Run:
        model = self.folder / f"model-{step:08d}"
        out = self.folder / f"refresh-{step:08d}"
        return self.mine(self.rows.training_set.collection, str(model), out)

    def _take(self, run: Run) -> None:
        width = self.rows.training_set.width - 1
        self.rows.training_set = self.rows.training_set.with_negatives(run.negatives, width)
