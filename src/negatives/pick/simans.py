"""SimANS: ambiguous negatives, sampled around the positive's own score."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import polars as pl
from msgspec import Meta
from numpy.typing import NDArray

from negatives.chance import pair_uniforms
from negatives.pick.top import first
from negatives.stage import Picker


class SimANS(Picker, kind="simans"):
    """Sampled by exp(-a (hardness - center_offset)^2) (Zhou et al., EMNLP 2022).

    Scores enter as `hardness`: the difference to the positive in standard deviations, so `a` means
    the same under every scorer. The offset follows the paper (the centre is positive + offset);
    the reference code's sign is the opposite.

    >>> from negatives import SimANS, tiny
    >>> tiny.picked(SimANS(per_query=2, a=50.0))["wings"]  # as hard as the positive
    ['again', 'plane']
    >>> tiny.picked(SimANS(per_query=2, a=50.0, center_offset=-1.0))["wings"]  # easier than it
    ['museum', 'stall']
    """

    a: Annotated[float, Meta(ge=0, description="sharpness; 0 samples uniformly")] = 0.5
    center_offset: Annotated[
        float, Meta(description="centre above (+) or below (-) the positive, in std")
    ] = 0.0
    kernel: Annotated[
        Literal["squared", "absolute"],
        Meta(description="squared: the paper; absolute: the released MS MARCO code"),
    ] = "squared"

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Without replacement, by Gumbel top-k in log space, in the order drawn.

        A pair without a hardness has weight 0: it is taken only when the others have run out.
        """
        hardness = rows["hardness"].cast(pl.Float64).to_numpy()
        gumbel = -np.log(-np.log(pair_uniforms(rows, seed, "pick/simans")))
        key = log_weights(hardness, self.a, self.center_offset, self.kernel) + gumbel
        return first(
            rows.with_columns(pl.Series("_key", key).fill_nan(-np.inf))
            .sort("query_id", "_key", "doc_id", descending=[False, True, False])
            .drop("_key"),
            self.per_query,
        )


def log_weights(
    difference: NDArray[np.float64], a: float, center_offset: float, kernel: str = "squared"
) -> NDArray[np.float64]:
    """Log of the unnormalised probability of each candidate; `difference` is s - s+."""
    distance = difference - center_offset
    return -a * (distance**2 if kernel == "squared" else np.abs(distance))
