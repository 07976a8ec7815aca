"""`onnx:NAME`: a sentence-transformers model that onnxruntime computes, exported once and kept.

The export takes torch and sentence-transformers, and is compared with the model it is made from.
What is kept needs neither. It lies in the user's cache under the hash of the files of the model's
folder: where one of them changes, the model is exported again.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Final

from negatives.errors import DataError, MissingExtra, NegativesError, WorkError
from negatives.events import Emit, Noted, Progress, silent
from negatives.hub import hub
from negatives.models.onnx import OnnxEncoder
from negatives.models.onnx_export import export
from negatives.models.quantised import open_int8
from negatives.models.sentence_transformers import MEND
from negatives.models.sort import refuse_not_dense
from negatives.models.spec import names_nothing, split_options
from negatives.models.torch_model import unloadable
from negatives.optional import require
from negatives.store.atomic import file_hash, writing_folder
from negatives.store.onnx_models import (
    FOLDER,
    MODEL,
    AboutModel,
    damaged_files,
    made_folder,
    note_use,
    read_about_model,
)

PREFIX: Final = "onnx:"

_READ: Final = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
"""The files of a model's folder that loading it reads: settings, weights, vocabularies."""
_SETTINGS: Final = ("modules.json", "config.json")
_ELSEWHERE: Final = ("checkpoint-", ".")
"""How folders begin that lie in a model's, and are no part of it."""
_FORMAT: Final = "1"
"""To be raised whenever the same model would be exported otherwise."""


def open_exported(spec: str, *, threads: int = 1, emit: Emit = silent) -> OnnxEncoder:
    """The encoder of `onnx:NAME`: of a sentence-transformers folder or hub name; `?int8` as others.

    Exported the first time, which is told as `Progress`; what it differs by, as `Noted`. Raises
    `MissingExtra` where the export lacks a library, `DataError` for what cannot be exported, and
    for an export whose vectors are not the model's.
    """
    name, options = split_options(spec[len(PREFIX) :], flags=["int8"])
    _refuse_others(name)
    require("onnxruntime", extra="onnx")
    source = _source(name)
    refuse_not_dense(str(source))
    with made_folder(FOLDER) as kept:
        folder = kept / _key(source)
        about = read_about_model(folder) or _export(name, source, folder, threads, emit)
        if damaged := damaged_files(folder, about):
            raise WorkError(
                "an exported model is not what was written: its bytes have changed",
                where=str(damaged[0]),
                fix="negatives cache verify --repair; the next run exports it again",
            )
        note_use(folder)
        emit(Noted(f"onnx {name}", {"cosine": about.cosine, "texts": about.texts}))
        if "int8" in options:
            return open_int8(
                folder / MODEL, threads=threads, emit=emit, prompt=about.prompt, name=name
            )
        return OnnxEncoder(
            folder / MODEL, threads=threads, fingerprint=about.fingerprint, prompt=about.prompt
        )


def _refuse_others(name: str) -> None:
    """Raise `DataError` for what needs no export, or can have none."""
    if not name.strip():
        raise DataError(
            "no model is named", where=PREFIX, fix="write --encoder onnx:FOLDER, or a hub name"
        )
    if name.lower().endswith(".onnx"):
        raise DataError(f"{name!r} is an ONNX model already", fix=f"--encoder {name}")
    if name.lower() == "static" or "://" in name:
        what = "an endpoint" if "://" in name else "the built-in encoder"
        raise DataError(f"{what} is not exported", fix=f"--encoder {name}")
    if names_nothing(name):
        raise DataError(
            f"there is no model at {name!r}", fix="give an existing folder, or a hub name"
        )


def _source(name: str) -> Path:
    """The folder of a model; of one on the hub, the copy that the hub's library keeps."""
    if Path(name).exists():
        if not any((Path(name) / settings).is_file() for settings in _SETTINGS):
            raise DataError(
                f"this is no model's folder: it has neither {' nor '.join(_SETTINGS)}",
                where=name,
                fix="name the folder that SentenceTransformer.save_pretrained has written",
            )
        return Path(name)
    full = name if "/" in name else f"sentence-transformers/{name}"
    try:
        return Path(hub().snapshot_download(full, allow_patterns=list(_READ)))
    except Exception as error:  # the hub's library has many
        raise unloadable(error, name, "encoder", MEND) from None


def _key(source: Path) -> str:
    """The hash of the files that loading a model reads."""
    digest = hashlib.blake2b(_FORMAT.encode(), digest_size=16)
    paths = {path.relative_to(source) for pattern in _READ for path in source.rglob(pattern)}
    for path in sorted(paths):
        apart = any(part.startswith(_ELSEWHERE) for part in path.parts)
        if not apart and (source / path).is_file():
            digest.update(f"\n{path.as_posix()} {file_hash(source / path)}".encode())
    return digest.hexdigest()


def _export(name: str, source: Path, folder: Path, threads: int, emit: Emit) -> AboutModel:
    """Export a model into `folder`, whole or not at all; another process may do so meanwhile."""
    stage = f"export {Path(name).name}"
    emit(Progress(stage, 0, 1, "models"))
    try:
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)  # left by one that was being removed
        with writing_folder(folder) as temporary:
            about = export(name, source, temporary, threads)
    except MissingExtra as error:
        raise MissingExtra(
            f"{error.what}, and exporting a model takes it, once: what is exported runs without",
            fix="pip install 'negatives[onnx,train]'",
        ) from None
    except NegativesError:
        made = read_about_model(folder)
        if made is None:
            raise
        about = made
    emit(Progress(stage, 1, 1, "models"))
    return about
