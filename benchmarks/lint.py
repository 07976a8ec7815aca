"""Lint of a million triplets: seconds, peak memory, and which planted defects are found.

Documents of 20 to 100 words, drawn from 30,000 by Zipf's law; five negatives a query. In "same
corpus" they are drawn from 200,000 documents; in "all distinct" no negative comes twice. Each kind
of defect is planted in a thousand rows, in no two of one query.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.page import write_page
from benchmarks.processes import ask, measure, told

ROWS = 1_000_000
PER_QUERY = 5
DOCS = 200_000
PLANTED = 1_000
BUSY = 1.3  # times its CPU-seconds that a process takes, where it waited for others
FILES = ("same corpus.parquet", "same corpus.jsonl", "same corpus.csv", "all distinct.parquet")

Change = Callable[[dict[str, str], random.Random], str]

EXACT: dict[str, tuple[str, Change]] = {
    "positive-by-text": ("negative", lambda row, _: row["positive"]),
    "positive-by-normalised-text": ("negative", lambda row, _: row["positive"].upper() + " !"),
    "query-as-negative": ("negative", lambda row, _: row["anchor"].title()),
    "empty-negative": ("negative", lambda row, _: " "),
    "empty-positive": ("positive", lambda row, _: ""),
    "empty-query": ("anchor", lambda row, _: ""),
}
"""Rule -> the column that a defect changes, and what it puts there."""


def edited(text: str, rng: random.Random) -> str:
    """A copy as they are met: 2 to 5% of the words changed or lost, or the last 5% cut off."""
    words = text.split()
    kind = rng.choice(["changed", "lost", "cut"])
    if kind == "cut":
        return " ".join(words[: len(words) - max(1, len(words) // 20)]).capitalize()
    count = max(1, int(len(words) * rng.uniform(0.02, 0.05)))
    for at in sorted(rng.sample(range(len(words)), count), reverse=True):
        words[at : at + 1] = ["thing"] if kind == "changed" else []
    return ", ".join(words)


PLANTS: dict[str, tuple[str, Change]] = EXACT | {
    "near-duplicate-of-positive": ("negative", lambda row, rng: edited(row["positive"], rng))
}


def made(distinct: bool) -> tuple[pl.DataFrame, dict[str, list[int]]]:
    """Triplets with defects, and the rows of each kind (from 1)."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{n}" for n in range(30_000)])
    chances = 1 / np.arange(2, len(words) + 2)
    lengths = rng.integers(20, 101, DOCS)
    drawn = words[rng.choice(len(words), int(lengths.sum()), p=chances / chances.sum())]
    docs = pl.Series([" ".join(part) for part in np.split(drawn, np.cumsum(lengths)[:-1])])
    query = np.repeat(np.arange(ROWS // PER_QUERY), PER_QUERY)
    step = np.tile(np.arange(1, PER_QUERY + 1), ROWS // PER_QUERY)
    negative = docs.gather((query + step * 7_919) % DOCS)
    if distinct:
        negative = negative + pl.Series(np.arange(ROWS)).cast(pl.String)
    frame = pl.DataFrame(
        {
            "anchor": pl.Series(query).cast(pl.String) + " is a question about this",
            "positive": docs.gather(query % DOCS),
            "negative": negative,
        }
    )
    picked = rng.permutation(ROWS // PER_QUERY)[: PLANTED * len(PLANTS)].reshape(-1, PLANTED)
    seeded, planted = random.Random(0), {}
    columns = {name: frame[name].to_list() for name in frame.columns}
    for (rule, (column, change)), queries in zip(PLANTS.items(), picked, strict=True):
        where = np.sort(queries) * PER_QUERY + rng.integers(0, PER_QUERY, PLANTED)
        planted[rule] = [int(at) + 1 for at in where]
        for at in where:
            row = {name: values[at] for name, values in columns.items()}
            columns[column][at] = change(row, seeded)
    return pl.DataFrame(columns), planted


def one(path: str) -> dict[str, Any]:
    """Lint a file; what was found, by rule."""
    from negatives.measure.lint import lint

    found: dict[str, list[int]] = {}

    def job() -> dict[str, Any]:
        found.update({finding.rule: finding.rows for finding in lint(path).findings})
        return {}

    result = measure(job)
    from benchmarks.processes import status

    return result | {"found": found, "peak_mb": status("VmHWM:") / 2**20}


def write(frame: pl.DataFrame, path: Path) -> None:
    """A file of the type that its ending says."""
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_csv(path)


def main() -> None:
    """Measure, and write the page."""
    lines = [
        f"A million triplets, {PER_QUERY} negatives a query, each file linted in a process of its "
        "own. "
        "Peak memory is that of the process, the interpreter and its libraries included.",
        "",
        "| file | MB | seconds | CPU-seconds | peak MB |",
        "|---|---|---|---|---|",
    ]
    told_of: dict[str, Any] = {}
    busy = False
    with tempfile.TemporaryDirectory() as folder:
        for name in FILES:
            path = Path(folder) / name
            frame, planted = made(name.startswith("all distinct"))
            write(frame, path)
            del frame
            size = path.stat().st_size / 1e6
            result = ask("benchmarks.lint", path)
            told_of[name] = (result.pop("found"), planted)
            lines.append(
                f"| {name} | {size:,.0f} | {result['seconds']:.1f} | {result['cpu']:.1f} "
                f"| {result['peak_mb']:,.0f} |"
            )
            busy |= result["seconds"] > BUSY * result["cpu"]
            path.unlink()
    if busy:
        lines += [
            "",
            "Other work ran on this machine meanwhile: CPU-seconds say more than seconds.",
        ]
    lines += [
        "",
        "Target: less than 120 seconds and 1,000 MB. Found of the planted defects, the same in "
        "every file unless two figures are given:",
        "",
        "| rule | planted | found | recall | precision |",
        "|---|---|---|---|---|",
    ]
    for rule in PLANTS:
        lines.append(f"| {rule} | {PLANTED:,} | {_figures(rule, told_of)}")
    write_page("lint", "Lint", __doc__, lines)


def _figures(rule: str, told_of: dict[str, Any]) -> str:
    cells = []
    for found, planted in told_of.values():
        rows, where = {*found.get(rule, [])}, {*planted[rule]}
        both = len(rows & where)
        cells.append((f"{len(rows):,}", f"{both / len(where):.3f}", f"{both / len(rows):.3f}"))
    return (
        " | ".join("; ".join(dict.fromkeys(column)) for column in zip(*cells, strict=True)) + " |"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        told(one(sys.argv[2]))
    else:
        main()
