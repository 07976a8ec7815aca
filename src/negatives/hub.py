"""The hub of models, which may be out of reach."""

from __future__ import annotations

from math import inf
from time import monotonic
from typing import Any, Final

from negatives.optional import require

_PATIENCE: Final = 10.0
"""Seconds that a connection may take."""
_AGAIN: Final = 60.0
"""Seconds after which a hub that was out of reach is asked again: a laptop may find its net."""
_REACHED: set[str] = set()
"""Addresses of hubs that answered."""
_ASKED_AGAIN: dict[str, float] = {}
"""Addresses of hubs that did not, and when each may be asked again (`monotonic`)."""


def hub() -> Any:
    """The library of the hub. Where one request finds no way there, it asks nothing for a minute.

    Each file of a model would be tried five times with growing pauses: two minutes until a name
    that is misspelt is told, or until a model that was fetched before is opened. A proxy, a mirror
    and a token are the user's, as everywhere (HF_ENDPOINT, HF_TOKEN).
    """
    library = require("huggingface_hub", extra="train")
    constants = require("huggingface_hub.constants", extra="train")
    address = constants.ENDPOINT
    if monotonic() >= _ASKED_AGAIN.get(address, inf):
        _ASKED_AGAIN.pop(address, None)
        constants.HF_HUB_OFFLINE = False
    if constants.HF_HUB_OFFLINE or address in _REACHED:
        return library
    try:
        library.get_session().head(address, timeout=_PATIENCE)
        _REACHED.add(address)
    except Exception:  # each library of connections has its own; what it said is of no use here
        constants.HF_HUB_OFFLINE = True
        _ASKED_AGAIN[address] = monotonic() + _AGAIN
    return library


def forbidden() -> bool:
    """Whether the hub is not to be asked for anything."""
    hub()
    return bool(require("huggingface_hub.constants", extra="train").HF_HUB_OFFLINE)


def out_of_reach() -> str:
    """The address of the hub where it was asked for and did not answer; else empty."""
    return next(iter(_ASKED_AGAIN), "")
