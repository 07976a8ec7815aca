"""The pictures of a report's first screen, as SVG without a view box.

What lies across is placed in percent of whatever width there is, so that lines, circles and words
keep their shape on a telephone and on a wide screen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from markupsafe import Markup

from negatives.show.charts import ticks
from negatives.svg import mark
from negatives.wording import asked_share, figure, percent

_HEIGHT: Final = 210
_FOOT: Final = 22  # for what is written below
_HEAD: Final = 16
_ROW: Final = 16
_LABEL: Final = 20  # a label takes about so many percent of the width
_FAR: Final = 3.0  # how far to the right of what matters the picture may reach
_DEEP: Final = 0.6  # and how far below its own hardness


def strip(estimate: Mapping[str, Any], scale: float, asked: float | None) -> Markup:
    """One estimate of a share on an axis from 0 to `scale`: a dot, its interval, what was asked."""

    def at(share: float) -> str:
        return f"{min(100.0, 100 * share / scale):.2f}%"

    drawn = []
    middle = _ROW / 2
    if asked is not None:
        line = at(asked)
        drawn.append(mark("line", class_="asked-line", x1=line, x2=line, y1=0, y2=_ROW))
    if estimate["high"] is not None:
        low = estimate["low"]
        kind = "from-zero" if low is None else "span"
        ends = at(low or 0.0), at(estimate["high"])
        drawn.append(mark("line", class_=kind, x1=ends[0], x2=ends[1], y1=middle, y2=middle))
        drawn.append(mark("line", class_="end", x1=ends[1], x2=ends[1], y1=4, y2=_ROW - 4))
    if estimate["value"] is not None:
        drawn.append(mark("circle", class_="dot", cx=at(estimate["value"]), cy=middle, r=4))
    return mark("svg", *drawn, class_="strip", height=_ROW, aria_hidden="true")


def scale_of(estimates: Sequence[Mapping[str, Any]], asked: float | None) -> float:
    """The end of the axis that holds every estimate with its interval, and what was asked."""
    ends = [asked, *(each[key] for each in estimates for key in ("value", "high"))]
    return 1.12 * max((end for end in ends if end is not None), default=1.0) or 1.0


def frontier_picture(frontier: Mapping[str, Any]) -> Markup:
    """Hardness (up) against the expected false share (across): the frontier, and the run on it."""
    own, careless = frontier["this"], frontier["careless"]
    steps = [each for each in (frontier["easier"], frontier["harder"]) if each]
    asked = frontier["asked"]
    needed = [own["false_share"], asked or 0.0, *(each["false_share"] for each in steps)]
    widest = _FAR * max(needed)
    shown = [own, *steps]
    if careless and careless["false_share"] <= widest:
        shown.append(careless)
    right = 1.08 * max(*needed, *(each["false_share"] for each in shown), 0.001)
    floor = own["hardness"] - _DEEP
    curve = [p for p in frontier["points"] if p["hardness"] >= floor and p["false_share"] <= right]
    heights = [p["hardness"] for p in (*curve, *shown)]
    low, high = min(heights), max(heights)
    room = max(high - low, 0.1) * 0.12
    plane = _Plane(right, low - room, high + room)
    drawn = [*plane.grid()]
    if asked is not None:
        line = plane.x(asked)
        drawn.append(mark("line", class_="asked-line", x1=line, x2=line, y1=_HEAD, y2=plane.bottom))
        anchor = "end" if asked > 0.8 * right else "middle"
        words = f"{asked_share(asked)} asked for"
        drawn.append(mark("text", words, x=line, y=11, text_anchor=anchor))
    drawn += [
        mark("line", class_="curve", x1=a[0], y1=a[1], x2=b[0], y2=b[1])
        for a, b in pairwise(plane.at(point) for point in curve)
    ]
    if careless and careless in shown:
        drawn += plane.point(careless, "careless", "hardest of all", 5)
    for name in ("easier", "harder"):
        if step := frontier[name]:
            drawn += plane.point(step, "step", f"{asked_share(step['max_false'])} asked for", 5)
    drawn += plane.point(own, "this", "this run", 7)
    about = (
        f"This run: hardness {figure(own['hardness'])}, {percent(own['false_share'])} expected "
        "false. " + _sentence(frontier)
    )
    title = "What else could have been picked: mean hardness against the expected false share"
    return mark(
        "svg",
        mark("title", title),
        mark("desc", about),
        *drawn,
        class_="frontier",
        height=_HEIGHT,
        role="img",
        aria_label=f"{title}. {about}",
    )


class _Plane:
    """Where a point lies: percent across, pixels down."""

    def __init__(self, right: float, low: float, high: float) -> None:
        self.right, self.low, self.high = right, low, high
        self.bottom = _HEIGHT - _FOOT
        self._taken: list[tuple[float, float]] = []

    def x(self, share: float) -> str:
        return f"{100 * share / self.right:.2f}%"

    def y(self, hardness: float) -> float:
        part = (hardness - self.low) / (self.high - self.low)
        return round(self.bottom - part * (self.bottom - _HEAD), 1)

    def at(self, point: Mapping[str, float]) -> tuple[str, float]:
        return self.x(point["false_share"]), self.y(point["hardness"])

    def grid(self) -> list[Markup]:
        """Lines across with what they stand for, and shares below."""
        drawn = []
        for tick in ticks([self.low, self.high], 5):
            y = round(self.bottom - tick["at"] / 100 * (self.bottom - _HEAD), 1)
            drawn.append(mark("line", class_="grid", x1="0", x2="100%", y1=y, y2=y))
            drawn.append(mark("text", tick["label"], x=0, y=y - 4))
        step = _share_step(self.right)
        for place in range(int(self.right / step) + 1):
            share = place * step
            anchor = "start" if not place else ("end" if share > 0.93 * self.right else "middle")
            at = self.x(share)
            label = f"{100 * share:g}%"
            drawn.append(mark("text", label, x=at, y=_HEIGHT - 5, text_anchor=anchor))
        return drawn

    def point(self, point: Mapping[str, float], kind: str, label: str, size: int) -> list[Markup]:
        """A circle and its name, on the side where there is room."""
        x, y = self.at(point)
        across = 100 * point["false_share"] / self.right
        # The curve rises to the right and bends down, so that there is room below a point.
        right = across + _LABEL < 100
        near = [h for other, h in self._taken if abs(across - other) < _LABEL and abs(y - h) < 18]
        self._taken.append((across, y))
        said = mark(
            "text",
            label,
            class_="label strong" if kind == "this" else "label",
            x=x,
            dx=7 if right else -7,
            y=round(y + (-9 if near or kind == "careless" else 18), 1),
            text_anchor="start" if right else "end",
        )
        tip = mark(
            "title",
            f"{label}: hardness {figure(point['hardness'])}, "
            f"{percent(point['false_share'])} expected false",
        )
        return [said, mark("circle", tip, class_=kind, cx=x, cy=y, r=size)]


def _share_step(right: float) -> float:
    """Between two shares that are written: about five of them."""
    power = 10.0 ** math.floor(math.log10(right / 4))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= right / 5)


def _sentence(frontier: Mapping[str, Any]) -> str:
    told = [
        f"At {asked_share(step['max_false'])} it would be {figure(step['hardness'])}."
        for step in (frontier["easier"], frontier["harder"])
        if step
    ]
    return " ".join(told)
