"""Training of a small tower of time series, which learns from two views of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.rows_training import RowsTraining
from negatives.learn.settings import Count
from negatives.models.series_encoder import names_series
from negatives.models.tower_files import device_of
from negatives.optional import torch
from negatives.schema import Needs
from negatives.stage import PositiveInt

if TYPE_CHECKING:
    from negatives.learn.base_models import Base


class SeriesTraining(RowsTraining, kind="series"):
    """Train a small tower of time series on pairs, each side changed by chance at every step.

    A series that is its own positive so becomes two views (SimCLR, Chen et al. 2020): a stretch of
    it, made as long as the whole, then scaled and given noise. Where documents are other series
    than queries, such as those of another sensor, both are changed all the same; with `crop` 1 and
    the rest 0 nothing is. Both sides have the same tower.

    >>> from negatives.learn.series import SeriesTraining
    >>> training = SeriesTraining(dimensions=3, length=64)
    >>> training.peak, training.needs.docs
    (0.001, ('series',))
    """

    rate: ClassVar[float] = 1e-3
    usual_recipe: ClassVar[str] = "dbpm-series"
    contents: ClassVar[tuple[str, ...]] = ("series",)
    read_here: ClassVar[str] = "time series"

    dim: Annotated[PositiveInt, Meta(description="numbers of each vector")] = 64
    dimensions: Annotated[PositiveInt, Meta(description="values of a series at each step")] = 1
    length: Annotated[
        int, Meta(ge=8, le=4096, description="steps that each series is stretched, or shrunk, to")
    ] = 128
    crop: Annotated[
        float, Meta(gt=0, le=1, description="smallest share of a series that a view shows")
    ] = 0.5
    scale: Annotated[
        float, Meta(ge=0, description="standard deviation of the factor, about 1, of a dimension")
    ] = 0.2
    noise: Annotated[
        float, Meta(ge=0, description="standard deviation of the noise of a value, as that of all")
    ] = 0.1
    epochs: Annotated[PositiveInt, Meta(description="passes over the examples")] = 80
    batch_size: Annotated[PositiveInt, Meta(description="examples a batch")] = 64
    negatives: Annotated[Count, Meta(description="negatives an example, at most")] = 0

    @property
    def needs(self) -> Needs:
        """Time series on both sides."""
        return Needs(
            ("series",),
            ("series",),
            "name .ts files, or give rows a `series`; learn texts with --kind encoder",
        )

    def open(self, name: str, *, threads: int, device: str) -> Base:
        """A new tower where no model is named (`static` stands for that), or that of a folder."""
        from negatives.learn.base_models import Base
        from negatives.learn.id_trainer import id_trainer
        from negatives.learn.recorded import Recorded
        from negatives.models.series_modules import SeriesShape

        torch.set_num_threads(threads)
        if names_series(name):
            tower = Recorded.load(Path(name))
        elif name == "static":
            shape = SeriesShape(dim=self.dim, dimensions=self.dimensions, length=self.length)
            tower = Recorded(shape)
        else:
            raise RecipeError(
                f"{name!r} holds no tower of time series, which {self.kind} trains",
                where="--model",
                fix="leave it out to begin anew, or name a folder that such a training made",
            )
        tower.changes = self.crop, self.scale, self.noise
        return Base(name, tower.to(device_of(device)), *id_trainer())
