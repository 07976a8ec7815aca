"""The images of a sentence-transformers model that reads them beside texts, such as CLIP."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from negatives.arrays import Floats
from negatives.bounded import read_small
from negatives.errors import DataError
from negatives.models.encoder import Encoded
from negatives.read.images import opened

IMAGE: Final = "image"
_SETTINGS: Final = "sentence_bert_config.json"
_LARGEST: Final = 1 << 20
_BATCH: Final = 16


def folder_reads_images(spec: str) -> bool:
    """Whether a folder says that its model reads images; of a hub name nothing is known so far."""
    path = Path(spec) / _SETTINGS
    if not path.is_file():
        return False
    try:
        said = msgspec.json.decode(read_small(path, _LARGEST).encode(), type=dict[str, Any])
    except (msgspec.MsgspecError, DataError):
        return False  # whoever opens it says what is wrong
    return IMAGE in (said.get("modality_config") or {})


class SentenceImages:
    """The image half of a model: an encoder of paths of images.

    `compute` is what encodes some images of pillow, float32[n, dim]; `processor` makes them ready.
    """

    def __init__(
        self, compute: Callable[[list[Any]], Floats], dim: int, fingerprint: str, processor: Any
    ) -> None:
        self.dim = dim
        self._compute, self._of, self._processor = compute, fingerprint, processor

    @cached_property
    def fingerprint(self) -> str:
        """That of the model, and a hash of how images are made ready."""
        said = repr(getattr(self._processor, "image_processor", self._processor)).encode()
        return f"{self._of}-{hashlib.blake2b(said, digest_size=8).hexdigest()}"

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The vectors of images by their paths; no path ("") gives zeros."""
        made = np.zeros((len(texts), self.dim), np.float32)
        there = [row for row, path in enumerate(texts) if path]
        for start in range(0, len(there), _BATCH):
            rows = there[start : start + _BATCH]
            made[rows] = self._compute([opened(texts[row]) for row in rows])
        return Encoded(made, np.zeros(len(texts), np.bool_))
