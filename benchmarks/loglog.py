"""A picture of measured values against a size, both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 34, 46
COLOURS = ("#0f766e", "#c2410c", "#4338ca")


def loglog(
    title: str, across: str, sizes: Sequence[int], lines: Mapping[str, Sequence[float]]
) -> str:
    """SVG of each named line's positive values at `sizes`; `across` names these."""
    values = [max(value, 1e-3) for line in lines.values() for value in line]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = math.floor(math.log10(min(sizes))), math.ceil(math.log10(max(sizes)))

    def place(size: float, value: float) -> tuple[float, float]:
        right = (math.log10(size) - first) / max(last - first, 1)
        up = (math.log10(max(value, 1e-3)) - low) / max(high - low, 1)
        return (
            LEFT + right * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM),
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="14" font-weight="600">{escape(title)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" text-anchor="end">{escape(across)}</text>',
    ]
    for power in range(low, high + 1):
        _, y = place(10**first, 10.0**power)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
        )
    for power in range(first, last + 1):
        x, _ = place(10**power, 10.0**low)
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{10**power:,}'
            "</text>"
        )
    for (name, line), colour in zip(lines.items(), COLOURS, strict=False):
        points = [place(size, value) for size, value in zip(sizes, line, strict=True)]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(
            f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points]
        x, y = points[-1]
        parts.append(
            f'<text x="{x - 8:.1f}" y="{y - 9:.1f}" text-anchor="end" fill="{colour}">'
            f"{escape(name)}</text>"
        )
    return "\n".join([*parts, "</svg>", ""])
