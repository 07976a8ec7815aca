"""The order in which passages are put before a reader, which looks at both ends the most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def reordered(ranked: Sequence[Item]) -> list[Item]:
    """The best at both ends, the worst in the middle (Jin et al., 2025).

    Odd ranks from the front on, even ones from the back. To be done after a list was cut to what a
    reader can read, or the second half would be lost.

    >>> reordered([1, 2, 3, 4, 5, 6]), reordered([1, 2, 3, 4, 5])
    ([1, 3, 5, 6, 4, 2], [1, 3, 5, 4, 2])
    """
    return [*ranked[0::2], *reversed(ranked[1::2])]
