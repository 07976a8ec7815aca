"""The course of a training as a picture: the loss, and what was seen of the dev split."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

from negatives.learn.trainer import METRIC

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
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12"><title>Loss and dev figures by step'
        f'</title><rect width="{_WIDTH}" height="{height}" fill="#fff"/>{"".join(panels)}'
        f'<text x="{_WIDTH - 8}" y="{height - 8}" text-anchor="end">step (of {last:,})</text></svg>'
    )


def _panel(name: str, points: Sequence[Point], last: float, place: int) -> str:
    values = [value for _, value in points]
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or 0.05
    low, high = low - room, high + room
    top = _TOP + place * (_HEIGHT + _GAP)

    def at(point: Point) -> str:
        x = _LEFT + point[0] / last * (_WIDTH - _LEFT - 16)
        y = top + (high - point[1]) / (high - low) * _HEIGHT
        return f"{x:.1f},{y:.1f}"

    marks = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH - 16}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e2dc"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#565c68">{value:.3g}</text>'
        for step in range(5)
        for value in [low + (high - low) * step / 4]
        for y in [top + (high - value) / (high - low) * _HEIGHT]
    )
    dots = "".join(
        '<circle cx="{}" cy="{}" r="3" fill="#0b6e63"/>'.format(*at(point).split(","))
        for point in points
        if len(points) <= 40
    )
    line = " ".join(map(at, points))
    return (
        f'<text x="{_LEFT}" y="{top - 8}" font-weight="600">{escape(name)}</text>{marks}'
        f'<polyline points="{line}" fill="none" stroke="#0b6e63" stroke-width="2"/>{dots}'
    )
