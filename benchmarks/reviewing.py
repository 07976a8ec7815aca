"""What reviews are worth, by how many there are and in which order they come. The reviewer is the
truth: positives that were hidden before mining. In one setting all positives but one of every
query are hidden, so that labels hardly tell how many of the relevant pairs are labelled; in the
other, half of them. `random` judges a sample of the chosen negatives, `active` the pairs whose
verdicts are expected to tell most, both as `negatives review` asks about them, without a new plan
on the way. After so many verdicts p_relevant is made again and the run's picker picks: at most 5%
false, five a query. The built-in encoder and the default recipe. Hardness is less that of the rank
window 31 to 35 of the same run; the interval is how many times the highest credible label rate is
the lowest (95% and 5%).
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import CACHE
from benchmarks.hiding import PAIR, all_but_one, half
from benchmarks.judgements import whole
from benchmarks.page import write_page, write_picture
from negatives.pick.trial import Trial, sampled
from negatives.run.asking import questions
from negatives.run.outlook import Outlook
from negatives.run.verdicts import OPEN, without_verdicts

COLLECTIONS = ("cranfield", "cisi", "med", "esco_skills")
HOW: dict[str, Callable[[neg.Collection, int], tuple[neg.Collection, pl.DataFrame]]] = {
    "one": all_but_one,
    "half": half,
}
SAID = {"one": "one known positive a query", "half": "half of the positives known"}
COUNTS = (0, 10, 20, 40, 60, 100, 200)
ORDERS = ("random", "active")
SEEDS = 4
ASKED, PER_QUERY = 0.05, 5
KEPT = CACHE / "reviewing"


def measured(name: str, how: str, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Figures after each number of reviews, by order; measured once, and kept."""
    path = KEPT / f"{name}-{how}-{seed}.json"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        found = {order: list(rows) for order, rows in _measured(name, how, seed)}
        path.write_text(json.dumps(found))
        print(name, how, seed, file=sys.stderr, flush=True)
    kept: dict[str, list[dict[str, Any]]] = json.loads(path.read_text())
    return kept


def _measured(name: str, how: str, seed: int) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    data, hidden = HOW[how](whole(name), seed)
    pick = neg.RiskLimited(per_query=PER_QUERY, max_false=ASKED)
    with tempfile.TemporaryDirectory() as scratch:
        run = neg.mine(data, Path(scratch) / "run", pick=pick, seed=seed)
        window = Trial.of(sampled(run.parts), PER_QUERY, 1.0).window() or 0.0
        ledger = without_verdicts(run.candidates()).collect()
        outlook, asked = Outlook.of(run, ledger), questions(run, COUNTS[-1])
        truth = hidden.with_columns(relevant=pl.lit(True))
        for order in ORDERS:
            rows: pl.DataFrame = getattr(asked, order)
            pairs = rows.select(PAIR).join(truth, on=PAIR, how="left", maintain_order="left")
            yield order, _counted(outlook, pairs.fill_null(False), hidden, window)


def _counted(
    outlook: Outlook, verdicts: pl.DataFrame, hidden: pl.DataFrame, window: float
) -> Iterator[dict[str, Any]]:
    for count in COUNTS:
        said = verdicts.head(count)
        judged = outlook.ledger.filter(OPEN).join(said, on=PAIR, how="inner", maintain_order="left")
        picked, found, note = outlook.picked(said, judged, outlook.recipe.pick)
        low, high = note.get("label rate at least"), note.get("label rate at most")
        yield {
            "judged": len(said),
            "relevant": int(said["relevant"].sum()),
            "false": len(picked.join(hidden, on=PAIR, how="semi")) / max(len(picked), 1),
            "hardness": picked.select(pl.col("hardness").mean()).item() - window,
            "promised": bool(found.get("promised")),
            "interval": high / low if low and high else None,
        }


def main() -> None:
    """Measure, and write the page and its pictures."""
    lines: list[str] = []
    for seed in range(SEEDS):  # a few of all settings before many of one
        for how in HOW:
            for name in COLLECTIONS:
                measured(name, how, seed)
    for how in HOW:
        results = {
            name: [measured(name, how, seed) for seed in range(SEEDS)] for name in COLLECTIONS
        }
        write_picture(f"reviewing-{how}", _picture(results))
        lines += _section(how, results)
    write_page("reviewing", "What reviews are worth, by their order", __doc__, lines)


def _section(how: str, results: dict[str, list[dict[str, Any]]]) -> list[str]:
    lines = [
        "",
        f"## {SAID[how].capitalize()}",
        "",
        f"![False share and hardness by number of reviews](reviewing-{how}.svg)",
        "",
        f"False share, mean and standard deviation over {SEEDS} hidings; hardness; in how many a "
        "share was promised; the interval.",
        "",
        f"| collection | order | {' | '.join(f'{count}' for count in COUNTS)} |",
        "|---|---|" + "---|" * len(COUNTS),
    ]
    for name, seeds in results.items():
        for order in ORDERS:
            cells = [_cell([seed[order][place] for seed in seeds]) for place in range(len(COUNTS))]
            lines.append(f"| {name} | {order} | {' | '.join(cells)} |")
    lines += [
        "",
        "Reviews in active order whose interval is no wider than that of 60, 100 and 200 in random "
        "order (target: at most a third), and the relevant pairs found among the first 60.",
        "",
        "| collection | as 60 random | as 100 random | as 200 random | found, random "
        "| found, active |",
        "|---|---|---|---|---|---|",
    ]
    for name, seeds in results.items():
        same = [_as_narrow(seeds, count) for count in (60, 100, 200)]
        found = [
            f"{np.mean([seed[order][COUNTS.index(60)]['relevant'] for seed in seeds]):.1f}"
            for order in ORDERS
        ]
        lines.append(f"| {name} | {' | '.join([*same, *found])} |")
    reached = [name for name, seeds in results.items() if _as_narrow(seeds, 60) in _A_THIRD]
    return [*lines, "", f"A third of 60 is enough on: {', '.join(reached) or 'none of them'}."]


_A_THIRD = [str(count) for count in COUNTS if 3 * count <= 60]


def _cell(rows: list[dict[str, Any]]) -> str:
    false, hardness = (np.array([row[key] for row in rows]) for key in ("false", "hardness"))
    promised = sum(row["promised"] for row in rows)
    return (
        f"{false.mean():.3f} ± {false.std():.3f}; {hardness.mean():+.2f}; {promised}; "
        f"{_interval(rows):.1f}"
    )


def _interval(rows: list[dict[str, Any]]) -> float:
    """The geometric mean."""
    return float(np.exp(np.mean([np.log(row["interval"] or np.nan) for row in rows])))


def _as_narrow(seeds: list[dict[str, Any]], count: int) -> str:
    wanted = _interval([seed["random"][COUNTS.index(count)] for seed in seeds])
    for place, fewer in enumerate(COUNTS):
        if _interval([seed["active"][place] for seed in seeds]) <= wanted:
            return str(fewer)
    return f"more than {COUNTS[-1]}"


_WIDTH, _HEIGHT, _LEFT, _TOP = 230, 130, 46, 46
_COLOURS = {"random": "#5f6f89", "active": "#b23c17"}


def _picture(results: dict[str, list[dict[str, Any]]]) -> str:
    """False share above, hardness below, a column a collection; a line an order, the mean."""
    columns = len(results)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * (_WIDTH + _LEFT) + 20} '
        f'{2 * (_HEIGHT + _TOP) + 50}" font-family="sans-serif" font-size="12" fill="#555">'
    ]
    for column, (name, seeds) in enumerate(results.items()):
        for row, (key, title) in enumerate((("false", "false share"), ("hardness", "hardness"))):
            means = {
                order: [
                    float(np.mean([seed[order][place][key] for seed in seeds]))
                    for place in range(len(COUNTS))
                ]
                for order in ORDERS
            }
            at = (column * (_WIDTH + _LEFT) + _LEFT, row * (_HEIGHT + _TOP) + _TOP)
            parts += _panel(at, f"{name}: {title}", means, ASKED if key == "false" else None)
    for place, order in enumerate(ORDERS):
        x, y = _LEFT + 120 * place, 2 * (_HEIGHT + _TOP) + 34
        parts.append(
            f'<line x1="{x}" x2="{x + 24}" y1="{y - 4}" y2="{y - 4}" stroke="{_COLOURS[order]}" '
            f'stroke-width="2"/><text x="{x + 30}" y="{y}">{order} order</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _panel(
    at: tuple[int, int], title: str, means: dict[str, list[float]], asked: float | None
) -> list[str]:
    left, top = at
    values = [value for each in means.values() for value in each] + ([asked] if asked else [])
    low, high = min(0.0, *values), max(values) or 1.0
    high, low = high + 0.08 * (high - low), low - (0.08 * (high - low) if low < 0 else 0)

    def x(count: int) -> float:
        return left + _WIDTH * float(np.sqrt(count / COUNTS[-1]))

    def y(value: float) -> float:
        return top + _HEIGHT * (high - value) / (high - low)

    parts = [f'<text x="{left}" y="{top - 8}" font-weight="600">{title}</text>']
    for value in (low, (low + high) / 2, high):
        parts.append(
            f'<line x1="{left}" x2="{left + _WIDTH}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            f'stroke="#ccc" stroke-width=".6"/><text x="{left - 5}" y="{y(value) + 4:.1f}" '
            f'text-anchor="end" font-size="10">{value:.2f}</text>'
        )
    if asked:
        parts.append(
            f'<line x1="{left}" x2="{left + _WIDTH}" y1="{y(asked):.1f}" y2="{y(asked):.1f}" '
            'stroke="#0b6e63" stroke-dasharray="4 3"/>'
        )
    for count in COUNTS:
        parts.append(
            f'<text x="{x(count):.1f}" y="{top + _HEIGHT + 14}" text-anchor="middle" '
            f'font-size="10">{count}</text>'
        )
    for order, each in means.items():
        points = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in zip(COUNTS, each, strict=True))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{_COLOURS[order]}" stroke-width="2"/>'
        )
    return parts


if __name__ == "__main__":
    main()
