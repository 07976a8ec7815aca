"""p_relevant counted in bins that grow with it: its tail up to 1, and whether it is right.

Of the relevant pairs a share c, the label rate, has a label. Where p_relevant is right, pairs
without a label whose p adds up to s therefore stand beside s x c / (1 - c) labelled ones of the
same p, each with the p it would have if its label was not known. So the known positives of a bin
say which p its other pairs should have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles
from negatives.measure.estimate import rounded
from negatives.schema import ELIGIBLE, POSITIVE

EDGES: Final = (
    0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0,
)  # fmt: skip
NEGATIVES: Final = "negatives"
POOL: Final = "pool"
KNOWN: Final = "positives"


@dataclass
class Probabilities:
    """Counts by bin: of the negatives, of all eligible pairs (with the sum of their p), of the
    known positives that a source proposed."""

    counts: dict[str, Doubles] = field(
        default_factory=lambda: {
            name: np.zeros(len(EDGES) - 1) for name in (NEGATIVES, POOL, KNOWN, "sum")
        }
    )

    def add(self, part: pl.DataFrame) -> None:
        """Some rows of the ledger, with `position`."""
        rows = part.lazy().filter(pl.col("p_relevant").is_not_null())
        rows = rows.select("verdict", "position", p=pl.col("p_relevant").cast(pl.Float64))
        found = rows.collect()
        if found.is_empty():
            return
        p = found["p"].to_numpy()
        bins = np.clip(np.searchsorted(EDGES, p, side="right") - 1, 0, len(EDGES) - 2)
        pool = (found["verdict"] == ELIGIBLE).to_numpy()
        chosen = found["position"].is_not_null().to_numpy() & pool
        known = (found["verdict"] == POSITIVE).to_numpy()
        for name, which in ((NEGATIVES, chosen), (POOL, pool), (KNOWN, known)):
            self.counts[name] += np.bincount(bins[which], minlength=len(EDGES) - 1)
        self.counts["sum"] += np.bincount(bins[pool], p[pool], len(EDGES) - 1)

    def tail(self) -> dict[str, Any] | None:
        """edges and counts by series, as pictures take them; None where p_relevant is not known."""
        if not self.counts[POOL].any():
            return None
        return {
            "edges": list(EDGES),
            "series": {
                name: self.counts[name].astype(int).tolist() for name in (NEGATIVES, POOL, KNOWN)
            },
        }

    def calibration(self, label_rate: float | None) -> list[dict[str, Any]]:
        """By bin: pairs, their mean p, known positives, and the p which these imply (or None)."""
        found = []
        for place, (low, high) in enumerate(pairwise(EDGES)):
            pairs, known = (int(self.counts[name][place]) for name in (POOL, KNOWN))
            if not pairs:
                continue
            implied = None
            if label_rate and label_rate < 1:
                implied = min(1.0, known * (1 - label_rate) / label_rate / pairs)
            found.append(
                {
                    "from": low,
                    "to": high,
                    "pairs": pairs,
                    "mean": rounded(float(self.counts["sum"][place]) / pairs),
                    "known": known,
                    "implied": rounded(implied),
                }
            )
        return found
