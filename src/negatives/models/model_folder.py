"""What a model's folder may hold, before it is loaded: known modules, no code, no pickled weights.

The libraries that load such folders differ, by version too, in what they run of them: classes named
in modules.json and in the settings of modules, `auto_map`, kernels named in a configuration, and
whatever a pickle says. So all of it is refused here, by what the files say and before a library
sees them, whatever the version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from negatives.bounded import check_ordinary, read_json
from negatives.errors import DataError
from negatives.hub import forbidden, hub
from negatives.models.weight_files import check_weights

TRAINING: Final = "training.json"
"""What `negatives train` writes beside a model: what it was trained with, and how it went."""
MODULES: Final = frozenset(
    [
        "Asym",
        "BoW",
        "CLIPModel",
        "CNN",
        "CSRSparsity",
        "Dense",
        "Dropout",
        "IDF",
        "LSTM",
        "LayerNorm",
        "LogitScore",
        "MLMTransformer",
        "MultiVectorMask",
        "Normalize",
        "Pooling",
        "Router",
        "SparseAutoEncoder",
        "SparseStaticEmbedding",
        "SpladePooling",
        "StaticEmbedding",
        "TokenPooling",
        "Transformer",
        "WeightedLayerPooling",
        "WordEmbeddings",
        "WordWeights",
        "PhraseTokenizer",
        "TransformersTokenizerWrapper",
        "WhitespaceTokenizer",
    ]
)
"""Names of the classes of sentence-transformers that a folder may be made of."""

_MODULE: Final = re.compile(r"sentence_transformers(\.[a-z]\w*)*\.([A-Z]\w*)")
_ACTIVATION: Final = re.compile(r"torch\.nn\.(modules\.[a-z]\w*\.)?[A-Z]\w*")

_ACTIVATIONS: Final = ("activation_function", "activation_fn", "default_activation_function")
"""Settings whose value sentence-transformers imports and calls, where it has a dot."""
_KERNELS: Final = ("attn_implementation", "_attn_implementation", "experts_implementation")
"""Settings for which transformers fetches code from the hub, where the value has a slash."""
_CODE: Final = ("auto_map", "custom_pipelines", "custom_generate", "gguf_file")
_ASKS: Final = ("trust_remote_code", "use_kernels")

_PICKLES: Final = {".bin", ".pt", ".pth", ".ckpt"}
_ALWAYS: Final = {".pkl", ".pickle", ".joblib", ".dill"}
_SAFE: Final = ("model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors")
_INDEX: Final = ".index.json"

_STATE: Final = re.compile(
    r"(optimizer|scheduler|scaler)\.pt|rng_state(_\d+)?\.pth|training_args\.bin|openvino_\w+\.bin"
)
"""What a trainer leaves to go on from, and another program's weights: nothing here opens them."""

LARGEST: Final = 16 * 2**20
"""Bytes of a file of settings."""

MEND: Final = (
    "name a model whose folder holds modules of sentence-transformers and safetensors weights, and "
    "no code of its own"
)


def check_model(name: str, seen: frozenset[str] = frozenset()) -> None:
    """Raise `DataError` where a folder, or a hub model's files, would run code when loaded.

    Of a hub model the small files are fetched first; where that fails, whoever loads it says so.
    `seen`: names that are being checked already, of which this one is a part.
    """
    if name in seen:
        return
    if Path(name).is_dir():
        _check_folder(Path(name), set(), seen | {name})
        check_weights(Path(name))
        return
    try:
        names = [] if forbidden() else hub().list_repo_files(name)
        folder = hub().snapshot_download(name, allow_patterns=["*.json"])
    except Exception:  # no such name, no network: loading ends in the same, and is explained there
        return
    _check_folder(Path(folder), set(map(Path, names)), seen | {name})


def check_settings(folder: Path) -> None:
    """Raise `DataError` where a file of settings right in `folder` names code."""
    for path in sorted(folder.glob("*.json")):
        if _is_settings(path):
            _check(read_json(path, LARGEST), path, frozenset())


def _check_folder(folder: Path, also: set[Path], seen: frozenset[str]) -> None:
    """Check all that is in `folder` and below; `also`: names of more files that belong there."""
    paths = sorted(folder.rglob("*"))
    for path in paths:
        check_ordinary(path)
        if _is_settings(path):
            _check(read_json(path, LARGEST), path, seen)
    files = (path.relative_to(folder) for path in paths if not path.is_dir())
    _refuse_pickles(folder, also.union(files))


def _is_settings(path: Path) -> bool:
    """Whether a library that loads models takes instructions from this file."""
    name = path.name
    return name.endswith(".json") and (
        "config" in name or name == "modules.json" or name.endswith(_INDEX)
    )


def _check(settings: Any, path: Path, seen: frozenset[str]) -> None:
    if path.name == "modules.json":
        _check_modules(settings, path)
    elif path.name.endswith(_INDEX):
        _check_index(settings, path)
    elif path.name == "adapter_config.json" and isinstance(settings, dict):
        if base := settings.get("base_model_name_or_path"):
            check_model(str(base), seen)
    elif isinstance(settings, dict) and "structure" in settings:  # of a Router
        types = settings.get("types")
        for name in types.values() if isinstance(types, dict) else ():
            _check_class(name, path)
    for key, value in _settings(settings):
        if key in _CODE and value:
            raise _refused(f"{key} names code", path)
        if key in _ASKS and value:
            raise _refused(f"{key} asks for code to be run", path)
        if key in _KERNELS and "/" in str(value):
            raise _refused(f"{key} names code to be fetched: {value!r}", path)
        if not isinstance(value, str) or "." not in value:
            continue
        if key in _ACTIVATIONS and not _ACTIVATION.fullmatch(value):
            raise _refused(f"{key} is no activation of torch.nn: {value!r}", path)
        if key == "tokenizer_class":
            _check_class(value, path)


def _settings(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key of an object, however deep, with its value."""
    left = [value]
    while left:
        at = left.pop()
        if isinstance(at, dict):
            yield from at.items()
            left.extend(at.values())
        elif isinstance(at, list):
            left.extend(at)


def _check_modules(modules: Any, path: Path) -> None:
    """Every module is a known class, and lies in the folder."""
    if not isinstance(modules, list):
        raise DataError("modules.json holds no list of modules", where=str(path), fix=MEND)
    for module in modules:
        if not isinstance(module, dict):
            raise DataError("a module is no object", where=str(path), fix=MEND)
        _check_class(module.get("type"), path)
        inside = module.get("path", "")
        if not isinstance(inside, str) or _outside(inside):
            raise DataError(
                f"a module lies outside the folder: {inside!r}", where=str(path), fix=MEND
            )


def _check_class(name: Any, path: Path) -> None:
    found = _MODULE.fullmatch(name) if isinstance(name, str) else None
    if found is None or found[2] not in MODULES:
        raise _refused(f"the module {name!r} is none of sentence-transformers", path)


def _check_index(index: Any, path: Path) -> None:
    """An index of weights in several files names safetensors files beside it."""
    weights = index.get("weight_map") if isinstance(index, dict) else None
    names = set(map(str, weights.values())) if isinstance(weights, dict) else set()
    for name in sorted(names):
        if "/" in name or "\\" in name or not name.endswith(".safetensors"):
            raise DataError(
                f"the index of weights names {name!r}, which is no safetensors file of the folder",
                where=str(path),
                fix="convert the weights to safetensors",
            )


def _outside(inside: str) -> bool:
    parts = re.split(r"[/\\]", inside)
    return ".." in parts or inside.startswith(("/", "\\", "~")) or ":" in inside


def _refuse_pickles(folder: Path, names: set[Path]) -> None:
    """Refuse weights that a library would unpickle: those beside which there are no safe ones.

    Hub models also hold weights for other programs, in folders of their own without settings.
    """
    safe = {name.parent for name in names if name.name in _SAFE}
    loaded = {Path(), *(name.parent for name in names if name.suffix == ".json")}
    pickled = sorted(
        str(name)
        for name in names
        if not _STATE.fullmatch(name.name)
        and (
            name.suffix.lower() in _ALWAYS
            or (
                name.suffix.lower() in _PICKLES
                and name.parent not in safe
                and (name.parent in loaded or name.name.startswith("pytorch_model"))
            )
            or (name.name == "adapter_model.bin" and name.with_suffix(".safetensors") not in names)
        )
    )
    if pickled:
        raise DataError(
            f"the weights are pickles ({', '.join(pickled[:5])}), which can run code when read",
            where=str(folder),
            fix="convert them to safetensors, and take the pickles out of the folder",
        )


def _refused(what: str, path: Path) -> DataError:
    return DataError(
        f"the model needs code of its own to be run, which is never done: {what}",
        where=str(path),
        fix=MEND,
    )


def is_language_model(name: str) -> bool:
    """Whether a folder says that it holds a causal language model of transformers."""
    folder = Path(name)
    return not (folder / "modules.json").exists() and is_one_of(
        folder, ("ForCausalLM", "LMHeadModel")
    )


def is_one_of(folder: Path, endings: tuple[str, ...]) -> bool:
    """Whether config.json names a class of transformers with one of these endings."""
    if not (folder / "config.json").is_file():
        return False
    stated = read_json(folder / "config.json")
    named = stated.get("architectures") if isinstance(stated, dict) else None
    return any(str(each).endswith(endings) for each in named or ())
