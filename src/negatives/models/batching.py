"""How texts, or pairs of texts, are put into batches, computed while the next are being read.

Nothing here knows a model. Batches depend on the texts alone, never on threads or on time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Generic, NamedTuple, TypeVar

import numpy as np

from negatives.arrays import Bools, Floats, Places
from negatives.models.encoder import Encoded
from negatives.stopping import all_or_stop, stopping
from negatives.workers import in_order

SLICE: Final = 4096
"""Texts read at once: while the model computes them, the next slice is being read."""

Item = TypeVar("Item")
Piece = TypeVar("Piece")


class Read(NamedTuple, Generic[Piece]):
    """A slice that a tokenizer has read: its texts' pieces, and which texts it cut."""

    pieces: Sequence[Piece]
    lengths: Places
    cut: Bools

    @staticmethod
    def by(tokenizer: Any, texts: Sequence[Any]) -> Read[Any]:
        """What a tokenizer of the `tokenizers` library makes of texts, or of pairs of texts."""
        split = tokenizer.encode_batch_fast(texts)
        lengths = np.fromiter(map(len, split), np.int64, len(split))
        return Read(split, lengths, np.array([bool(each.overflowing) for each in split], bool))


def batches(lengths: Places, budget: int) -> list[Places]:
    """Positions of the texts of each batch, the longest text first.

    `lengths`: int64[texts], pieces of each text. A batch is computed as a rectangle as wide as its
    longest text; its area stays within `budget` pieces, unless one text alone is longer. Longest
    first, what memory is needed is needed at once. Equal lengths keep their order.
    """
    order = np.argsort(-lengths, kind="stable")
    made: list[Places] = []
    start = 0
    while start < len(order):
        rows = max(1, budget // max(1, int(lengths[order[start]])))
        made.append(order[start : start + rows])
        start += rows
    return made


def encode_once(texts: Sequence[str], encode: Callable[[list[str]], Encoded]) -> Encoded:
    """What `encode` makes of the distinct texts, in order of first appearance, for every text."""
    distinct, which = once(texts)
    made = encode(distinct)
    if len(distinct) == len(texts):
        return made
    return Encoded(made.vectors[which], made.truncated[which])


def once(items: Sequence[Item]) -> tuple[list[Item], Places]:
    """The distinct items in order of first appearance, and for each item, which of them it is."""
    places: dict[Item, int] = {}
    which = [places.setdefault(item, len(places)) for item in items]
    return list(places), np.array(which, np.int64)


def encode_batches(
    texts: list[str],
    dim: int,
    read: Callable[[list[str]], Read[Piece]],
    compute: Callable[[list[Piece]], Floats],
    *,
    budget: int,
    workers: int = 1,
) -> Encoded:
    """A vector of each text; see `in_batches`."""
    vectors = np.empty((len(texts), dim), np.float32)
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    cut = in_batches(texts, sizes, read, compute, vectors, budget=budget, workers=workers)
    return Encoded(vectors, cut)


def in_batches(
    items: list[Item],
    sizes: Places,
    read: Callable[[list[Item]], Read[Piece]],
    compute: Callable[[list[Piece]], Floats],
    into: Floats,
    *,
    budget: int,
    workers: int = 1,
) -> Bools:
    """`read` slices of items, `compute` batches of their pieces, and write a row `into` for each.

    One thread reads the slice that comes next while `workers` threads compute the batches of the
    present one; both must give the interpreter free while they work. Slices, like batches, begin
    with the longest items, by their `sizes`. An error of either ends the work after the batches
    already begun. What is returned says which items were cut: bool[items].
    """
    order = np.argsort(-sizes, kind="stable")
    slices = [order[start : start + SLICE] for start in range(0, len(order), SLICE)]
    cut = np.zeros(len(items), bool)

    def fill(rows: Places, pieces: list[Piece]) -> None:
        into[rows] = compute(pieces)

    coming = in_order(lambda rows: read([items[row] for row in rows]), slices, 1)
    with ThreadPoolExecutor(workers) as pool, stopping() as stopped:
        for rows, present in zip(slices, coming, strict=True):
            cut[rows] = present.cut
            jobs = [
                partial(fill, rows[batch], [present.pieces[place] for place in batch])
                for batch in batches(present.lengths, budget)
            ]
            all_or_stop(pool, jobs, stopped)
    return cut
