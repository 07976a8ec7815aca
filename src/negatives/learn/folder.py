"""The folder of a trained model: whose it is, and what is in it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from negatives.errors import RunError
from negatives.faults import raise_spent
from negatives.learn.trainer import last_checkpoint
from negatives.store.atomic import TEMPORARY, writing
from negatives.store.lock import NAME as LOCK

ACCOUNT: Final = "training.json"
RECIPE: Final = "recipe.toml"
CHECKPOINTS: Final = "checkpoints"
MINED: Final = "run"
SCRATCH: Final = ".work"


def refuse_foreign(path: Path) -> None:
    """A folder that holds anything else than a training is never written to."""
    if path.is_file():
        raise RunError("this is a file, not a folder", where=str(path), mend="choose another --out")
    if path.is_dir() and not (path / ACCOUNT).is_file():
        own = {LOCK, SCRATCH, MINED, RECIPE}
        foreign = sorted(
            entry.name
            for entry in path.iterdir()
            if entry.name not in own and not entry.name.startswith(TEMPORARY)
        )
        if foreign:
            raise RunError(
                f"the folder is not empty and holds no training: {', '.join(foreign[:5])}",
                where=str(path),
                mend="choose another --out",
            )


def wipe(path: Path, keep: str = "") -> None:
    """Remove a training and its model, but for the entry `keep`; the folder held nothing else."""
    for entry in path.iterdir():
        if entry.name in (LOCK, keep):
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def finished(path: Path, inputs: Mapping[str, Any]) -> bool:
    """Whether the folder holds the training with these inputs, done; refuses another's."""
    file = path / ACCOUNT
    if not file.is_file():
        return False
    before = read_account(path)
    now = msgspec.json.decode(msgspec.json.encode(inputs))
    differing = sorted(key for key, value in now.items() if before["inputs"].get(key) != value)
    if differing:
        raise RunError(
            f"the folder holds another training; it differs in: {', '.join(differing)}",
            where=str(path),
            mend="choose another --out, or give --overwrite to replace it",
        )
    return bool(before["status"] == "done")


def read_account(path: Path) -> dict[str, Any]:
    """training.json of a model's folder; `RunError` where it cannot be read."""
    try:
        found = msgspec.json.decode((path / ACCOUNT).read_bytes(), type=dict[str, Any])
        if isinstance(found["inputs"], dict) and isinstance(found["status"], str):
            return found
        raise KeyError("inputs, status")
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, KeyError) as error:
        raise_spent(error)
        raise RunError(
            f"the account of the training cannot be read: {error}",
            where=str(path / ACCOUNT),
            mend="train again with --overwrite",
        ) from None


def leave_nothing(path: Path) -> None:
    """Remove what a training left that failed before its first checkpoint; what it mined stays."""
    file = path / ACCOUNT
    try:
        done = file.is_file() and read_account(path)["status"] == "done"
    except RunError:
        return  # whose files these are cannot be told
    if not path.is_dir() or done or last_checkpoint(path / CHECKPOINTS) is not None:
        return
    file.unlink(missing_ok=True)
    (path / RECIPE).unlink(missing_ok=True)
    clear(path)
    if {entry.name for entry in path.iterdir()} <= {LOCK}:
        shutil.rmtree(path, ignore_errors=True)


def clear(path: Path) -> None:
    """Remove what is needed only while a model is trained."""
    for left in (CHECKPOINTS, SCRATCH):
        shutil.rmtree(path / left, ignore_errors=True)


def write_account(path: Path, made: Mapping[str, Any]) -> None:
    """Write training.json, atomically."""
    with writing(path / ACCOUNT) as temporary:
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2))
