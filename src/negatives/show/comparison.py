"""A comparison of ways to choose negatives: its table as text, and one HTML page with a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from negatives.card import Card
from negatives.show.render import template
from negatives.svg import mark

_WIDTH: Final = 1000
_ROW: Final = 40


def comparison_page(figures: Mapping[str, Any]) -> str:
    """One page: a table and a picture of every metric, and what each arm cost."""
    pictures = {metric: _forest(rows) for metric, rows in figures["metrics"].items()}
    return template("compare.html.j2").render(figures=figures, pictures=pictures, verdict=verdict)


def comparison_table(figures: Mapping[str, Any]) -> str:
    """The first metric, an arm a line, as plain text."""
    metric, rows = next(iter(figures["metrics"].items()))
    width = max(len(row["arm"]) for row in rows)
    seeds = figures["seeds"]
    lines = [
        f"{metric} on {figures['on']}, {figures['queries']:,} queries, {seeds} "
        f"seed{'s' if seeds != 1 else ''}, {figures['costs'][rows[0]['arm']]['steps']:,} steps",
        f"  {'arm':<{width}}    mean  95% interval    against {rows[0]['arm']}",
    ]
    for row in rows:
        span = f"{row['low']:.4f} {row['high']:.4f}"
        lines.append(f"  {row['arm']:<{width}}  {row['mean']:.4f}  {span}   {verdict(row)}")
    return "\n".join(lines)


def comparison_card(figures: Mapping[str, Any]) -> Card:
    """The first metric, an arm a row, for a notebook."""
    title, *_ = comparison_table(figures).splitlines()
    rows = [
        (row["arm"], f"{row['mean']:.4f}, {row['low']:.4f} to {row['high']:.4f}; {verdict(row)}")
        for row in next(iter(figures["metrics"].values()))
    ]
    return Card(title, tuple((name, text.rstrip("; ")) for name, text in rows))


def verdict(row: Mapping[str, Any]) -> str:
    """The difference of an arm from the first, in a few words."""
    test = row.get("against_first")
    if test is None:
        return ""
    return (
        f"{test['difference']:+.4f} ({test['low']:+.4f} to {test['high']:+.4f}), "
        f"p = {test['p_holm']:.4f}"
    )


def _forest(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Means with their intervals, and a small mark for each seed, on one axis."""
    low = min(min(row["low"], *row["by_seed"]) for row in rows)
    high = max(max(row["high"], *row["by_seed"]) for row in rows)
    room = (high - low) * 0.05 or 0.01
    low, high = low - room, high + room

    def at(value: float) -> str:
        return f"{_WIDTH * (value - low) / (high - low):.1f}"

    height, first = len(rows) * _ROW, at(rows[0]["mean"])
    drawn = [mark("line", class_="first", x1=first, x2=first, y1=0, y2=height)]
    for place, row in enumerate(rows):
        y = place * _ROW + _ROW / 2
        drawn.append(mark("line", class_="span", x1=at(row["low"]), x2=at(row["high"]), y1=y, y2=y))
        drawn += [mark("circle", class_="seed", cx=at(x), cy=y, r=4) for x in row["by_seed"]]
        said = mark("title", f"{row['arm']}: {row['mean']:.4f}")
        drawn.append(mark("circle", said, class_="mean", cx=at(row["mean"]), cy=y, r=8))
    return mark(
        "svg",
        *drawn,
        class_="forest",
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
        aria_label="Means and intervals by arm",
    )
