"""Small images beside the pairs of a report, inside the page, which fetches nothing.

Each is drawn anew from what can be seen of a file, so that no file that is none gets into a page.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import polars as pl

from negatives.errors import NegativesError
from negatives.models.images import jpeg
from negatives.schema import Collection, Side

LARGEST: Final = 96
"""Pixels of a side of an image, at most."""
BUDGET: Final = 600_000
"""Bytes of all images of a page as text, at most; those that are asked for first come first."""
_QUALITY: Final = 75


def thumbnails(
    collection: Collection | None, wanted: Iterable[tuple[Side, str]]
) -> dict[str, Any] | None:
    """What there is of the images of documents and queries by id; None where nothing has one.

    `docs` and `queries`: id -> a `data:` address; `left_out`: how many of those that were wanted
    have an image that is not there, cannot be read, or would make the page too large.
    """
    if collection is None:
        return None
    uses = Counter(wanted)
    asked = pl.DataFrame(list(uses), schema=_WANTED, orient="row")
    sides: tuple[Side, Side] = ("docs", "queries")
    paths = {
        (side, id): path
        for side in sides
        if collection.has(side, "image")
        for id, path in _paths(collection, side, asked.filter(side=side)["id"])
    }
    if not paths:
        return None
    made: dict[str, dict[str, str]] = {side: {} for side in sides}
    room = BUDGET
    for side, id in asked.rows():
        if path := paths.get((side, id)):
            link = _link(path)
            needed = len(link) * uses[(side, id)]
            if link and needed <= room:
                made[side][id] = link
                room -= needed
    return {**made, "left_out": len(paths) - sum(map(len, made.values()))}


_WANTED: Final = {"side": pl.String, "id": pl.String}


def _paths(collection: Collection, side: Side, ids: pl.Series) -> list[tuple[str, str]]:
    """Id and path of those of some documents, or queries, that have an image."""
    there = pl.DataFrame({"id": collection.ids(side), "path": collection.image_paths(side)})
    found = there.filter(pl.col("id").is_in(ids.implode()) & (pl.col("path") != ""))
    return list(found.iter_rows())


def _link(path: str) -> str:
    """The image as a `data:` address; nothing where it cannot be seen: a report has figures first,
    and is made of a run whose images are gone, or where pillow is not installed.
    """
    try:
        return "data:image/jpeg;base64," + b64encode(jpeg(path, LARGEST, _QUALITY)).decode()
    except NegativesError:
        return ""
