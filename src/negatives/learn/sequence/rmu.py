"""Misdirected representations: inside of the model, what is to be forgotten turns to noise.

Li et al. 2024, The WMDP Benchmark (RMU): at one layer, what the model holds for tokens of what is
to be forgotten goes to one random direction, and for what is to be kept stays what it was:

    forget = mean_t |h_t - scale u|^2 / width       keep = mean_t |h_t - h_t of before|^2 / width

u is a unit vector of independent normal numbers, the same in all steps (by `direction_seed`), so
that it points anywhere; a uniform one would point into one corner alone.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import SequenceLoss
from negatives.optional import Tensor, torch


class RMU(SequenceLoss, kind="rmu"):
    """Push what a layer holds of forgotten texts to a random direction, and hold it elsewhere.

    >>> from negatives.learn.sequence.rmu import RMU
    >>> RMU(of_layer=1).layer, round(float(RMU().direction(8).norm()), 4)
    (1, 1.0)
    """

    of_layer: Annotated[int, Meta(ge=0, description="whose output it is, from 0")] = 1
    scale: Annotated[float, Meta(gt=0, description="length of the direction")] = 20.0
    retain_weight: Annotated[float, Meta(ge=0, description="of what is to be kept")] = 100.0
    direction_seed: Annotated[int, Meta(ge=0, description="of the direction")] = 0

    @property
    def keeps(self) -> bool:
        """Unless it weighs nothing."""
        return self.retain_weight > 0

    @property
    def needs_frozen(self) -> bool:
        """Where something is kept."""
        return self.keeps

    @property
    def layer(self) -> int | None:
        """As `of_layer` says."""
        return self.of_layer

    def direction(self, width: int) -> Tensor:
        """float[width]: the unit vector."""
        drawn = torch.randn(width, generator=torch.Generator().manual_seed(self.direction_seed))
        return drawn / drawn.norm()

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        hidden = batch.known("hidden")
        there = self.scale * self.direction(hidden.shape[-1]).to(hidden)
        lost = batch.averaged(((hidden - there) ** 2).mean(-1))
        losses = batch.per_example(lost, ~batch.right)
        if not self.keeps:
            return losses
        before = batch.as_it_was.known("hidden")
        held = batch.averaged(((hidden - before) ** 2).mean(-1))
        return losses + self.retain_weight * batch.per_example(held, batch.right)
