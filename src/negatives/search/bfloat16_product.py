"""Products in bfloat16 by torch, on a processor that multiplies bfloat16 natively.

Eight bits of a factor nominate about three times as many pairs as float32 does; they are scored in
float32 like all others, so that the results are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from negatives.arrays import Floats, Places
from negatives.optional import require
from negatives.search.by_blocks import ByBlocks
from negatives.search.product import Nominated, least
from negatives.stats.lengths import lengths

_ROUNDING = 2.0**-7
"""Of the two lengths: more than the rounding of both factors and of the result, 2^-9 each."""


@dataclass(frozen=True, slots=True)
class Bfloat16(ByBlocks):
    """Products of bfloat16, each by all of torch's threads."""

    name: str = "torch cpu bfloat16"
    batch: int = 8192
    block: int = 16_384
    workers: int = 1

    def open(self, queries: Floats) -> Bfloat16Product:
        """Round the queries."""
        torch = require("torch", extra="train")
        slack = lengths(queries) * np.float32(_ROUNDING)
        return Bfloat16Product(_rounded(torch, queries), slack, torch)


@dataclass(frozen=True, slots=True)
class Bfloat16Product:
    """A batch of queries in bfloat16."""

    queries: Any
    slack: Floats
    torch: Any

    def above(self, docs: Floats, bar: Floats, query: Places, column: Places) -> Nominated:
        """See `Product.above`."""
        torch = self.torch
        with torch.inference_mode():
            block = _rounded(torch, docs)
            cells = self.queries @ block.T
            cells[torch.from_numpy(query), torch.from_numpy(column)] = -torch.inf
            slack = self.slack * np.float32(_longest(torch, block))
            found = torch.nonzero(cells >= torch.from_numpy(least(bar, slack))[:, None])
            products = cells[found[:, 0], found[:, 1]].float().numpy()
            rows, columns = found.T.numpy()
        return Nominated(rows, columns, products - slack[rows], slack)


def _longest(torch: Any, block: Any) -> float:
    """The greatest length of a row; squares of what is scaled first leave no range."""
    wide = block.float()
    largest = wide.abs().max().clamp(min=torch.finfo(torch.float32).tiny)
    return float(torch.linalg.vector_norm(wide / largest, dim=1).max() * largest)


def _rounded(torch: Any, vectors: Floats) -> Any:
    """A copy, since a block's own memory is read into again."""
    return torch.from_numpy(np.ascontiguousarray(vectors)).to(torch.bfloat16)
