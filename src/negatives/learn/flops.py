"""The price of a sparse vector: how many operations it costs to compare (Paria et al., 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def flops(vectors: Tensor) -> Tensor:
    """The sum over dimensions of the squared mean absolute activation; `vectors` [..., dim]."""
    made: Tensor = (vectors.flatten(0, -2).abs().mean(dim=0) ** 2).sum()
    return made
