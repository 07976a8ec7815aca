"""What an adaptation came to: a card for the terminal, and one HTML page with examples to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from negatives.card import Card
from negatives.show.render import styles, template
from negatives.svg import mark
from negatives.wording import count, figure, percent, plural, seconds

SURE: Final = 0.05
"""A p below this is called a difference."""
METRIC: Final = "nDCG@10"
"""The one that the verdict is about."""
SETS: Final[Mapping[str, tuple[str, str]]] = {
    "real": ("real questions", "Questions of real people, which no step has seen."),
    "made": (
        "written queries",
        "Queries written for documents that were kept out of training. They say whether the model "
        "learned; how much people who ask real questions gain may differ.",
    ),
}
"""What is judged on, the most telling first: its name, and what it says."""
STEPS: Final[Mapping[str, str]] = {
    "passages": "read and cut",
    "made": "write queries",
    "run": "mine negatives",
    "model": "train",
}
_ROW: Final = 28


def adaptation_page(figures: Mapping[str, Any]) -> str:
    """One page: what it won and how sure that is, what was made, what it cost, how to use it."""
    return template("adapt.html.j2").render(
        figures=figures,
        verdict=verdict(figures),
        sets=SETS,
        strip=strip,
        span_of=span_of,
        costs=costs(figures),
        styles=styles("report.css", "compare.css", "adapt.css"),
    )


def adaptation_card(figures: Mapping[str, Any]) -> Card:
    """A dozen lines for a terminal."""
    said, read, written = verdict(figures), figures["documents"], figures["written"]
    rows = [("verdict", said["sentence"])]
    for name, gain in _judged(figures):
        one = gain["metrics"][METRIC]
        rows.append(
            (
                SETS[name][0].split()[0],
                f"{METRIC} {one['before']:.3f} -> {one['after']:.3f}: {one['difference']:+.3f} "
                f"({one['low']:+.3f} to {one['high']:+.3f}), p = {one['p']:.4f}, "
                f"{plural(gain['queries'], SETS[name][0][:-1], SETS[name][0])}",
            )
        )
    by = ", ".join(f"{count(number)} by {name}" for name, number in written["queries"].items())
    negatives = figures["negatives"]
    rows += [
        (
            "read",
            f"{plural(read['documents'], 'document')}, {plural(read['passages'], 'passage')}"
            + (f"; {plural(_skipped(read), 'file')} passed over" if _skipped(read) else ""),
        ),
        ("written", f"{by}; {count(written['train'])} to train, {count(written['dev'])} to judge"),
        (
            "negatives",
            f"{percent(negatives['coverage'])} of {count(negatives['per_query'])} a query, "
            f"expected false {percent(negatives['false_share'])}, "
            f"hardness {figure(negatives['hardness'])}",
        ),
        (
            "trained",
            f"{figures['model']}: {plural(figures['training']['examples'], 'example')}, "
            f"{plural(figures['training']['steps'], 'step')}",
        ),
    ]
    spent = costs(figures)
    told = ", ".join(f"{row['name']} {seconds(row['seconds'])}" for row in spent["rows"])
    rows.append(("time", f"{seconds(spent['seconds'])}: {told}"))
    if spent["calls"]:
        rows.append(("asked", f"{count(spent['calls'])} calls, {count(spent['tokens'])} tokens"))
    return Card(f"{figures['name']}: {said['title'].lower()}", tuple(rows))


def verdict(figures: Mapping[str, Any]) -> dict[str, str]:
    """`title` and `sentence`: whether the model is better, by the most telling of what there is."""
    name, gain = _judged(figures)[0]
    one, questions = gain["metrics"][METRIC], SETS[name][0]
    sure = one["p"] is not None and one["p"] < SURE
    told = (
        f"On {count(gain['queries'])} {questions} {METRIC} went from {one['before']:.3f} to "
        f"{one['after']:.3f}"
    )
    span = f"{one['low']:+.3f} to {one['high']:+.3f}" if one["low"] is not None else "not known"
    chance = f"the difference is {one['difference']:+.3f} ({span}, p = {one['p']:.2g})"
    if sure and one["difference"] > 0:
        title = "The model finds more"
        sentence = f"{told}: {chance}."
    elif sure:
        title = "The model got worse: keep the one you had"
        sentence = f"{told}: {chance}."
    else:
        title = f"No difference that {count(gain['queries'])} {questions} can show"
        sentence = f"{told}: {chance}, which chance alone makes as well."
    if name == "made":
        sentence += (
            " These queries were written, too: what real ones gain, only real ones tell "
            "(--queries, --qrels)."
        )
    return {"title": title, "sentence": sentence}


def costs(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds of each step and in all, and what a language model was asked."""
    steps = figures["costs"]
    named = {STEPS.get(name, "judge"): 0.0 for name in steps}
    for name, step in steps.items():
        named[STEPS.get(name, "judge")] += step["seconds"]
    return {
        "rows": [{"name": name, "seconds": spent} for name, spent in named.items()],
        "seconds": sum(named.values()),
        "calls": sum(step.get("calls", 0) for step in steps.values()),
        "tokens": sum(step.get("tokens", 0) for step in steps.values()),
    }


def span_of(gains: Mapping[str, Any]) -> tuple[float, float]:
    """The axis that holds nothing and every interval, with a little room."""
    ends = [0.0]
    for gain in gains.values():
        for one in gain["metrics"].values():
            ends += [
                each for each in (one["low"], one["difference"], one["high"]) if each is not None
            ]
    room = 0.06 * (max(ends) - min(ends) or 1.0)
    return min(ends) - room, max(ends) + room


def strip(one: Mapping[str, Any], span: Sequence[float]) -> Markup:
    """A difference with its interval, beside the line of no difference."""

    def at(value: float) -> str:
        return f"{100 * (value - span[0]) / (span[1] - span[0]):.2f}%"

    y, drawn = _ROW / 2, [mark("line", class_="first-arm", x1=at(0), x2=at(0), y1=0, y2=_ROW)]
    about = f"difference {one['difference']:+.4f}"
    if one["low"] is not None:
        about += f", 95% interval {one['low']:+.4f} to {one['high']:+.4f}"
        drawn.append(mark("line", class_="span", x1=at(one["low"]), x2=at(one["high"]), y1=y, y2=y))
    drawn.append(mark("circle", class_="mean", cx=at(one["difference"]), cy=y, r=6))
    return mark(
        "svg", mark("title", about), *drawn, class_="forest", height=_ROW, role="img",
        aria_label=about,
    )  # fmt: skip


def _judged(figures: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """What was judged on, the most telling first."""
    return [(name, figures["gains"][name]) for name in SETS if name in figures["gains"]]


def _skipped(read: Mapping[str, Any]) -> int:
    return sum(row["count"] for row in read["skipped"])
