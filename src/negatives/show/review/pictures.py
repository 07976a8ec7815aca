"""The images of a collection on the page, each asked for by the id of what it is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import polars as pl

from negatives.models.images import jpeg
from negatives.schema import Collection, Side
from negatives.show.review.words import visible

LARGEST: Final = 800
"""Pixels of a side of an image on the page, at most."""
KIND: Final = "image/jpeg"
_SIDES: Final[dict[str, Side]] = {"query": "queries", "doc": "docs"}


@dataclass(frozen=True)
class Picture:
    """Where the page asks for an image, and what is said where it cannot be seen: its path."""

    link: str
    said: str


class Pictures:
    """The images of both sides.

    What is asked for is an id of the collection, never a path, and what is sent is drawn anew: a
    file that is no image never leaves the machine, whatever the collection calls it, and of one
    that is, nothing but what can be seen.
    """

    def __init__(self, collection: Collection) -> None:
        self._sides = {
            name: (collection.ids(side), collection.frame(side)["image"],
                   collection.image_paths(side))
            for name, side in _SIDES.items()
            if collection.has(side, "image")
        }  # fmt: skip

    def of(self, side: str, id: str) -> Picture | None:
        """The image of a query or a document (`side`: query, doc); None: it has none."""
        found = self._row(side, id)
        if found is None:
            return None
        return Picture("/image?" + urlencode({"side": side, "id": id}), visible(found[0]))

    def drawn(self, side: str, id: str) -> bytes | None:
        """The image as JPEG, no larger than the page needs; None where there is none.

        Raises `DataError` for a file that is not there, or is no image.
        """
        found = self._row(side, id)
        if found is None:
            return None
        return jpeg(found[1], LARGEST, quality=90)

    def _row(self, side: str, id: str) -> tuple[str, str] | None:
        """What the collection calls the image, and its path."""
        if side not in self._sides:
            return None
        ids, said, paths = self._sides[side]
        place = _place(ids, id)
        return (said[place], paths[place]) if place is not None and paths[place] else None


def _place(ids: pl.Series, id: str) -> int | None:
    """Where an id stands among sorted ones."""
    place = int(ids.search_sorted(id))
    return place if place < len(ids) and ids[place] == id else None
