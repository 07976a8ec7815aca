"""How `--recipe auto` fares: what it sees of each stage's data, what it chooses, what that costs.

Each data set in turn is left out: the share of queries out of reach from which the recipe for
passages is taken is set on the others, where it costs least, and tried on the one that is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from negatives.events import silent
from negatives.run.automatic import FALSE, UNREACHED, Evidence, choose, probed
from negatives.run.mine import mine
from negatives.schema import Collection

BETWEEN = ("default", "passages")
"""What it chooses between where there are texts."""
TRIED = tuple(np.round(np.arange(0.02, 0.62, 0.02), 2).tolist())
"""Limits that are tried on the other data sets."""


def looked_at(data: Collection) -> dict[str, Any]:
    """What a probe shows of the data, in plain values."""
    found = probed(data, partial(mine, emit=silent))
    return {"unreached": found.unreached, "false": found.false, "told": str(found)}


def section(kept: Mapping[str, Any]) -> Iterator[str]:
    """A line a data set that models were trained on; nothing where there is none."""
    found = {
        name: (figures["evidence"], values)
        for name, figures in kept.items()
        if "evidence" in figures and (values := _values(figures))
    }
    if not found:
        return
    yield "## Chosen by auto { #auto }"
    yield (
        "\nWhat `--recipe auto` sees of the data trained with (a probe of 300 queries), and "
        f"takes: `passages` where at least {UNREACHED:.0%} of the queries have every positive out "
        "of reach (more than forty candidates score as high as the best of them) and "
        f"{FALSE:.0%} of the top is expected to be false, else `default`. *Left out*: what it "
        "takes with the first limit set on the other data sets alone, and the last two columns are "
        "of that choice: its nDCG@10, and how far that is from the better of the two.\n"
    )
    yield "| data | out of reach | false at the top | auto | left out | nDCG@10 | less the better |"
    yield "|---|---:|---:|---|---|---:|---:|"
    for name, (evidence, values) in found.items():
        others = {other: found[other] for other in found if other != name}
        fixed = _taken(evidence, UNREACHED)
        blind = _taken(evidence, _limit(others))
        yield (
            f"| {name} | {evidence['unreached']:.0%} | {evidence['false']:.0%} | {fixed} | {blind} "
            f"| {values[blind]:.4f} | {values[blind] - max(values.values()):+.4f} |"
        )
    yield ""


def _values(figures: Mapping[str, Any]) -> dict[str, float]:
    """What the two recipes were worth; empty where one was not measured."""
    rows = {row["recipe"]: row for row in figures["rows"]}
    if not all(name in rows and "mean" in rows[name] for name in BETWEEN):
        return {}
    return {name: float(rows[name]["mean"]) for name in BETWEEN}


def _taken(evidence: Mapping[str, Any], limit: float) -> str:
    """What is taken with another limit."""
    if limit == UNREACHED:
        made = Evidence(0, 0, 1.0, None, evidence["false"], None, evidence["unreached"])
        return choose(made).name
    far = (evidence["unreached"] or 0.0) >= limit and (evidence["false"] or 0.0) >= FALSE
    return "passages" if far else "default"


def _limit(others: Mapping[str, tuple[Any, Mapping[str, float]]]) -> float:
    """The limit that costs least on other data; the middle one, where several do."""
    costs = [
        sum(max(values.values()) - values[_taken(seen, limit)] for seen, values in others.values())
        for limit in TRIED
    ]
    best = [limit for limit, cost in zip(TRIED, costs, strict=True) if cost <= min(costs) + 1e-9]
    return float(best[len(best) // 2])
