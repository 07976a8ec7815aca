"""How strong a guide is at each step of a generation.

Guidance of one strength from the first step to the last leaves what the model has learned: it goes
on pushing a sample that is already where it should be. So a guide may start late, stop early, and
fade.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

from negatives.errors import DataError

Shape = Literal["constant", "falling", "rising", "cosine"]
_SHAPES: Final = get_args(Shape)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A share of a guide's strength for each step; 0 outside of the steps that it is for.

    `start`, `stop`: shares of the steps, the second not among them: 0 and .6 of 50 steps are the
    first 30. `shape`: what the strength does between them, constant, falling to 0 or rising from 0
    in a line, or falling as half a cosine.

    >>> from negatives.guide import Schedule
    >>> [Schedule(stop=0.6).share(step, 5) for step in range(5)]
    [1.0, 1.0, 1.0, 0.0, 0.0]
    >>> [round(Schedule(shape="falling").share(step, 4), 2) for step in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """

    start: float = 0.0
    stop: float = 1.0
    shape: Shape = "constant"

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.stop <= 1:
            raise DataError(
                f"a schedule from {self.start:g} to {self.stop:g}",
                fix="start and stop are shares of the steps: 0 <= start <= stop <= 1",
            )
        if self.shape not in _SHAPES:
            raise DataError(f"no schedule is {self.shape!r}", fix=f"valid: {', '.join(_SHAPES)}")

    def share(self, step: int, steps: int) -> float:
        """From 0 to 1, of the step number `step` of `steps`, the first being 0."""
        if not 0 <= step < steps:
            raise DataError(f"step {step:,} of {steps:,}", fix="the first is 0")
        # Rounded before it is cut: .6 of 50 is 30, not the 29.999999999999996 of the machine.
        first, end = (int(round(share * steps, 9)) for share in (self.start, self.stop))
        if not first <= step < end:
            return 0.0
        done = (step - first) / (end - first)
        if self.shape == "falling":
            return 1 - done
        if self.shape == "rising":
            return done
        return (1 + math.cos(math.pi * done)) / 2 if self.shape == "cosine" else 1.0

    def weight(self, strength: float, step: int, steps: int) -> float:
        """That share of a strength which does nothing at 0, such as the weight of a negative."""
        return strength * self.share(step, steps)

    def scale(self, scale: float, step: int, steps: int) -> float:
        """That share of what a scale adds to 1, the conditional prediction."""
        return 1 + (scale - 1) * self.share(step, steps)
