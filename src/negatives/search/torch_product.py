"""Products in bfloat16 by torch: on a GPU, or on a processor that multiplies bfloat16 natively.

Eight bits of a factor nominate about three times as many pairs as float32 does; they are scored in
float32 like all others, so that the results are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from negatives.optional import require
from negatives.schema import Floats
from negatives.search.product import Nominated, Places, least, lengths
from negatives.store.vectors import Halves, widened

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

    def open(self, queries: Halves) -> TorchProduct:
        """Move the queries to the device."""
        torch = require("torch", extra="train")
        slack = lengths(widened(queries)) * np.float32(_ROUNDING)
        return TorchProduct(_moved(torch, queries, self.device), slack, self.device, torch)


@dataclass(frozen=True, slots=True)
class TorchProduct:
    """A batch of queries on the device."""

    queries: Any
    slack: Floats
    device: str
    torch: Any

    def above(self, docs: Halves, bar: Floats, query: Places, column: Places) -> Nominated:
        """See `Product.above`."""
        torch = self.torch
        with torch.inference_mode():
            block = _moved(torch, docs, self.device)
            cells = self.queries @ block.T
            cells[self._there(query), self._there(column)] = -torch.inf
            longest = torch.linalg.vector_norm(block, dim=1, dtype=torch.float32).max().item()
            slack = self.slack * np.float32(longest)
            found = torch.nonzero(cells >= self._there(least(bar, slack))[:, None])
            products = cells[found[:, 0], found[:, 1]].float().cpu().numpy()
            rows, columns = found.T.cpu().numpy()
        return Nominated(rows, columns, products - slack[rows], slack)

    def _there(self, values: Any) -> Any:
        return self.torch.from_numpy(np.ascontiguousarray(values)).to(self.device)


def _moved(torch: Any, halves: Halves, device: str) -> Any:
    """On the device in bfloat16: a copy, since the block's own memory is read into again."""
    return torch.from_numpy(np.ascontiguousarray(halves)).to(device).to(torch.bfloat16)
