"""The course of a training as a picture: the loss, and what was seen of the dev split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from markupsafe import Markup

from negatives.learn.trainer import METRIC
from negatives.svg import mark

_WIDTH: Final = 720
_HEIGHT: Final = 240
_LEFT: Final = 56
_TOP: Final = 28
_GAP: Final = 40

Point = tuple[float, float]


def curve(history: Sequence[dict[str, Any]]) -> str:
    """SVG: loss against step and, where there were looks, nDCG@10 on the dev set below it."""
    series = {
        "loss": [(row["step"], row["loss"]) for row in history if "loss" in row],
        "nDCG@10 (dev, a part)": [(row["step"], row[METRIC]) for row in history if METRIC in row],
    }
    drawn = [(name, points) for name, points in series.items() if points]
    last = max((step for _, points in drawn for step, _ in points), default=1)
    panels = [_panel(name, points, last, at) for at, (name, points) in enumerate(drawn)]
    height = max(1, len(drawn)) * (_HEIGHT + _GAP) + _GAP
    named = f"step (of {last:,})"
    return mark(
        "svg",
        mark("title", "Loss and dev figures by step"),
        mark("rect", width=_WIDTH, height=height, fill="#fff"),
        *panels,
        mark("text", named, x=_WIDTH - 8, y=height - 8, text_anchor="end"),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
        font_family="system-ui, sans-serif",
        font_size=12,
    )


def _panel(name: str, points: Sequence[Point], last: float, place: int) -> Markup:
    values = [value for _, value in points]
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or 0.05
    low, high = low - room, high + room
    top = _TOP + place * (_HEIGHT + _GAP)

    def at(value: float) -> str:
        return f"{top + (high - value) / (high - low) * _HEIGHT:.1f}"

    drawn = [mark("text", name, x=_LEFT, y=top - 8, font_weight=600)]
    for step in range(5):
        value = low + (high - low) * step / 4
        y, beside = at(value), f"{float(at(value)) + 4:.1f}"
        drawn.append(mark("line", x1=_LEFT, x2=_WIDTH - 16, y1=y, y2=y, stroke="#e5e2dc"))
        drawn.append(
            mark("text", f"{value:.3g}", x=_LEFT - 6, y=beside, text_anchor="end", fill="#565c68")
        )
    xs = [f"{_LEFT + step / last * (_WIDTH - _LEFT - 16):.1f}" for step, _ in points]
    places = [(x, at(value)) for x, (_, value) in zip(xs, points, strict=True)]
    line = " ".join(f"{x},{y}" for x, y in places)
    drawn.append(mark("polyline", points=line, fill="none", stroke="#0b6e63", stroke_width=2))
    if len(points) <= 40:
        drawn += [mark("circle", cx=x, cy=y, r=3, fill="#0b6e63") for x, y in places]
    return Markup("").join(drawn)
