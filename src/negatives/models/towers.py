"""Towers that `negatives train --kind towers` made, opened: an encoder of texts and of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools
from negatives.models.encoder import Encoded, Encoder
from negatives.models.images import squares
from negatives.models.tower_files import WEIGHTS, device_of
from negatives.optional import torch
from negatives.store.atomic import file_hash

ABOUT: Final = "towers.json"
"""What the folder of towers holds, and no other."""
CONTENTS: Final = ("image", "text")
"""What towers can read; of a side that has both, the image."""
_BATCH: Final = 256


def names_towers(spec: str) -> bool:
    """Whether an encoder's name is that of a folder of towers."""
    return (Path(spec) / ABOUT).is_file()


class TowersEncoder:
    """A folder of towers. `contents` has an encoder of texts and one of paths of images.

    What a side of a collection has decides which of them encodes it.
    """

    def __init__(self, folder: str | Path, *, threads: int = 1, device: str = "auto") -> None:
        from negatives.models.tower_modules import Towers

        torch.set_num_threads(threads)
        self.model: Any = Towers.load(Path(folder)).eval().to(device_of(device))
        self.dim = int(self.model.shape.dim)
        hashes = [file_hash(Path(folder) / name) for name in (ABOUT, WEIGHTS)]
        self.fingerprint = "towers-" + "-".join(hashes)

    @cached_property
    def contents(self) -> Mapping[str, Encoder]:
        """By content: what encodes it."""
        return {"image": Tower(self, self.images), "text": Tower(self, self.texts)}

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The vectors of texts."""
        return self.contents["text"].encode(texts)

    def texts(self, texts: Sequence[str]) -> tuple[Any, Bools]:
        """Vectors of texts, and whether only the beginning of one was read."""
        pieces = self.model.pieces_of(texts)
        cut = pieces[:, -1] != self.model.embedding.padding_idx
        return self.model.of_pieces(self._moved(pieces)), cut

    def images(self, paths: Sequence[str]) -> tuple[Any, Bools]:
        """Vectors of the images at some paths."""
        seen = squares(paths, self.model.shape.size)
        return self.model.of_pixels(self._moved(seen)), np.zeros(len(paths), np.bool_)

    def _moved(self, array: NDArray[Any]) -> Any:
        return torch.as_tensor(array).to(self.model.device)


class Whole(Protocol):
    """What towers are parts of."""

    dim: int
    fingerprint: str


class Tower:
    """A tower as an encoder of one content."""

    def __init__(self, whole: Whole, of: Callable[[Sequence[str]], tuple[Any, Bools]]) -> None:
        self.dim = whole.dim
        self.fingerprint = whole.fingerprint
        self._of = of

    def encode(self, texts: Sequence[str]) -> Encoded:
        """float32[n, dim], a batch at a time."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        truncated = np.zeros(len(texts), np.bool_)
        with torch.inference_mode():
            for start in range(0, len(texts), _BATCH):
                some = slice(start, start + _BATCH)
                found, truncated[some] = self._of(list(texts[some]))
                vectors[some] = found.float().cpu().numpy()
        return Encoded(vectors, truncated)
