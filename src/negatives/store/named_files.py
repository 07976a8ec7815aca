"""The files that settings and a collection name, as hashes: whether they are what they were."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from negatives.schema import Collection, Side
from negatives.stage import Stage
from negatives.store.atomic import file_hash

_OF_A_MODEL: Final = (
    *("modules.json", "config.json", "adapter_config.json"),
    *("factors.json", "towers.json", "series.json"),
)
"""What a folder holds that is a model's; no other is looked into."""
_SAYS_NOTHING: Final = (".md", ".lock")
"""Endings of files beside a model that it does not depend on."""


def named_files(stages: Iterable[Stage]) -> dict[str, str]:
    """Name -> hash of every file and model folder on this machine that settings of stages name.

    >>> from negatives import BM25, Dense
    >>> named_files([BM25(), Dense(encoder="static")])
    {}
    """
    named = [*stages]
    files = {name for stage in named for name in stage.names("file")}
    models = {name for stage in named for spec in stage.names("model") for name in _paths(spec)}
    found = {name: _hash_of_model(name) for name in models - files}
    found |= {name: _hash_of_file(name) for name in files}
    return {name: found[name] for name in sorted(found) if found[name]}


def unnoticed(stage: Stage) -> dict[str, str]:
    """Setting -> file or model folder on this machine that it names, though its type says no such
    thing: a run would go on when that has changed.
    """
    found = {
        setting: name
        for setting, said in stage.unnamed_texts.items()
        for name in said
        if len(Path(name).parts) > 1 and _is_there(name)
    }
    return dict(sorted(found.items()))


def _is_there(name: str) -> bool:
    """Whether a name is that of a file or a model folder; nothing of it is read."""
    with suppress(OSError, ValueError, RuntimeError):
        path = Path(name).expanduser()
        return path.is_file() or _is_model_folder(path)
    return False


def _is_model_folder(path: Path) -> bool:
    return any((path / file).is_file() for file in _OF_A_MODEL)


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
                held = _hash_of_file(path) if path else ""
                digest.update(f"{held}\0".encode())
            made[f"what the images of the {said} show"] = digest.hexdigest()
    return made


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Names of both whose hashes differ; what is gone, or is new, is told by whoever opens it."""
    return [name for name, found in now.items() if before.get(name, found) != found]


def _paths(spec: str) -> tuple[str, ...]:
    """What may be a path in what names a model, without what may stand around one.

    `model.onnx?text=./words` names model.onnx and ./words, and `parts:512:./model` ./model.
    """
    return () if "://" in spec else (spec, *re.split("[?&=:]", spec))


def _hash_of_file(name: str) -> str:
    """Empty where there is no such file, or it cannot be read."""
    with suppress(OSError, ValueError, RuntimeError):  # also a name, or a home, that cannot be
        path = Path(name).expanduser()
        return file_hash(path) if path.is_file() else ""
    return ""


def _hash_of_model(name: str) -> str:
    """Empty where there is no such file or model folder, or it cannot be read."""
    with suppress(OSError, ValueError, RuntimeError):
        path = Path(name).expanduser()
        if _is_model_folder(path):
            return _folder_hash(path)
        # A word alone is the name of a model that is built in, or an option, and no file's.
        return _hash_of_file(name) if len(path.parts) > 1 or path.suffix else ""
    return ""


def _folder_hash(folder: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = file.relative_to(folder).as_posix()
        if not name.startswith(".") and file.suffix not in _SAYS_NOTHING:
            digest.update(f"{name}\0{file_hash(file)}\0".encode())
    return digest.hexdigest()
