"""Whether a model was trained with the very labels that it is to be judged by."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from negatives.bounded import read_json
from negatives.errors import NegativesError
from negatives.models.model_folder import TRAINING
from negatives.schema import Collection
from negatives.store.fingerprints import label_fingerprints

_LONGEST: Final = 2**26
_SAID: Final = (
    "the model was trained with these queries and judgements: what it finds for them does not tell "
    "what it would find for others"
)


def told_of_training(model: object, collection: Collection) -> str:
    """What is to be said of a model's folder that says so; else nothing.

    Only models that this library trained say what with.
    """
    if not isinstance(model, str | Path):
        return ""
    try:
        account = Path(model) / TRAINING
        told = read_json(account, _LONGEST) if account.is_file() else None
    except (NegativesError, OSError, ValueError):  # whoever opens the model says what is wrong
        return ""
    for key in ("inputs", "data"):
        told = told.get(key) if isinstance(told, dict) else None
    if not isinstance(told, dict):
        return ""
    here = label_fingerprints(collection)
    return _SAID if all(told.get(name) == each for name, each in here.items()) else ""
