"""How a specification such as `static` or `model.onnx` becomes an encoder.

static                                the encoder in the package: no download, no torch
path/model.onnx                       ONNX; its tokenizer.json beside it or in the folder above
path/model.onnx?tokenizer=PATH        ONNX with its tokenizer elsewhere
path/model.onnx?int8                  a float ONNX model made 8-bit, once; options join by &
path/vision.onnx?images               ONNX of images, such as the vision half of CLIP
path/vision.onnx?images&text=ENCODER  ... with the encoder of texts into the same space
onnx:NAME                             a sentence-transformers folder or hub name, exported to ONNX
onnx:NAME?int8                        ... and made 8-bit
http://host:port/v1#MODEL             an OpenAI-compatible embeddings endpoint
http://host:port/v1#MODEL?concurrency=8   ... asked by 8 calls at a time instead of 4
parts:NAME                            any of these, of long texts cut into parts of 200 words
parts:WORDS:NAME                      ... or of so many words
a folder with factors.json            vectors that were learned by id: ids are looked up
a folder with towers.json             small towers of texts and images, trained by this library
a folder with series.json             a small tower of time series, trained by this library
anything else                         a sentence-transformers folder or hub name
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from negatives.errors import DataError, RecipeError
from negatives.events import Emit, silent
from negatives.models.by_id import IdEncoder, names_ids
from negatives.models.encoder import Encoder
from negatives.models.parts import PREFIX, PartsEncoder, taken_apart
from negatives.models.sentence_images import folder_reads_images
from negatives.models.series_encoder import SeriesEncoder, names_series
from negatives.models.spec import Options, names_nothing, split_options
from negatives.models.towers import TowersEncoder, names_towers
from negatives.secrets import refuse_secrets

_IMAGES: Final = re.compile(r"(?i)\.onnx\?(.*&)?images(&|$)")


def open_encoder(
    spec: str,
    *,
    api_key: str = "",
    threads: int = 1,
    device: str = "auto",
    emit: Emit = silent,
) -> Encoder:
    """The encoder that `spec` names (see the top of this module), its backend imported now.

    `api_key` is for endpoints only, and names an environment variable: `env:NAME`. `threads`
    bounds the cores used where a backend runs here; the static encoder uses one. `device` is where
    sentence-transformers computes: `auto`, `cpu` or `cuda`; the other backends know the CPU only.

    Raises `DataError` for a path that does not exist or holds no usable model, `MissingExtra`
    where the backend is not installed, `RecipeError` for a literal key or an unknown option,
    `ServiceError` where an endpoint does not answer.
    """
    if not spec.strip():
        raise DataError("no encoder is named", fix="name one, such as 'static'")
    if spec == "static":
        from negatives.models.static import StaticEncoder

        return StaticEncoder()
    refuse_secrets(spec)
    if spec.lower().startswith(PREFIX):
        words, name = taken_apart(spec)
        opened = open_encoder(name, api_key=api_key, threads=threads, device=device, emit=emit)
        return PartsEncoder(opened, words)
    if re.match(r"https?://", spec, re.IGNORECASE):
        from negatives.models.endpoint import EndpointEncoder

        return EndpointEncoder(spec, api_key=api_key, emit=emit)
    if spec.lower().startswith("onnx:"):
        from negatives.models.exported import open_exported

        return open_exported(spec, threads=threads, emit=emit)
    if spec.partition("?")[0].lower().endswith(".onnx"):
        return _open_onnx(spec, threads, emit)
    refuse_missing(spec)
    if names_ids(spec):
        return IdEncoder(spec)
    if names_towers(spec):
        return TowersEncoder(spec, threads=threads, device=device)
    if names_series(spec):
        return SeriesEncoder(spec, threads=threads, device=device)
    from negatives.models.sentence_transformers import SentenceTransformersEncoder

    return SentenceTransformersEncoder(spec, threads=threads, device=device)


def refuse_missing(spec: str) -> None:
    """Raise `DataError` where `spec` is a path at which nothing is; nothing is opened."""
    _, name = taken_apart(spec) if spec.lower().startswith(PREFIX) else (0, spec)
    if name == "static" or re.match(r"https?://|onnx:", name, re.IGNORECASE):
        return
    path = name.partition("?")[0]
    if names_nothing(path) or (path.lower().endswith(".onnx") and not Path(path).exists()):
        raise DataError(
            f"there is no encoder at {path!r}",
            fix="give an existing folder or .onnx file, a hub name, an endpoint, or 'static'",
        )


def _open_images(path: str, options: Options, spec: str, threads: int, emit: Emit) -> Encoder:
    from negatives.models.onnx_images import OnnxImages

    if "images" not in options or {"int8", "tokenizer"} & set(options):
        raise RecipeError(
            "options of texts and of images are mixed",
            where=f"the encoder {spec!r}",
            fix="write vision.onnx?images, or vision.onnx?images&text=ENCODER",
        )
    text = options.get("text")
    return OnnxImages(
        Path(path), None if text is None else open_encoder(text, threads=threads, emit=emit)
    )


def reads_no_texts(spec: str) -> bool:
    """Whether an encoder's name tells that it needs no texts: ids do, or what else a side has."""
    known = names_ids(spec) or names_towers(spec) or names_series(spec)
    return known or folder_reads_images(spec) or bool(_IMAGES.search(spec))


def _open_onnx(spec: str, threads: int, emit: Emit) -> Encoder:
    from negatives.models.onnx import OnnxEncoder
    from negatives.models.quantised import open_int8

    path, options = split_options(spec, flags=["int8", "images"], values=["tokenizer", "text"])
    if "images" in options or "text" in options:
        return _open_images(path, options, spec, threads, emit)
    tokenizer = Path(options["tokenizer"]) if "tokenizer" in options else None
    if "int8" in options:
        return open_int8(Path(path), tokenizer=tokenizer, threads=threads, emit=emit)
    return OnnxEncoder(Path(path), tokenizer=tokenizer, threads=threads)
