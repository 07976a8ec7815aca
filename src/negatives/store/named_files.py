"""The files that settings and a collection name, as hashes: whether they are what they were."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from negatives.schema import Collection, Side
from negatives.store.atomic import file_hash

_OF_A_MODEL: Final = (
    *("modules.json", "config.json", "adapter_config.json"),
    *("factors.json", "towers.json", "series.json"),
)
"""What a folder holds that is a model's; no other is looked into."""
_SAYS_NOTHING: Final = (".md", ".lock")
"""Endings of files beside a model that it does not depend on."""


def named_files(settings: Any) -> dict[str, str]:
    """Name -> hash of every file and model folder on this machine that settings name.

    >>> named_files({"kind": "dense", "encoder": "static", "top": 100})
    {}
    """
    return {name: found for name in sorted({*_paths(settings)}) if (found := _hash_of(Path(name)))}


def image_files(collection: Collection) -> dict[str, str]:
    """The same of the images of documents and of queries, all of a side as one: an image that is
    another under its old name is other data, though no table of the collection tells.
    """
    made = {}
    sides: tuple[tuple[Side, str], ...] = (("docs", "documents"), ("queries", "queries"))
    for side, said in sides:
        if collection.has(side, "image"):
            digest = hashlib.blake2b(digest_size=16)
            for path in collection.image_paths(side):
                held = _hash_of(Path(path)) if path else ""
                digest.update(f"{held}\0".encode())
            made[f"what the images of the {said} show"] = digest.hexdigest()
    return made


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Names of both whose hashes differ; what is gone, or is new, is told by whoever opens it."""
    return [name for name, found in now.items() if before.get(name, found) != found]


def _paths(value: Any) -> Iterator[str]:
    """The texts among settings that may be paths, without what may stand around one.

    `model.onnx?text=./words` names model.onnx and ./words, and `parts:512:./model` ./model.
    """
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _paths(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _paths(each)
    elif isinstance(value, str) and "://" not in value and "\n" not in value:
        yield from (value, *re.split("[?&=:]", value))


def _hash_of(path: Path) -> str:
    """Empty where there is no such file or model folder, or it cannot be read."""
    try:
        if path.is_file():
            # A word alone is the name of a kind or of a column rather than a file's.
            return file_hash(path) if len(path.parts) > 1 or path.suffix else ""
        if any((path / name).is_file() for name in _OF_A_MODEL):
            return _folder_hash(path)
    except (OSError, ValueError):  # a text that no path can be
        pass
    return ""


def _folder_hash(folder: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = file.relative_to(folder).as_posix()
        if not name.startswith(".") and file.suffix not in _SAYS_NOTHING:
            digest.update(f"{name}\0{file_hash(file)}\0".encode())
    return digest.hexdigest()
