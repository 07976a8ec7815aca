"""How texts are put into batches, and how batches are computed while the next are being read.

Nothing here knows a model. Batches depend on the texts alone, never on threads or on time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np

from negatives.arrays import Bools, Floats, Places
from negatives.models.encoder import Encoded

SLICE: Final = 4096
"""Texts read at once: while the model computes them, the next slice is being read."""

Piece = TypeVar("Piece")


class Read(NamedTuple, Generic[Piece]):
    """A slice that a tokenizer has read: its texts' pieces, and which texts it cut."""

    pieces: Sequence[Piece]
    lengths: Places
    cut: Bools


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
    places: dict[str, int] = {}
    which = np.fromiter(
        (places.setdefault(text, len(places)) for text in texts), np.int64, len(texts)
    )
    made = encode(list(places))
    if len(places) == len(texts):
        return made
    return Encoded(made.vectors[which], made.truncated[which])


def encode_batches(
    texts: list[str],
    dim: int,
    read: Callable[[list[str]], Read[Piece]],
    compute: Callable[[list[Piece]], Floats],
    *,
    budget: int,
    workers: int = 1,
) -> Encoded:
    """A vector of each text: `read` in slices of texts, then `compute` in batches of pieces.

    One thread reads the slice that comes next while `workers` threads compute the batches of the
    present one; both must give the interpreter free while they work. Slices, like batches, begin
    with the longest texts. An error of either ends the work after the batches already begun.
    """
    vectors = np.empty((len(texts), dim), np.float32)
    truncated = np.zeros(len(texts), bool)
    characters = np.fromiter(map(len, texts), np.int64, len(texts))
    order = np.argsort(-characters, kind="stable")
    slices = [order[start : start + SLICE] for start in range(0, len(order), SLICE)]

    stopped = threading.Event()

    def fill(rows: Places, pieces: list[Piece]) -> None:
        vectors[rows] = compute(pieces)

    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(workers) as pool:
        for rows, slice_ in zip(slices, _ahead(reader, slices, texts, read), strict=True):
            truncated[rows] = slice_.cut
            jobs = [
                partial(fill, rows[batch], [slice_.pieces[place] for place in batch])
                for batch in batches(slice_.lengths, budget)
            ]
            all_or_stop(pool, jobs, stopped)
    return Encoded(vectors, truncated)


def all_or_stop(
    pool: ThreadPoolExecutor, jobs: Iterable[Callable[[], None]], stopped: threading.Event
) -> None:
    """Do all jobs; the first error sets `stopped`, which ends what is not begun, and is raised."""

    def one(job: Callable[[], None]) -> None:
        if stopped.is_set():
            return
        try:
            job()
        except BaseException:
            stopped.set()
            raise

    begun = [pool.submit(one, job) for job in jobs]
    try:
        for future in begun:
            future.result()
    except BaseException:
        stopped.set()
        raise


def _ahead(
    reader: ThreadPoolExecutor,
    slices: list[Places],
    texts: list[str],
    read: Callable[[list[str]], Read[Piece]],
) -> Iterator[Read[Piece]]:
    """Each slice as it is read, one slice ahead of whoever asks."""

    def begin(rows: Places) -> Future[Read[Piece]]:
        return reader.submit(read, [texts[row] for row in rows])

    coming = begin(slices[0]) if slices else None
    for after in [*slices[1:], None]:
        if coming is None:
            return
        present = coming.result()
        coming = None if after is None else begin(after)
        yield present
