"""Small images beside the pairs of a report, inside the page, which fetches nothing.

Each is drawn anew from what can be seen of a file, so that no file that is none gets into a page;
a time series is drawn as its curve.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import polars as pl

from negatives.errors import NegativesError
from negatives.models.images import jpeg
from negatives.schema import Collection, Side
from negatives.show import curves

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
    found = {
        (side, id): (draw, said)
        for side in sides
        for field, draw in _DRAWN.items()
        if collection.has(side, field)
        for id, said in _said(collection, side, field, asked.filter(side=side)["id"])
    }
    if not found:
        return None
    made: dict[str, dict[str, str]] = {side: {} for side in sides}
    room = BUDGET
    for side, id in asked.rows():
        if (side, id) in found:
            draw, said = found[side, id]
            link = _link(draw, said)
            needed = len(link) * uses[(side, id)]
            if link and needed <= room:
                made[side][id] = link
                room -= needed
    return {**made, "left_out": len(found) - sum(map(len, made.values()))}


_WANTED: Final = {"side": pl.String, "id": pl.String}


def _said(collection: Collection, side: Side, field: str, ids: pl.Series) -> list[tuple[str, str]]:
    """Id, and path of the image or the series, of those of some items that have one."""
    values = collection.image_paths(side) if field == "image" else collection.frame(side)[field]
    there = pl.DataFrame({"id": collection.ids(side), "said": values})
    found = there.filter(pl.col("id").is_in(ids.implode()) & (pl.col("said") != ""))
    return list(found.iter_rows())


def _link(draw: Callable[[str], str], said: str) -> str:
    """The image as a `data:` address; nothing where it cannot be seen: a report has figures first,
    and is made of a run whose images are gone, or where pillow is not installed.
    """
    try:
        return draw(said)
    except NegativesError:
        return ""


def _image(path: str) -> str:
    return "data:image/jpeg;base64," + b64encode(jpeg(path, LARGEST, _QUALITY)).decode()


def _curve(series: str) -> str:
    return f"data:{curves.KIND};base64," + b64encode(curves.curve(series)).decode()


_DRAWN: Final[dict[str, Callable[[str], str]]] = {"series": _curve, "image": _image}
"""Fields that are shown as an image; of an item with both, the image."""
