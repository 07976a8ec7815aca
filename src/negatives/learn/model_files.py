"""Which files of a training's folder are the model itself, and a copy of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from negatives.models.model_folder import TRAINING
from negatives.store.atomic import TEMPORARY, make_folder
from negatives.store.lock import NAME as LOCK
from negatives.store.run import RECIPE

CHECKPOINTS: Final = "checkpoints"
MINED: Final = "run"
SCRATCH: Final = ".work"
ROUNDS: Final = "rounds"
ACCOUNT: Final = TRAINING
CARD: Final = "README.md"
CURVE: Final = "curve.svg"

BESIDE: Final = frozenset((CHECKPOINTS, MINED, SCRATCH, ROUNDS, ACCOUNT, CARD, CURVE, RECIPE, LOCK))
"""What lies beside a model in the folder of its training."""


def model_files(folder: Path) -> frozenset[Path]:
    """The files of the model in a training's folder, as paths in it."""
    tops = [
        entry
        for entry in folder.iterdir()
        if entry.name not in BESIDE and not entry.name.startswith(TEMPORARY)
    ]
    inner = [path for top in tops for path in (top.rglob("*") if top.is_dir() else [top])]
    return frozenset(path.relative_to(folder) for path in inner if path.is_file())


def copy_model(source: Path, target: Path, but: tuple[str, ...] = ()) -> None:
    """Copy the model of a training's folder; `but`: endings of files to leave out."""
    for file in sorted(model_files(source)):
        if file.suffix not in but:
            make_folder((target / file).parent)
            shutil.copy2(source / file, target / file)
