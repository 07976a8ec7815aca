"""What numpy code of every room needs: names of array types, lists of lists, spans of work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint32]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]
Places = NDArray[np.int64]
Keys = NDArray[np.uint64]

Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Ragged(Generic[Value]):
    """A list of values for each of n owners: owner i has `values[starts[i] : starts[i + 1]]`.

    `[[7, 9], [], [4]]` is `starts = [0, 2, 2, 3]` and `values = [7, 9, 4]`.
    """

    starts: Places
    """int64[n + 1]"""
    values: NDArray[Value]

    @staticmethod
    def of_owners(owner: NDArray[Any], values: NDArray[Value], owners: int) -> Ragged[Value]:
        """`values[k]` belongs to `owner[k]`, in any order; each keeps the order of its own."""
        starts = starts_of(np.bincount(owner, minlength=owners))
        return Ragged(starts, values[np.argsort(owner, kind="stable")])

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, owner: int) -> NDArray[Value]:
        return self.values[self.starts[owner] : self.starts[owner + 1]]

    @property
    def lengths(self) -> Places:
        """int64[n]: how many values each has."""
        return np.diff(self.starts)

    @property
    def owners(self) -> Places:
        """int64[values]: whose each value is."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def part(self, first: int, last: int) -> Ragged[Value]:
        """Those of the owners `first` to `last`; the values are a view."""
        low, high = self.starts[first], self.starts[last]
        return Ragged(self.starts[first : last + 1] - low, self.values[low:high])

    def take(self, owners: NDArray[Any]) -> Ragged[Value]:
        """Those of any owners, in the order asked for."""
        first, lengths = self.starts[owners], self.lengths[owners]
        return Ragged(starts_of(lengths), self.values[spread(first, lengths)])


def starts_of(lengths: NDArray[Any]) -> Places:
    """int64[n + 1]: where lists of such lengths begin, one after the other, and where they end."""
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts


def spread(first: NDArray[Any], lengths: NDArray[Any]) -> Places:
    """The numbers first[i] .. first[i] + lengths[i] - 1 of every i, one after the other."""
    starts = starts_of(lengths)
    return np.repeat(first - starts[:-1], lengths) + np.arange(starts[-1])


def places_within(lengths: NDArray[Any]) -> Places:
    """0 .. lengths[i] - 1 of every i, one after the other: the place of each value in its list."""
    return spread(np.zeros(len(lengths), np.int64), lengths)


def by_volume(
    sizes: NDArray[Any], limit: int = 1 << 22, most: int | None = None
) -> Iterator[tuple[int, int]]:
    """Consecutive spans (start, stop) of items, so that memory does not grow with the data.

    The sizes of a span add up to at most `limit`, unless one item alone is larger; a span has at
    most `most` items.
    """
    ends = np.cumsum(sizes, dtype=np.int64)
    start = 0
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + limit, "right")))
        if most is not None:
            stop = min(stop, start + most)
        yield start, stop
        start = stop
