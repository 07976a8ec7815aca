"""Addresses of served models, `URL#MODEL?OPTIONS`: which of two ask the same model for the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

CALLING: Final = ("concurrency", "per_minute", "seconds", "price")
"""Options that say how a model is called, on which no answer of it depends."""

_ADDRESS: Final = re.compile(r"https?://[^#]*#[^?]*\?", re.IGNORECASE)


def called_alike(value: Any) -> Any:
    """Settings without the options of addresses that say how a model is called.

    Work that was stopped because its server was too slow goes on when it is given longer.

    >>> called_alike({"model": "http://127.0.0.1:8080/v1#small?seconds=300"})
    {'model': 'http://127.0.0.1:8080/v1#small'}
    """
    if isinstance(value, Mapping):
        return {name: called_alike(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [called_alike(each) for each in value]
    if not isinstance(value, str) or not (address := _ADDRESS.search(value)):
        return value
    options = value[address.end() :].split("&")
    kept = "&".join(each for each in options if each.partition("=")[0] not in CALLING)
    return value[: address.end()] + kept if kept else value[: address.end() - 1]
