"""Whether a model that a recipe names can be had now: asked before any work, nothing is loaded."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from negatives.models.exported import PREFIX as ONNX
from negatives.models.parts import PREFIX as PARTS
from negatives.models.parts import taken_apart
from negatives.models.spec import names_nothing

BUILT_IN: Final = frozenset({"", "static", "precomputed"})
"""What is always there."""
_PATIENCE: Final = 1.0
"""Seconds in which a service takes a connection."""
_FILES: Final = ("config.json", "modules.json")
"""One of these is in every model of the hub that can be opened."""


def absent(spec: str) -> str:
    """Why the model that `spec` names cannot be had; empty: it can, as far as can be told.

    A service is there if its address takes a connection, a hub model if it is on this machine:
    nothing is downloaded to find out.

    >>> absent("static"), absent("./nowhere")
    ('', './nowhere, which is not there')
    >>> absent("parts:100:static"), absent("onnx:./nowhere")
    ('', './nowhere, which is not there')
    """
    if spec.lower().startswith(PARTS):
        return absent(taken_apart(spec)[1])
    name = spec.partition("?")[0]
    if name.lower().startswith(ONNX):
        name = name[len(ONNX) :]
    if name in BUILT_IN:
        return ""
    if urlsplit(name).scheme in ("http", "https"):
        return "" if _answers(name) else f"{name}, where nothing answers"
    if Path(name).expanduser().exists():
        return ""
    if names_nothing(name):
        return f"{name}, which is not there"
    return "" if _downloaded(name) else f"{name}, which is not on this machine"


def _answers(address: str) -> bool:
    parts = urlsplit(address)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), _PATIENCE):
            return True
    except (OSError, ValueError):
        return False


def _downloaded(name: str) -> bool:
    """Whether the hub's own folder of downloads has it, by its name or sentence-transformers'."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return False
    names = [name] if "/" in name else [name, f"sentence-transformers/{name}"]
    try:
        return any(
            isinstance(try_to_load_from_cache(each, file), str) for each in names for file in _FILES
        )
    except ValueError:  # no name of the hub's
        return False
