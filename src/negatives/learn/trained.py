"""The folder of a trained model, and what its account says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from negatives.learn.model_files import ACCOUNT, MINED, ROUNDS, SCRATCH
from negatives.store.run import RECIPE
from negatives.store.work_folder import WorkFolder


def model_folder(path: Path) -> WorkFolder:
    """The folder of a trained model; what it mined is there before there is an account."""
    return WorkFolder(
        path=path,
        work="training",
        account=ACCOUNT,
        early=frozenset((SCRATCH, MINED, ROUNDS, RECIPE)),
        anew="train again with --overwrite",
    )


@dataclass(frozen=True)
class Trained:
    """A trained model's folder, and the account of its training."""

    path: Path

    def __repr__(self) -> str:
        told = f"{self.account['examples']:,} examples, {self.account['steps']:,} steps"
        best = self.account["best"]
        return f"Trained({str(self.path)!r}: {told}{f', dev nDCG@10 {best:.4f}' if best else ''})"

    @cached_property
    def account(self) -> dict[str, Any]:
        """Settings, data, negatives, history of loss and dev figures, best step, seconds.

        Of a training in rounds, `rounds` says what each of them did.
        """
        return model_folder(self.path).read()
