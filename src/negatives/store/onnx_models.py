"""Models exported to ONNX, kept in the user's cache: each in a folder of its own, whole or not.

They lie in the folder `onnx` beside the store of vectors. A folder is named after the hash of the
files it was exported from. about.json, the last file to be believed, says what the others are, and
their hashes; a folder without one is nothing yet, or is being removed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from negatives.store.atomic import TEMPORARY, file_hash
from negatives.store.embeddings import store_folder
from negatives.store.kept_folders import kept_folders
from negatives.store.scratch import scratch_folder

ABOUT: Final = "about.json"
FOLDER: Final = "onnx"
MODEL: Final = "model.onnx"
TOKENIZER: Final = "tokenizer.json"
_NAME: Final = re.compile(r"[0-9a-f]{32}")


class AboutModel(msgspec.Struct, frozen=True, kw_only=True):
    """What was exported: `name` is what the user called it, `prompt` what it puts before a text.

    `files`: the hash of each file, by name. `cosine`: the least between its vectors and those of
    the model it was made from, over `texts` texts. `versions`: of the libraries that exported it.

    >>> AboutModel(
    ...     name="my-model", prompt="", dim=384, files={}, cosine=1.0, texts=8, versions={}
    ... ).name
    'my-model'
    """

    name: str
    prompt: str
    dim: int
    files: dict[str, str]
    cosine: float
    texts: int
    versions: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors would."""
        told = msgspec.json.encode((sorted(self.files.items()), self.prompt))
        return f"onnx-export-{hashlib.blake2b(told, digest_size=16).hexdigest()}"


@dataclass(frozen=True, slots=True)
class HeldModel:
    """An exported model: bytes of all its files, and when it was last used (seconds since 1970).

    >>> about = AboutModel(
    ...     name="my-model", prompt="", dim=384, files={}, cosine=1.0, texts=8, versions={}
    ... )
    >>> HeldModel(Path("cache"), about, bytes=90_000_000, used=0.0).about.dim
    384
    """

    folder: Path
    about: AboutModel
    bytes: int
    used: float


@contextmanager
def made_folder(name: str) -> Iterator[Path]:
    """The folder `name` of the cache; one that goes again where NEGATIVES_CACHE is `off`."""
    shared = store_folder()
    if shared is not None:
        yield shared.parent / name
        return
    with scratch_folder() as folder:
        yield folder


def read_about_model(folder: Path) -> AboutModel | None:
    """What a folder says it holds; None where it holds no whole model."""
    try:
        return msgspec.json.decode((folder / ABOUT).read_bytes(), type=AboutModel)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def damaged_files(folder: Path, about: AboutModel) -> list[Path]:
    """The files that are not what was written, or are gone."""
    return [folder / name for name, kept in about.files.items() if _hash(folder / name) != kept]


def model_files(folder: Path) -> dict[str, str]:
    """The hash of each file in a folder, by name, but for about.json."""
    return {
        path.name: file_hash(path)
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != ABOUT
    }


def note_use(folder: Path) -> None:
    """A model has been opened: it is the last to go when room is made."""
    with suppress(OSError):
        os.utime(folder / ABOUT)


def held_models(store: Path) -> list[HeldModel]:
    """Every exported model beside a store of vectors, the last used first."""
    found = []
    for folder in model_folders(store):
        about = read_about_model(folder)
        if about is None:
            continue
        with suppress(FileNotFoundError):  # removed meanwhile
            used = (folder / ABOUT).stat().st_mtime
            size = sum(path.stat().st_size for path in folder.iterdir())
            found.append(HeldModel(folder, about, size, used))
    return sorted(found, key=lambda held: (-held.used, held.folder))


def model_folders(store: Path) -> list[Path]:
    """The folders of exported models, whole or not."""
    return kept_folders(store.parent / FOLDER, _NAME)


def remove_model(folder: Path) -> None:
    """Remove a model; killed on the way, what is left is no model."""
    (folder / ABOUT).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def remove_unfinished(store: Path, older_than: float = 3600.0) -> None:
    """Remove what exports that were killed have left, an hour ago or earlier."""
    before = time.time() - older_than
    for path in (store.parent / FOLDER).glob(f"{TEMPORARY}*"):
        with suppress(OSError):
            if path.stat().st_mtime < before:
                shutil.rmtree(path, ignore_errors=True)


def _hash(path: Path) -> str:
    try:
        return file_hash(path)
    except OSError:
        return ""
