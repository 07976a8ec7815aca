"""How likely the right and the wrong responses are, on the way: forgetting against what it costs.

As `negatives evaluate` measures it: a token that ends a text is no part of a response.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from negatives.learn.sequence.forward import sums_of
from negatives.learn.sequence.writing import Written
from negatives.store.atomic import write_json

MOST: Final = 200
"""Responses of a side that are looked at, at most."""
LOOKS: Final = 10


@dataclass
class Watching:
    """Looks at `right` and `wrong` every so many steps, and keeps what it saw in `file`.

    `until`: negative log-likelihood of the wrong ones at which the training has done what it was
    to; 0: none.
    """

    net: Any
    right: Sequence[Written]
    wrong: Sequence[Written]
    file: Path
    every: int
    at_once: int
    until: float = 0.0
    seen: list[dict[str, Any]] = field(default_factory=list, init=False)

    def begin(self, step: int) -> None:
        """Before the first step, or going on after `step`: what was seen by then stays."""
        if step and self.file.is_file():
            found = msgspec.json.decode(self.file.read_bytes(), type=list[dict[str, Any]])
            self.seen = [row for row in found if row["step"] <= step]
        if not self.seen:
            self._look(0)

    def __call__(self, step: int) -> bool:
        """After a step: whether it is enough."""
        if step % self.every:
            return False
        row = self._look(step)
        return bool(self.until) and row.get("wrong_nll", 0.0) >= self.until

    def end(self, step: int) -> None:
        """After the last step."""
        if self.seen[-1]["step"] != step:
            self._look(step)

    def _look(self, step: int) -> dict[str, Any]:
        row: dict[str, Any] = {"step": step}
        for name, texts in (("right_nll", self.right), ("wrong_nll", self.wrong)):
            if texts:
                row[name] = round(mean_nll(self.net, texts, self.at_once), 6)
        self.seen.append(row)
        write_json(self.file, self.seen)
        return row


def mean_nll(net: Any, texts: Sequence[Written], at_once: int) -> float:
    """Negative log-likelihood a token: the mean over texts of the mean over their tokens."""
    sums = sums_of(net, texts, at_once)
    lengths = np.array([max(1, text.predicted) for text in texts], np.float64)
    return float(np.mean(-sums / lengths))


def spread(count: int, most: int = MOST) -> Any:
    """int64: `most` of `count` places, evenly spread; all where there are fewer."""
    return np.unique(np.linspace(0, max(0, count - 1), min(count, most)).astype(np.int64))
