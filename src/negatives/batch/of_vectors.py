"""What batchers share that look at vectors: these can be made anew while a model is trained."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from negatives.batch.epochs import Ordering


class OfVectors(Ordering, kw_only=True):
    """A batcher that orders an epoch by vectors of the texts.

    They are those of the model that training starts from. With `refresh` the model as it is by then
    encodes the texts again, and the epochs from then on are ordered by what it has learned.
    """

    refresh: Annotated[
        int,
        Meta(
            ge=0,
            description="epochs after which the model as it is makes the vectors anew; 0: never",
        ),
    ] = 0

    @property
    def refresh_every(self) -> int:
        """As `refresh` says."""
        return self.refresh
