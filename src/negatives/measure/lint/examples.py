"""The first offences of each finding, with the beginnings of their texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from negatives.measure.lint.findings import SHOWN
from negatives.read.mined.reading import blocks
from negatives.read.mined.rows import MinedBlock, MinedFile

WIDTH: Final = 100
"""Characters of a text that are shown."""


def examples(
    mined: MinedFile, found: Mapping[str, pl.DataFrame]
) -> dict[str, tuple[dict[str, Any], ...]]:
    """Rule -> row, query, positive, negative and note of its first offences.

    The file is read up to the last row that is shown.
    """
    if not found:
        return {}
    first = {rule: offences.head(SHOWN) for rule, offences in found.items()}
    wanted = pl.concat([frame.select("row") for frame in first.values()]).unique().sort("row")
    texts: dict[int, dict[Any, str]] = {}
    last = int(wanted["row"][-1])
    for block in blocks(mined):
        texts |= _texts(block, wanted)
        if len(block.queries) and block.queries["row"][-1] >= last:
            break
    return {
        rule: tuple(_example(row, texts[row["row"]]) for row in frame.iter_rows(named=True))
        for rule, frame in first.items()
    }


def _texts(block: MinedBlock, wanted: pl.DataFrame) -> dict[int, dict[Any, str]]:
    """Row -> its texts: `query`, `positive` (the first), and a negative at each place."""
    made: dict[int, dict[Any, str]] = {}
    for row, text in block.queries.join(wanted, on="row").select("row", "text").iter_rows():
        made[row] = {"query": shortened(text or "")}
    for name in ("positives", "negatives"):
        frame: pl.DataFrame = getattr(block, name)
        listed = frame.join(wanted, on="row", maintain_order="left")
        for row, place, text in listed.select("row", "place", "text").iter_rows():
            if name == "negatives":
                made[row][place] = shortened(text)
            made[row].setdefault(name[:-1], shortened(text))
    return made


def _example(offence: Mapping[str, Any], texts: Mapping[Any, str]) -> dict[str, Any]:
    made: dict[str, Any] = {"row": offence["row"]}
    for name in ("query", "positive", "negative"):
        if name in texts:
            made[name] = texts[name]
    if offence["place"] is not None:
        made["negative"] = texts[offence["place"]]
    if offence["note"]:
        made["note"] = offence["note"]
    return made


def shortened(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text[: 4 * WIDTH].split())
    return line if len(line) <= WIDTH else line[: WIDTH - 3].rstrip() + "..."
