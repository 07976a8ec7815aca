"""The hub of models, which may be out of reach."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from negatives.optional import require

_PATIENCE: Final = 10.0
"""Seconds that a connection may take."""
_UNREACHABLE: set[str] = set()
"""The address of the hub, where one request found no way there."""


@cache
def hub() -> Any:
    """The library of the hub. Where one request finds no way there, it asks for nothing more.

    Each file of a model would be tried five times with growing pauses: two minutes until a name
    that is misspelt is told, or until a model that was fetched before is opened. A proxy, a mirror
    and a token are the user's, as everywhere (HF_ENDPOINT, HF_TOKEN).
    """
    library = require("huggingface_hub", extra="train")
    constants = require("huggingface_hub.constants", extra="train")
    if not constants.HF_HUB_OFFLINE:
        try:
            library.get_session().head(constants.ENDPOINT, timeout=_PATIENCE)
        except Exception:  # each library of connections has its own; what it said is of no use here
            constants.HF_HUB_OFFLINE = True
            _UNREACHABLE.add(constants.ENDPOINT)
    return library


def forbidden() -> bool:
    """Whether the hub is not to be asked for anything."""
    hub()
    return bool(require("huggingface_hub.constants", extra="train").HF_HUB_OFFLINE)


def out_of_reach() -> str:
    """The address of the hub where it was asked for and did not answer; else empty."""
    return next(iter(_UNREACHABLE), "")
