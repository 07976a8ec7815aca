"""A comparison of ways to choose negatives: its table as text, and one HTML page with pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from negatives.card import Card
from negatives.show.render import styles, template
from negatives.svg import mark

_ROW: Final = 28


def comparison_page(figures: Mapping[str, Any]) -> str:
    """One page: what it comes to, every metric in pictures, the negatives and cost of each arm."""
    return template("compare.html.j2").render(
        figures=figures,
        conclusion=conclusion(figures),
        forest=forest,
        span_of=span_of,
        styles=styles("report.css", "compare.css"),
    )


def comparison_table(figures: Mapping[str, Any]) -> str:
    """The first metric, an arm a line, as plain text."""
    metric, rows = next(iter(figures["metrics"].items()))
    width = max(len(row["arm"]) for row in rows)
    seeds = figures["seeds"]
    lines = [
        f"{metric} on {figures['on']}, {figures['queries']:,} queries, {seeds} "
        f"seed{'s' if seeds != 1 else ''}, {figures['costs'][rows[0]['arm']]['steps']:,} steps"
        + put_in_order(figures, metric),
        f"  {'arm':<{width}}    mean  95% interval    against {rows[0]['arm']}",
    ]
    for row in rows:
        span = f"{row['low']:.4f} {row['high']:.4f}"
        lines.append(f"  {row['arm']:<{width}}  {row['mean']:.4f}  {span}   {verdict(row)}")
    return "\n".join(lines)


def put_in_order(figures: Mapping[str, Any], metric: str) -> str:
    """What rerankers put in order, and what it was worth as it came; nothing of other models."""
    found = figures.get("reranked")
    if found is None:
        return ""
    return (
        f"; of each query the {found['top']} best of {found['of']} put in order "
        f"({found['as found'][metric]:.4f} as they came)"
    )


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


SURE: Final = 0.05
"""A corrected p below this is called a difference."""


def conclusion(figures: Mapping[str, Any]) -> dict[str, str]:
    """`title` and `sentence`: which arm the first metric speaks for, and how surely.

    An arm differs from the first where its p, corrected for the number of arms, is below 5%.
    """
    metric, (first, *others) = next(iter(figures["metrics"].items()))
    tests = {row["arm"]: row["against_first"] for row in others}
    sure = {arm: test for arm, test in tests.items() if test["p_holm"] < SURE}
    better = {arm: test for arm, test in sure.items() if test["difference"] > 0}
    worse = {arm: test for arm, test in sure.items() if test["difference"] < 0}
    open_ = [arm for arm in tests if arm not in sure]
    name = first["arm"]
    if better:
        best = max(better, key=lambda arm: better[arm]["difference"])
        title = f"{best} is better than {name}"
        told = [f"{best} gains {_told(better[best])} {metric}"]
        told += [f"{arm} gains {_told(better[arm])}" for arm in better if arm != best]
    elif worse and not open_:
        title = f"{name} is the best of the {len(tests) + 1}"
        told = []
    elif worse:
        title = f"{name} is as good as any here"
        told = []
    else:
        most = max(tests, key=lambda arm: abs(tests[arm]["difference"]))
        test = tests[most]
        return {
            "title": f"No difference that {_number(figures['queries'])} queries can show",
            "sentence": (
                f"The largest against {name} is that of {most}, {_told(test)} {metric} with "
                f"p = {test['p_holm']:.2g}: chance alone makes as much."
            ),
        }
    told += [f"{arm} loses {_told(worse[arm])}{'' if told else f' {metric}'}" for arm in worse]
    if open_:
        told.append(f"{_listed(open_)} cannot be told from {name}")
    return {"title": title, "sentence": "; ".join(told) + "."}


def _told(test: Mapping[str, Any]) -> str:
    """The size of a difference, and between what it lies."""
    ends = sorted((test["low"], test["high"]), key=abs)
    return f"{abs(test['difference']):.4f} ({_signed(ends[0], test)} to {_signed(ends[1], test)})"


def _signed(value: float, test: Mapping[str, Any]) -> str:
    """A value in the direction of a difference; one in the other direction has a minus."""
    forwards = value if test["difference"] >= 0 else -value
    return f"{forwards:.4f}".replace("-", "−")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _number(value: int) -> str:
    return f"{value:,}"


def span_of(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """The axis that holds every mean with its interval and its seeds, with a little room."""
    low = min(min(row["low"], *row["by_seed"]) for row in rows)
    high = max(max(row["high"], *row["by_seed"]) for row in rows)
    room = (high - low) * 0.06 or 0.01
    return low - room, high + room


def forest(row: Mapping[str, Any], first: Mapping[str, Any], span: tuple[float, float]) -> Markup:
    """The mean of one arm with its interval, a small mark a seed, and a line at the first arm's."""
    low, high = span

    def at(value: float) -> str:
        return f"{100 * (value - low) / (high - low):.2f}%"

    y = _ROW / 2
    line = at(first["mean"])
    drawn = [
        mark("line", class_="first-arm", x1=line, x2=line, y1=0, y2=_ROW),
        mark("line", class_="span", x1=at(row["low"]), x2=at(row["high"]), y1=y, y2=y),
        *(mark("circle", class_="seed", cx=at(value), cy=y, r=3) for value in row["by_seed"]),
        mark("circle", class_="mean", cx=at(row["mean"]), cy=y, r=6),
    ]
    about = (
        f"{row['arm']}: {row['mean']:.4f}, 95% interval {row['low']:.4f} to {row['high']:.4f}; "
        f"seeds {', '.join(f'{value:.3f}' for value in row['by_seed'])}"
    )
    return mark(
        "svg", mark("title", about), *drawn, class_="forest", height=_ROW, role="img",
        aria_label=about,
    )  # fmt: skip
