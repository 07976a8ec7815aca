"""Pictures as SVG text: small pure functions from figures to markup.

Bars are stretched to the width there is, so no text lives inside them: labels are HTML around them
and stay legible at every width. Colours come from CSS classes, so that dark mode is one stylesheet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from negatives.svg import mark
from negatives.wording import count, figure, percent

_HEIGHT = 100
_LONGEST = 8  # digits of a label, before or after the point; beyond, powers of ten


def bars(
    counts: Sequence[int],
    labels: Sequence[str],
    *,
    title: str,
    about: str,
    kind: str,
    marker: float | None = None,
) -> Markup:
    """A bar a bin, each with its label and count as a tooltip; `marker`: a line, in bins."""
    top, total = max(counts, default=0) or 1, sum(counts) or 1
    drawn = []
    for at, (number, label) in enumerate(zip(counts, labels, strict=True)):
        if number:
            height = max(1.5, _HEIGHT * number / top)
            said = mark("title", f"{label}: {count(number)} ({percent(number / total)})")
            left, over = f"{at + 0.04:.2f}", _number(_HEIGHT - height)
            drawn.append(mark("rect", said, x=left, y=over, width="0.92", height=_number(height)))
    if marker is not None:
        x = _number(marker)
        drawn.append(mark("line", class_="marker", x1=x, x2=x, y1=0, y2=_HEIGHT))
    return _svg(len(counts), drawn, title, about, f"bars {kind}")


def shares(parts: Sequence[tuple[str, int]], *, title: str, about: str) -> Markup:
    """One bar split into parts (class, count), as wide as their shares."""
    total = sum(number for _, number in parts) or 1
    drawn, at = [], 0.0
    for kind, number in parts:
        width = 1000 * number / total
        if number:
            shown = _number(max(width, 2.0))
            drawn.append(mark("rect", class_=kind, x=_number(at), y=0, width=shown, height=_HEIGHT))
        at += width
    return _svg(1000, drawn, title, about, "shares")


def ticks(edges: Sequence[float], most: int = 6) -> list[dict[str, Any]]:
    """Nice values along an axis from the first edge to the last: label, and place in percent."""
    low, high = edges[0], edges[-1]
    if not high > low:  # bins of no width: values too large for any difference to be kept
        return []
    step = _nice((high - low) / most)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    plain = f",.{digits}f" if digits <= _LONGEST and high < 10**_LONGEST else ".3g"
    return [
        {
            "label": f"{number * step + 0.0:{plain}}".replace("-", "−"),
            "at": round(100 * (number * step - low) / (high - low), 2),
        }
        for number in range(first, last + 1)
    ]


def spans(edges: Sequence[float]) -> list[str]:
    """A label for each bin: `0.2 to 0.4`."""
    return [f"{figure(low)} to {figure(high)}" for low, high in pairwise(edges)]


def place(edges: Sequence[float], value: float) -> float | None:
    """Where a value lies on equal bins, counted in bins; None beyond them."""
    inside = edges[0] <= value <= edges[-1]
    return (value - edges[0]) / (edges[1] - edges[0]) if inside else None


def _svg(width: int, drawn: Sequence[Markup], title: str, about: str, kind: str) -> Markup:
    return mark(
        "svg",
        mark("title", title),
        mark("desc", about),
        *drawn,
        class_=kind,
        viewBox=f"0 0 {width} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{title}. {about}",
    )


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _nice(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `least`."""
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= least * (1 - 1e-9))
