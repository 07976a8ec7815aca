"""Pictures as SVG text: small pure functions from figures to markup.

Bars are stretched to the width there is, so no text lives inside them; what has words is placed in
percent of the width instead. Colours come from CSS classes, so that dark mode is one stylesheet;
nothing has a style of its own, so that a page's policy can allow its one stylesheet and no other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from negatives.svg import mark
from negatives.wording import count, figure, percent

_HEIGHT = 100
_LONGEST = 8  # digits of a label, before or after the point; beyond, powers of ten


def bars(
    counts: Sequence[float],
    labels: Sequence[str],
    *,
    title: str,
    about: str,
    kind: str,
    marker: float | None = None,
    told: Sequence[int] | None = None,
) -> Markup:
    """A bar a bin, each with its label and count as a tooltip; `marker`: a line, in bins.

    `told`: the counts to tell, where the heights are not counts.
    """
    told = [int(high) for high in counts] if told is None else told
    top, total = max(counts, default=0) or 1, sum(told) or 1
    drawn = []
    for at, (high, number, label) in enumerate(zip(counts, told, labels, strict=True)):
        if number:
            height = max(1.5, _HEIGHT * high / top)
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


def rooted(counts: Sequence[int]) -> list[float]:
    """Square roots: heights at which a single pair can be seen beside thousands."""
    return [math.sqrt(number) for number in counts]


def edges_named(edges: Sequence[float]) -> list[dict[str, Any]]:
    """Where bins of equal width on paper meet, with the value there; not all of them."""
    last = len(edges) - 1
    return [
        {"label": f"{edge:g}", "at": round(100 * place / last, 2)}
        for place, edge in enumerate(edges)
        if place % 2 == 0 or place == last
    ]


def reliability(bins: Sequence[Mapping[str, Any]]) -> Markup:
    """Mean p across, implied p up, a dot a bin; both axes in powers of ten from 0.0001 to 1."""
    height, foot, decades = 250, 22, 4

    def part(p: float) -> float:
        return 1 + max(math.log10(max(p, 1e-9)), -decades) / decades

    def at(p: float) -> tuple[str, float]:
        return f"{100 * part(p):.2f}%", round((height - foot) * (1 - part(p)), 1)

    drawn = []
    for power in range(-decades, 1):
        x, _ = at(10.0**power)
        _, y = at(10.0**power)
        label = f"{10.0**power:g}"
        anchor = "start" if power == -decades else "end" if not power else "middle"
        drawn.append(mark("line", class_="grid", x1="0", x2="100%", y1=y, y2=y))
        drawn.append(mark("text", label, x=x, y=height - 6, text_anchor=anchor))
        if power > -decades:
            drawn.append(mark("text", label, x=0, y=y + 14))
    drawn.append(mark("line", class_="right", x1="0", y1=height - foot, x2="100%", y2=0))
    most = max(each["known"] for each in bins) or 1
    for each in bins:
        x, y = at(each["mean"])[0], at(each["implied"])[1]
        said = (
            f"{figure(each['from'])} to {figure(each['to'])}: mean {figure(each['mean'])}, implied "
            f"{figure(each['implied'])} by {count(each['known'])} known positives"
        )
        size = round(3 + 5 * math.sqrt(each["known"] / most), 1)
        drawn.append(mark("circle", mark("title", said), class_="dot", cx=x, cy=y, r=size))
    title = "p_relevant against what the known positives imply"
    about = "; ".join(
        f"{figure(each['mean'])}: {figure(each['implied'])}" for each in bins if each["known"]
    )
    return mark(
        "svg",
        mark("title", title),
        mark("desc", about),
        *drawn,
        class_="reliability",
        role="img",
        aria_label=f"{title}. {about}",
    )


def meter(share: float, kind: str) -> Markup:
    """A bar as long as a share of its place; nothing to those who hear the page."""
    bar = mark("rect", class_=kind, width=f"{100 * share:.2f}%", height="100%")
    return mark("svg", bar, class_="meter", aria_hidden="true")


def axis(ticks: Sequence[Mapping[str, Any]]) -> Markup:
    """Labels below a picture, each at its place in percent of the width."""
    drawn = []
    for tick in ticks:
        anchor = "start" if tick["at"] < 2 else "end" if tick["at"] > 98 else "middle"
        drawn.append(mark("text", tick["label"], x=f"{tick['at']}%", y=14, text_anchor=anchor))
    return mark("svg", *drawn, class_="axis", aria_hidden="true")


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
