"""What a file of an older version says that trainers have no setting for any more.

Every trainer once had these settings, also where they changed nothing of what it does, and a recipe
is written with all its settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from negatives.kinds import kinds
from negatives.stage_base import fields_of, stage_class

_OF_ALL: Final = {
    "max_length": 256, "precision": "auto", "lora": 0, "redraw": 0, "labels": "", "patience": 0,
    "checkpoint": 0,
}  # fmt: skip
"""Such settings, at the values that nobody had to write."""


def without_old(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of a recipe without what an older version wrote of its own and is idle now.

    A value that somebody chose stays, and is refused by name.
    """
    train = table.get("train")
    if not isinstance(train, Mapping) or str(train.get("kind")) not in kinds("train"):
        return table
    there = {"kind", *(field.name for field in fields_of(stage_class("train", str(train["kind"]))))}
    kept = {
        name: value
        for name, value in train.items()
        if name in there or name not in _OF_ALL or value != _OF_ALL[name]
    }
    return {**table, "train": kept}
