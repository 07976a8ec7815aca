"""A picture of hardness against false share, one point a miner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 34, 46
COLOURS = {"ours": "#0f766e", "st": "#c2410c"}
FULL = 0.9


def frontier(
    title: str, points: Mapping[str, Sequence[float]], curves: Mapping[str, Sequence[str]]
) -> str:
    """SVG of points (coverage, false share, hardness) by label; `curves` join some in order."""
    hardest = [point[2] for point in points.values()]
    low, high = min(hardest) - 0.1, max(hardest) + 0.1
    most = max(point[1] for point in points.values()) * 1.05

    def place(point: Sequence[float]) -> tuple[float, float]:
        across = (point[2] - low) / (high - low)
        # Square root: what matters is the difference between 1% and 5%, not 40% and 44%.
        up = (max(point[1], 0.0) / most) ** 0.5
        return (
            LEFT + across * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM),
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="11">',
        f"<title>Hardness against false share on {escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="14" font-weight="600">{escape(title)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" text-anchor="end">hardness</text>',
        f'<text x="{LEFT + 6}" y="{TOP + 10}" fill="#555">false share (square-root scale)</text>',
    ]
    for share in (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6):
        if share <= most:
            _, y = place((1, share, low))
            parts.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
                f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>'
            )
    for tick in range(-4, 8):
        value = tick / 2
        if low <= value <= high:
            x, _ = place((1, 0.0, value))
            parts.append(
                f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:g}'
                "</text>"
            )
    for name, labels in curves.items():
        line = " ".join("{:.1f},{:.1f}".format(*place(points[label])) for label in labels)
        colour = COLOURS[name.split(":")[0]]
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2" '
            'opacity="0.5"/>'
        )
    for label, point in points.items():
        x, y = place(point)
        whose, _, what = label.partition(": ")
        colour = COLOURS[whose]
        fill = colour if point[0] >= FULL else "#ffffff"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{colour}"/>'
            f'<text x="{x + 6:.1f}" y="{y - 5:.1f}" font-size="9" fill="{colour}">'
            f"{escape(what)}</text>"
        )
    return "\n".join([*parts, "</svg>", ""])
