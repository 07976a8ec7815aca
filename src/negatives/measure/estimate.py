"""One estimate of a share of false negatives: its figures, and what has to be true for them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`value` between `low` and `high`, all shares of the negatives, with `confidence`.

    What cannot be given is None, and `why` says why. `low` is None for a bound from above.
    `assumption` is one plain sentence; `details` holds the counts behind the figures.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float
    assumption: str
    why: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; shares to six significant digits."""
        return {
            "value": rounded(self.value),
            "low": rounded(self.low),
            "high": rounded(self.high),
            "confidence": self.confidence,
            "assumption": self.assumption,
            "why": self.why,
            **{
                name: rounded(value) if isinstance(value, float) else value
                for name, value in self.details.items()
            },
        }


def rounded(value: float | None) -> float | None:
    """Six significant digits: a figure that is the same on every machine."""
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None


def share(part: float, whole: float) -> float | None:
    """part / whole, rounded; None where there is no whole."""
    return rounded(part / whole) if whole else None
