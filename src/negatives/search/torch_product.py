"""Products in bfloat16 by torch: on a GPU, or on a processor that multiplies bfloat16 natively.

Eight bits of a factor nominate about three times as many pairs as float32 does; they are scored in
float32 like all others, so that the results are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from negatives.arrays import Floats, Places
from negatives.optional import require
from negatives.search.product import Nominated, least
from negatives.stats.lengths import lengths

_ROUNDING = 2.0**-7
"""Of the two lengths: more than the rounding of both factors and of the result, 2^-9 each."""


@dataclass(frozen=True, slots=True)
class Torch:
    """Products on `device`, as torch names it."""

    device: str
    batch: int = 8192
    block: int = 16_384
    workers: int = 1

    @property
    def name(self) -> str:
        """Torch, the device and the type."""
        return f"torch {self.device} bfloat16"

    def open(self, queries: Floats) -> TorchProduct:
        """Move the queries to the device."""
        torch = require("torch", extra="train")
        slack = lengths(queries) * np.float32(_ROUNDING)
        return TorchProduct(_moved(torch, queries, self.device), slack, self.device, torch)


@dataclass(frozen=True, slots=True)
class TorchProduct:
    """A batch of queries on the device."""

    queries: Any
    slack: Floats
    device: str
    torch: Any

    def above(self, docs: Floats, bar: Floats, query: Places, column: Places) -> Nominated:
        """See `Product.above`."""
        torch = self.torch
        with torch.inference_mode():
            block = _moved(torch, docs, self.device)
            cells = self.queries @ block.T
            cells[self._there(query), self._there(column)] = -torch.inf
            slack = self.slack * np.float32(_longest(torch, block))
            found = torch.nonzero(cells >= self._there(least(bar, slack))[:, None])
            products = cells[found[:, 0], found[:, 1]].float().cpu().numpy()
            rows, columns = found.T.cpu().numpy()
        return Nominated(rows, columns, products - slack[rows], slack)

    def _there(self, values: Any) -> Any:
        return self.torch.from_numpy(np.ascontiguousarray(values)).to(self.device)


def _longest(torch: Any, block: Any) -> float:
    """The greatest length of a row; squares of what is scaled first leave no range."""
    wide = block.float()
    largest = wide.abs().max().clamp(min=torch.finfo(torch.float32).tiny)
    return float(torch.linalg.vector_norm(wide / largest, dim=1).max() * largest)


def _moved(torch: Any, vectors: Floats, device: str) -> Any:
    """On the device in bfloat16: a copy, since the block's own memory is read into again."""
    return torch.from_numpy(np.ascontiguousarray(vectors)).to(device).to(torch.bfloat16)
