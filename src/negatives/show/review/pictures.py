"""The images of a collection on the page, each asked for by the id of what it is of.

A time series is one too, drawn as its curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import polars as pl

from negatives.models.images import jpeg
from negatives.schema import Collection, Side
from negatives.show.curves import KIND as CURVE
from negatives.show.curves import curve
from negatives.show.review.words import visible
from negatives.wording import plural

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
        self._series = {
            name: (collection.ids(side), collection.frame(side)["series"])
            for name, side in _SIDES.items()
            if collection.has(side, "series")
        }

    def of(self, side: str, id: str) -> Picture | None:
        """The image of a query or a document (`side`: query, doc); None: it has none."""
        if found := self._row(side, id):
            said = visible(found[0])
        elif series := self._recorded(side, id):
            values = series.count(",") + series.count(":") + 1
            said = f"a time series of {plural(values, 'value')}"
        else:
            return None
        return Picture("/image?" + urlencode({"side": side, "id": id}), said)

    def drawn(self, side: str, id: str) -> tuple[bytes, str] | None:
        """The image as JPEG, or the curve as SVG, no larger than the page needs, and which of the
        two it is; None where there is none.

        Raises `DataError` for a file that is not there, or is no image.
        """
        if found := self._row(side, id):
            return jpeg(found[1], LARGEST, quality=90), KIND
        if series := self._recorded(side, id):
            return curve(series), CURVE
        return None

    def _recorded(self, side: str, id: str) -> str:
        """The time series; empty where there is none."""
        ids, series = self._series.get(side, (None, None))
        place = None if ids is None else _place(ids, id)
        return "" if series is None or place is None else series[place] or ""

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
