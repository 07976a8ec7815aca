"""A bench as a table, a page in Markdown, and a picture of quality against cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from negatives.card import Card
from negatives.show.comparison import put_in_order
from negatives.svg import mark

Figures = Mapping[str, Any]
Row = Mapping[str, Any]

_WIDTH: Final = 860
_HEIGHT: Final = 480
_LEFT: Final = 64
_RIGHT: Final = 150
"""Room for the names beside the marks that are furthest to the right."""
_TOP: Final = 40
_BOTTOM: Final = 48
_LINE: Final = 12
SURE: Final = 0.05
"""A corrected p below this is called a difference."""


def best_first(figures: Figures) -> list[Row]:
    """The rows, the best first: the highest quality, or the lowest false share."""
    if figures["measure"] == "trained":
        return sorted(figures["rows"], key=lambda row: -float(row["mean"]))
    return sorted(figures["rows"], key=lambda row: float(row["false_share"]))


def bench_table(figures: Figures) -> str:
    """A recipe a line, as plain text, what was left out, and what trainings warned of."""
    names, *rows = _cells(figures)
    widths = [max(len(row[at]) for row in (names, *rows)) for at in range(len(names))]
    lines = [headline(figures)]
    for row in (names, *rows):
        cells = [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join([*lines, *_without(figures), *_notes(figures)])


def bench_card(figures: Figures) -> Card:
    """A recipe a row, for a notebook."""
    names, *rows = _cells(figures)
    told = [
        (row[0], ", ".join(f"{name} {cell}" for name, cell in zip(names[1:], row[1:], strict=True)))
        for row in rows
    ]
    return Card(headline(figures), tuple(told))


def bench_page(figures: Figures, picture: str) -> str:
    """The same in Markdown, with the picture, and what each recipe does in a sentence."""
    lines = [
        f"# {figures['data']}: {figures['metric']}",
        "",
        f"{headline(figures)}.",
        "",
        *bench_page_tables(figures),
        "",
        f"![quality against cost]({picture})",
        "",
        "## What they do",
        "",
    ]
    about = figures["about"]
    lines += [f"- `{row['recipe']}`: {about.get(row['recipe'], '')}" for row in best_first(figures)]
    return "\n".join([*lines, ""])


def bench_page_tables(figures: Figures) -> list[str]:
    """The table in Markdown, and below it what is not in it, and why."""
    names, *rows = _cells(figures)
    lines = markdown_table(names, rows)
    if missing := list(_without(figures)):
        lines += ["", "Not measured:", "", *(f"- {line.strip()}" for line in missing)]
    if notes := list(_notes(figures)):
        lines += ["", "Said of their trainings:", "", *(f"- {line.strip()}" for line in notes)]
    return lines


def markdown_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table, its numbers to the right."""
    lines = [f"| {' | '.join(names)} |", "|---|" + "---:|" * (len(names) - 1)]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def headline(figures: Figures) -> str:
    """What was measured on what, in a line."""
    seeds = figures["seeds"]
    if figures["measure"] == "trained":
        steps = figures["rows"][0]["steps"] if figures["rows"] else 0
        batch = figures["settings"]["batch_size"]
        return (
            f"{figures['metric']} on {figures['on']}, {figures['queries']:,} queries, {seeds} "
            f"seed{'s' if seeds != 1 else ''}, {steps:,} steps of {batch}, at most "
            f"{figures['per_query']} negatives a query" + put_in_order(figures, figures["metric"])
        )
    return (
        f"half of the positives of {figures['data']} hidden, {figures['queries']:,} queries, "
        f"{seeds} hiding{'s' if seeds != 1 else ''}, {figures['per_query']} negatives a query asked"
    )


def _cells(figures: Figures) -> list[list[str]]:
    """The heads of the columns, and the cells of each row, the best first."""
    against = figures["against"]
    if figures["measure"] == "trained":
        names = ["recipe", "nDCG@10", "95% interval", f"against {against}", "p", "seconds"]
        return [names, *([*_named(row), f"{row['seconds']:.0f}"] for row in best_first(figures))]
    names = ["recipe", "false", "95% interval", "coverage", "hardness", "p", "seconds"]
    return [
        names,
        *(
            [
                row["recipe"],
                f"{row['false_share']:.1%}",
                f"{row['low']:.1%} {row['high']:.1%}",
                f"{row['coverage']:.0%}",
                "" if row["hardness"] is None else f"{row['hardness']:+.2f}",
                _p(row),
                f"{row['seconds']:.1f}",
            ]
            for row in best_first(figures)
        ),
    ]


def _named(row: Row) -> list[str]:
    difference = f"{row['test']['difference']:+.4f}" if "test" in row else ""
    span = f"{row['low']:.4f} {row['high']:.4f}"
    return [row["recipe"], f"{row['mean']:.4f}", span, difference, _p(row)]


def _p(row: Row) -> str:
    return f"{row['test']['p_holm']:.4f}" if "test" in row else ""


def _without(figures: Figures) -> Iterator[str]:
    """What is not in the table, and why: those of one reason in a line."""
    failed = {name: f"failed: {why}" for name, why in figures["failed"].items()}
    yield from _by_text([*figures["left_out"].items(), *failed.items()])
    if figures["not_yet"]:
        yield f"  {', '.join(figures['not_yet'])}: not yet; the same command goes on"


def _notes(figures: Figures) -> Iterator[str]:
    """What the trainings of some recipes warned of; hidings tell of none."""
    notes = figures.get("notes", {})
    yield from _by_text([(name, f"note: {each}") for name in notes for each in notes[name]])


def _by_text(said: Sequence[tuple[str, str]]) -> Iterator[str]:
    """A line for each text, after the names of the recipes it is said of."""
    names: dict[str, list[str]] = {}
    for name, text in said:
        names.setdefault(text, []).append(name)
    for text, named in names.items():
        yield f"  {', '.join(named)}: {text}"


# ---- the picture ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """One recipe: how far to the right, how high, and how it is drawn."""

    name: str
    x: float
    y: float


_BASELINES: Final = frozenset({"none", "random", "naive top", "sentence-transformers"})


def bench_picture(figures: Figures) -> str:
    """SVG: quality up and seconds across; of hidden positives, false share up, hardness across, or
    coverage where nothing has a score that could say how hard it is.
    """
    rows = figures["rows"]
    if figures["measure"] == "trained":
        points = [
            Point(row["recipe"], math.log10(max(row["seconds"], 0.1)), row["mean"]) for row in rows
        ]
        return scatter(points, headline(figures), "seconds to mine and train", figures["metric"])
    scored = any(row["hardness"] is not None for row in rows)
    across = "hardness" if scored else "coverage"
    points = [Point(row["recipe"], row[across] or 0.0, row["false_share"]) for row in rows]
    return scatter(points, headline(figures), across, "false share", seconds=False)


def scatter(
    points: Sequence[Point], title: str, across: str, up: str, *, seconds: bool = True
) -> str:
    """A mark and a name for each point, names moved apart; `seconds`: x is a power of ten."""
    xs, ys = _span([point.x for point in points]), _span([point.y for point in points])

    def place(point: Point) -> tuple[float, float]:
        x = (point.x - xs[0]) / (xs[1] - xs[0]) * (_WIDTH - _LEFT - _RIGHT)
        y = (point.y - ys[0]) / (ys[1] - ys[0]) * (_HEIGHT - _TOP - _BOTTOM)
        return _LEFT + x, _HEIGHT - _BOTTOM - y

    drawn = [*_axes(xs, ys, seconds), *_marks({point.name: place(point) for point in points})]
    return mark(
        "svg",
        mark("title", f"{title}: {up} against {across}"),
        mark("rect", width=_WIDTH, height=_HEIGHT, fill="#fff"),
        mark("text", title, x=8, y=18, font_size=13, font_weight=600),
        mark("text", up, x=8, y=_TOP - 6, fill="#565c68"),
        mark("text", across, x=_WIDTH - _RIGHT, y=_HEIGHT - 10, text_anchor="end", fill="#565c68"),
        *drawn,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        font_family="system-ui, sans-serif",
        font_size=11,
    )


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or 0.05
    return low - room, high + room


def _axes(xs: tuple[float, float], ys: tuple[float, float], seconds: bool) -> Iterator[Markup]:
    for step in range(6):
        value = ys[0] + (ys[1] - ys[0]) * step / 5
        y = f"{_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * step / 5:.1f}"
        yield mark("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, stroke="#e5e2dc")
        yield mark("text", f"{value:.3f}", x=_LEFT - 6, y=y, text_anchor="end", fill="#565c68")
    for step in range(5):
        value = xs[0] + (xs[1] - xs[0]) * step / 4
        x = f"{_LEFT + (_WIDTH - _LEFT - _RIGHT) * step / 4:.1f}"
        told = f"{10**value:.3g}" if seconds else f"{value:+.2f}"
        yield mark(
            "text", told, x=x, y=_HEIGHT - _BOTTOM + 18, text_anchor="middle", fill="#565c68"
        )


def _marks(places: Mapping[str, tuple[float, float]]) -> Iterator[Markup]:
    """The marks, and their names from top to bottom, none on another's line where they overlap."""
    taken: list[tuple[float, float]] = []
    for name, (x, y) in sorted(places.items(), key=lambda item: item[1][1]):
        colour = "#8a5a00" if name in _BASELINES else "#0b6e63"
        line = y + 4
        while any(abs(line - other) < _LINE and abs(x - beside) < 130 for beside, other in taken):
            line += 2
        taken.append((x, line))
        yield mark("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=4, fill=colour)
        yield mark("text", name, x=f"{x + 8:.1f}", y=f"{line:.1f}", fill=colour)
