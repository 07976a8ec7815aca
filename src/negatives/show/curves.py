"""A time series as a small drawing: one curve a dimension, below each other."""

from __future__ import annotations

from typing import Final

import numpy as np

from negatives.models.series import numbers

KIND: Final = "image/svg+xml"
WIDTH: Final = 240
"""Pixels of a curve, and values that are drawn of it, at most."""
_BAND: Final = 44
"""Pixels of height of a dimension."""
_MOST: Final = 8
"""Dimensions that are drawn, the first ones."""


def curve(series: str) -> bytes:
    """An SVG of a series as `numbers` reads it, each dimension in a scale of its own.

    `DataError` where it holds what is no number.

    >>> from negatives.show.curves import curve
    >>> curve("0,1:3,2").decode().count("<polyline")
    2
    """
    dimensions = series.split(":")[:_MOST]
    longest = max(each.count(",") + 1 for each in dimensions)
    length = min(max(longest, 2), WIDTH)
    drawn = numbers([":".join(map(_thinned, dimensions))], len(dimensions), length)[0]
    across = np.linspace(2, WIDTH - 2, length)
    lines = []
    for place, values in enumerate(drawn):
        low, high = float(values.min()), float(values.max())
        level = (values - low) / (high - low) if high > low else np.full(length, 0.5)
        down = place * _BAND + 4 + (1 - level) * (_BAND - 8)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="#345" stroke-width="1.2" '
            'stroke-linejoin="round"/>'
        )
    size = f'width="{WIDTH}" height="{_BAND * len(drawn)}"'
    box = f'viewBox="0 0 {WIDTH} {_BAND * len(drawn)}"'
    made = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box}>{"".join(lines)}</svg>'
    return made.encode()


def _thinned(values: str) -> str:
    """Of many values the least and the greatest of each stretch, so that no peak is lost."""
    said = values.split(",")
    if len(said) <= WIDTH:
        return values
    try:
        found = np.array([each.replace("?", "nan") for each in said], np.float64)
    except ValueError:
        return values  # what is wrong with it is told by who reads it
    kept = []
    for part in np.array_split(np.arange(len(said)), WIDTH // 2):
        there = part[~np.isnan(found[part])]
        ends = (there[found[there].argmin()], there[found[there].argmax()]) if len(there) else part
        kept += [said[place] for place in (min(ends), max(ends))]
    return ",".join(kept)
