"""Whether a model was trained with the very labels that it is to be judged by."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from negatives.bounded import read_json
from negatives.errors import NegativesError
from negatives.schema import Collection
from negatives.store.fingerprints import fingerprints

_ACCOUNT: Final = "training.json"
"""What `negatives train` writes beside a model: which data it was trained with, as hashes."""

_SAME: Final = ("queries", "qrels")
"""Tables that are those of the training; of items by ids two splits may have the same queries."""
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
        account = Path(model) / _ACCOUNT
        told = read_json(account, _LONGEST) if account.is_file() else None
    except (NegativesError, OSError, ValueError):  # whoever opens the model says what is wrong
        return ""
    data = ((told.get("inputs") or {}).get("data") or {}) if isinstance(told, dict) else {}
    if not isinstance(data, dict) or not {*_SAME} <= {*data}:
        return ""
    here = fingerprints(collection)
    return _SAID if all(data[name] == here[name] for name in _SAME) else ""
