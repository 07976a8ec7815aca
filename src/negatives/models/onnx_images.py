"""An encoder of images from an ONNX file, such as the vision half of CLIP, beside one of texts.

How an image is made ready, `preprocessor_config.json` says, beside the file or in the folder above,
as transformers writes it: the size, whether the middle is cut out, the mean and the deviation of
each colour. Without it nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from negatives.arrays import Floats
from negatives.errors import DataError
from negatives.faults import raise_spent
from negatives.models.encoder import Encoded, Encoder
from negatives.models.images import squares
from negatives.models.onnx import open_session
from negatives.read.files import telling
from negatives.store.atomic import file_hash

SETTINGS: Final = "preprocessor_config.json"
_BATCH: Final = 16
_VECTORS: Final = ("image_embeds", "pooler_output", "sentence_embedding", "embeddings")
"""What an output may be called that is one vector an image; else the first that is."""


class Preparation(msgspec.Struct, frozen=True):
    """What `preprocessor_config.json` says; keys that are not here change nothing of it."""

    size: int | dict[str, int]
    image_mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    image_std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    crop_size: int | dict[str, int] | None = None
    do_center_crop: bool = False
    do_rescale: bool = True
    do_normalize: bool = True
    rescale_factor: float = 1 / 255

    @property
    def pixels(self) -> int:
        """Height and width; `ValueError` where they differ."""
        given = self.crop_size if self.do_center_crop and self.crop_size else self.size
        sizes = {given} if isinstance(given, int) else set(given.values())
        if len(sizes) != 1:
            raise ValueError(f"an image is to be made {given}, which is no square")
        return sizes.pop()

    def ready(self, paths: Sequence[str]) -> Floats:
        """float32[paths, 3, size, size]."""
        made = squares(paths, self.pixels, cut=self.do_center_crop).astype(np.float32)
        if self.do_rescale:
            made *= np.float32(self.rescale_factor)
        if self.do_normalize:
            made -= np.array(self.image_mean, np.float32)
            made /= np.array(self.image_std, np.float32)
        return np.ascontiguousarray(made.transpose(0, 3, 1, 2))


class OnnxImages:
    """A graph of pixels. `text`: an encoder of texts into the same space, where there is one."""

    def __init__(self, model: Path, text: Encoder | None = None) -> None:
        if not model.is_file():
            raise DataError(f"there is no encoder at {str(model)!r}", fix="give an existing file")
        self._model, self._text = model, text
        self._settings = settings_of(model)
        fix = "write what the model's own says; it stands in its folder on the hub"
        with telling("not a usable preprocessor_config.json", self._settings, fix):
            self._prepared = msgspec.json.decode(self._settings.read_bytes(), type=Preparation)
            self._prepared.pixels  # noqa: B018 (raises where it is no square)
        self._session = open_session(model)
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            raise DataError(
                f"the graph asks for {', '.join(str(each.name) for each in inputs)}, and not for "
                "pixels alone",
                where=str(model),
                fix="export the image half of the model, whose only input is pixel_values",
            )
        self._input = str(inputs[0].name)
        self._output = self._chosen()
        if text is not None and text.dim != self.dim:
            raise DataError(
                f"vectors of images have {self.dim} numbers, and those of texts {text.dim}",
                where=str(model),
                fix="name the two halves of one model",
            )

    @cached_property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self.encode([""]).vectors.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Hashes of the graph, of how images are made ready, and what encodes texts."""
        hashes = [file_hash(self._model), file_hash(self._settings)]
        return "-".join(["images", *hashes, *([self._text.fingerprint] if self._text else [])])

    @property
    def contents(self) -> Mapping[str, Encoder]:
        """By content: what encodes it."""
        return {"image": self} | ({} if self._text is None else {"text": self._text})

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The vectors of images, by their paths; none is cut."""
        made = []
        for start in range(0, len(texts), _BATCH):
            pixels = self._prepared.ready(texts[start : start + _BATCH])
            try:
                (found,) = self._session.run([self._output], {self._input: pixels})
            except Exception as error:  # onnxruntime has no common exception
                raise_spent(error)
                raise DataError(
                    f"the model could not encode images of {self._prepared.pixels} pixels: {error}",
                    where=str(self._model),
                    fix=f"give the {SETTINGS} that belongs to the model",
                ) from None
            made.append(np.asarray(found, np.float32))
        return Encoded(np.concatenate(made), np.zeros(len(texts), np.bool_))

    def _chosen(self) -> str:
        axes: dict[str, Any] = {
            str(put.name): len(put.shape) for put in self._session.get_outputs()
        }
        flat = [name for name in axes if axes[name] == 2]
        usable = [*(name for name in _VECTORS if name in flat), *flat]
        if usable:
            return usable[0]
        raise DataError(
            f"no output of the graph is a vector an image: {[*axes.items()]}",
            where=str(self._model),
            fix="export the model with its projection, whose output is image_embeds",
        )


def settings_of(model: Path) -> Path:
    """The file that says how images are made ready; `DataError` where there is none."""
    for folder in (model.parent, model.parent.parent):
        if (folder / SETTINGS).is_file():
            return folder / SETTINGS
    raise DataError(
        f"no {SETTINGS} beside the model, nor in the folder above",
        where=str(model),
        fix="copy it from the model that the .onnx file was made of: it says how images are made "
        "ready",
    )
