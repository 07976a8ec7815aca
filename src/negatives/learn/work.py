"""One call of `train`, whatever it trains: its folder, what it reads, how it begins and ends."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from negatives.batch.batcher import Batcher
from negatives.errors import NegativesError, RunError
from negatives.events import Emit
from negatives.learn.card import card
from negatives.learn.curve import curve
from negatives.learn.loss import Loss
from negatives.learn.model_files import CARD, CHECKPOINTS, CURVE, MINED, SCRATCH
from negatives.learn.settings import Training
from negatives.learn.source import Data, TrainingSource
from negatives.learn.trainer import last_checkpoint
from negatives.machine import Machine
from negatives.read.quarantine import Quarantine
from negatives.recipe import Recipe
from negatives.run.account import library_versions
from negatives.store.atomic import write_text
from negatives.store.lock import NAME as LOCK
from negatives.store.run import RECIPE
from negatives.store.work_folder import WorkFolder


@dataclass(frozen=True)
class Work:
    """One training, in `folder`; each sort of trainer has a way to carry it out."""

    folder: WorkFolder
    recipe: Recipe
    model: str
    encoder: str
    """What mines, where a source names none."""
    mined: bool
    """Whether there are mined negatives, or wrong responses; else right ones alone, the control."""
    machine: Machine
    report_to: str
    aside: Quarantine | None
    emit: Emit

    @property
    def path(self) -> Path:
        """The folder of the training."""
        return self.folder.path

    @property
    def settings(self) -> Training:
        """The recipe's [train]."""
        return cast("Training", self.recipe.train)

    @property
    def loss(self) -> Loss:
        """The recipe's [learn]."""
        return cast("Loss", self.recipe.learn)

    @property
    def batcher(self) -> Batcher:
        """The recipe's [batch]."""
        return cast("Batcher", self.recipe.batch)

    @property
    def source(self) -> TrainingSource:
        """What reads the data, and mines them."""
        return TrainingSource(
            recipe=self.recipe,
            encoder=self.encoder,
            mined=self.mined,
            folder=self.path / MINED,
            machine=self.machine,
            aside=self.aside,
            emit=self.emit,
        )

    @abstractmethod
    def carry_out(self, data: Data, dev: Any, look: bool, overwrite: bool) -> None:
        """Train on the data, or go on with it; `look`: whether at a dev split, perhaps `dev`."""

    def once(self, data: Data, dev: Any, look: bool, overwrite: bool) -> None:
        """Carry it out; where it fails before there is anything of it, nothing is left."""
        try:
            self.carry_out(data, dev, look, overwrite)
        except NegativesError:
            self._leave_nothing()
            raise

    def begin(self, inputs: Mapping[str, Any], overwrite: bool, kept: str = "") -> bool:
        """Whether there is anything left to do: then the folder has the recipe, and an account.

        With `overwrite` all else is removed from it but the entry `kept`. `RunError` where it holds
        another training, made from other `inputs`.
        """
        if overwrite:
            there = {entry.name for entry in self.path.iterdir()}
            self.folder.remove(*(there - {LOCK, kept, self.folder.account}), self.folder.account)
        elif (before := self.folder.begun(inputs)) and before["status"] == "done":
            self.folder.remove(CHECKPOINTS, SCRATCH)
            return False
        write_text(self.path / RECIPE, self.recipe.to_toml())
        self.folder.write({"status": "running", "inputs": inputs})
        return True

    def end(self, inputs: Mapping[str, Any], began: float, told: Mapping[str, Any]) -> None:
        """Write the curve, the card and the account of a model that is saved."""
        account = {
            **self.done(inputs),
            **told,
            "wall_seconds": round(time.perf_counter() - began, 2),
        }
        write_text(self.path / CURVE, curve(account["history"]))
        write_text(self.path / CARD, card(account, self.recipe, self.model))
        self.folder.write(account)  # last: now the model is there
        self.folder.remove(CHECKPOINTS, SCRATCH)

    def done(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """How the account of what is done begins."""
        return {"status": "done", "inputs": inputs, "versions": library_versions()}

    def _leave_nothing(self) -> None:
        """Remove what failed before its first checkpoint; what was mined stays."""
        with suppress(RunError):  # whose files these are cannot be told
            there = (self.path / self.folder.account).is_file()
            done = there and self.folder.read()["status"] == "done"
            if not done and last_checkpoint(self.path / CHECKPOINTS) is None:
                self.folder.remove(self.folder.account, RECIPE, CHECKPOINTS, SCRATCH)
