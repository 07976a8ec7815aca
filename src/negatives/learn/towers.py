"""Training of two small towers: images and texts in one space, from nothing but pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.base_models import Base
from negatives.learn.rows_training import RowsTraining
from negatives.learn.settings import Count
from negatives.models.tower_files import device_of
from negatives.models.towers import CONTENTS, names_towers
from negatives.optional import torch
from negatives.schema import Needs
from negatives.stage import PositiveInt


class TowersTraining(RowsTraining, kind="towers"):
    """Train a small tower of images and one of texts (the losses of CLIP, Radford et al. 2021).

    Either side of a collection may be images or texts. The towers are small enough for a laptop, so
    that methods can be compared; they are no substitute for a model that saw millions of pairs.

    >>> from negatives.learn.towers import TowersTraining
    >>> training = TowersTraining(dim=64, size=32)
    >>> training.peak, training.needs.docs
    (0.001, ())
    """

    rate: ClassVar[float] = 1e-3
    usual_recipe: ClassVar[str] = "clip"
    contents: ClassVar[tuple[str, ...]] = CONTENTS
    read_here: ClassVar[str] = "images on one of them"

    dim: Annotated[PositiveInt, Meta(description="numbers of each vector")] = 128
    size: Annotated[
        int, Meta(ge=16, le=512, description="height and width, in pixels, that an image is made")
    ] = 64
    max_length: Annotated[PositiveInt, Meta(description="pieces of a text that are read")] = 32
    epochs: Annotated[PositiveInt, Meta(description="passes over the examples")] = 20
    batch_size: Annotated[PositiveInt, Meta(description="examples a batch")] = 128
    negatives: Annotated[Count, Meta(description="negatives an example, at most")] = 4

    @property
    def needs(self) -> Needs:
        """Images or texts, on either side."""
        return Needs(
            either=CONTENTS,
            instead="give each an image that is there, or a text; vectors by id alone are of "
            "--kind factors",
        )

    def open(self, name: str, *, threads: int, device: str) -> Base:
        """New towers where no model is named (`static` stands for that), or those of a folder."""
        from negatives.learn.id_trainer import id_trainer
        from negatives.learn.pictured import Pictured

        torch.set_num_threads(threads)
        if names_towers(name):
            towers = Pictured.load(Path(name))
        elif name == "static":
            towers = Pictured.begun(self.dim, self.size, self.max_length)
        else:
            raise RecipeError(
                f"{name!r} holds no towers, which {self.kind} trains",
                where="--model",
                fix="leave it out to begin anew, or name a folder that such a training made",
            )
        return Base(name, towers.to(device_of(device)), *id_trainer())
