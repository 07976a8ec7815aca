"""What sort of model a folder of sentence-transformers is, or the hub's model of a name.

The library loads any of them as a dense encoder: of a cross-encoder it averages what the head never
saw, of a sparse encoder it leaves out what makes it sparse, and it says nothing of either.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from negatives.bounded import read_json
from negatives.errors import DataError
from negatives.hub import hub
from negatives.models.model_folder import LARGEST, is_one_of

Sort = Literal["dense", "sparse", "reranker"]

_STATED: Final[dict[str, Sort]] = {
    "CrossEncoder": "reranker", "SparseEncoder": "sparse", "SentenceTransformer": "dense",
}  # fmt: skip
"""What config_sentence_transformers.json says, in models of version 5 and later."""
_SPARSE: Final = ".sparse_encoder."
_SCORES: Final = "LogitScore"
_HUB_NAME: Final = re.compile(r"\w[\w.-]*(/[\w.-]+)?")
_OURS: Final = ("static", "bm25", "precomputed")
_FETCHED: Final = ["*.json"]


def sort_of(name: str) -> Sort:
    """By its files alone; those of a model of the hub are fetched first, as loading it would.

    What is neither a folder nor a model of the hub is dense, for whoever opens it says what it is.
    """
    folder = _files(name)
    return "dense" if folder is None else _of_folder(folder)


def _of_folder(folder: Path) -> Sort:
    stated = _read(folder / "config_sentence_transformers.json")
    sort = _STATED.get(str(stated.get("model_type"))) if isinstance(stated, dict) else None
    if sort is not None:
        return sort
    modules = [*_classes(folder / "modules.json")]
    routers = [name for path in folder.rglob("router_config.json") for name in _classes(path)]
    if any(_SPARSE in name for name in (*modules, *routers)):
        return "sparse"
    if any(name.endswith(_SCORES) for name in modules):
        return "reranker"
    bare = not modules and is_one_of(folder, ("ForSequenceClassification",))
    return "reranker" if bare else "dense"


def encoder_beside(model: str, encodes: bool = True) -> str:
    """The encoder to mine with where none is named: the model itself, if it can be one.

    `static` beside a reranker or a sparse encoder, and beside what one is to be made of (not
    `encodes`) that was not made to encode: vectors of a bare language model are near to chance.
    """
    if sort_of(model) != "dense":
        return "static"
    folder = _files(model)
    bare = folder is not None and not (folder / "modules.json").is_file()
    return "static" if bare and not encodes else model


def refuse_not_dense(name: str) -> None:
    """Raise `DataError` where what is to encode texts is a reranker, or a sparse encoder."""
    sort = sort_of(name)
    if sort == "sparse":
        raise DataError(
            "this is a sparse encoder: it weighs words, and has no dense vector of a text",
            where=name,
            fix="name a dense encoder, or bm25; negatives evaluate MODEL DATA says how good a "
            "sparse one is",
        )
    if sort == "reranker":
        raise DataError(
            "this is a reranker: it scores pairs, and has no vector of a text",
            where=name,
            fix="name an encoder; a reranker puts in order what another model finds: negatives "
            "evaluate MODEL DATA --rerank bm25",
        )


def _files(name: str) -> Path | None:
    """A folder with the model's small files."""
    if Path(name).is_dir():
        return Path(name)
    if name in _OURS or name.lower().endswith(".onnx") or not _HUB_NAME.fullmatch(name):
        return None
    for each in [name] if "/" in name else [f"sentence-transformers/{name}", name]:
        with suppress(Exception):  # no such name, no network, no library: loading explains it
            return _of_hub(each)
    return None


@lru_cache(maxsize=64)
def _of_hub(name: str) -> Path:
    return Path(hub().snapshot_download(name, allow_patterns=_FETCHED))


def _read(path: Path) -> Any:
    return read_json(path, LARGEST) if path.is_file() else {}


def _classes(path: Path) -> list[str]:
    """The classes that modules.json lists, or that router_config.json names."""
    held = _read(path)
    if isinstance(held, list):
        return [str(each.get("type")) for each in held if isinstance(each, dict)]
    types = held.get("types") if isinstance(held, dict) else None
    return [*map(str, types.values())] if isinstance(types, dict) else []
