"""The other splits of the data that a collection was read from."""

from __future__ import annotations

from collections.abc import Iterator

from negatives.read.address import parse
from negatives.read.loading import load, splits
from negatives.schema import Collection


def other_splits(collection: Collection) -> Iterator[Collection]:
    """Each other split at the address that it was read from; none where it was made in Python.

    Raises `DataError` where one of them cannot be read.
    """
    if not collection.origin:
        return
    split = parse(collection.origin).split
    whole = collection.origin.removesuffix(f"@{split}") if split else collection.origin
    for other in splits(whole):
        if other != collection.split:
            yield load(f"{whole}@{other}", lost="count", **collection.read_with)
