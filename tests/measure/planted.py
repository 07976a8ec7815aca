"""A clean mined file, and defects planted in it: triplets as a list of dicts, seeded."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import polars as pl

Row = dict[str, str]
Plant = Callable[[list[Row], list[int], random.Random], None]


def plant(rows: list[Row], count: int, defect: Plant, seed: int) -> tuple[list[Row], list[int]]:
    """`rows` with a defect in `count` of them, and which (from 1); no two of one query."""
    rng = random.Random(seed)
    made = [dict(row) for row in rows]
    order = [*range(len(made))]
    rng.shuffle(order)
    chosen: dict[str, int] = {}
    for at in order:
        chosen.setdefault(made[at]["anchor"], at)
    picked = sorted([*chosen.values()][:count])
    defect(made, picked, rng)
    return made, [at + 1 for at in picked]


def same_text(rows: list[Row], picked: list[int], rng: random.Random) -> None:
    for at in picked:
        rows[at]["negative"] = rows[at]["positive"]


def other_case(rows: list[Row], picked: list[int], rng: random.Random) -> None:
    for at in picked:
        rows[at]["negative"] = rows[at]["positive"].upper().replace(" ", "  ") + " !"


def same_question(rows: list[Row], picked: list[int], rng: random.Random) -> None:
    """A new row asks the question in capitals; its negative is a positive of the first asker."""
    for at in picked:
        positive = rows[at]["positive"]
        rows[at] = {
            "anchor": rows[at]["anchor"].upper(),
            "positive": f"made for row {at} and nothing else",
            "negative": positive,
        }


def query_text(rows: list[Row], picked: list[int], rng: random.Random) -> None:
    for at in picked:
        rows[at]["negative"] = rows[at]["anchor"].title()


def repeat_row(rows: list[Row], picked: list[int], rng: random.Random) -> None:
    """The last rows of the file are copies of others."""
    for shift, at in enumerate(picked):
        rows.append(dict(rows[at]))
        picked[shift] = len(rows) - 1


def blank(column: str) -> Plant:
    def defect(rows: list[Row], picked: list[int], rng: random.Random) -> None:
        for at in picked:
            rows[at][column] = rng.choice(["", "  ", "\n"])

    return defect


def cut(rows: list[Row], picked: list[int], rng: random.Random) -> None:
    for at in picked:
        text = rows[at]["negative"]
        rows[at]["negative"] = text[: int(len(text) * rng.uniform(0.3, 0.8))].rstrip(" .")


def nearly(rows: list[Row], picked: list[int], rng: random.Random) -> None:
    for at in picked:
        rows[at]["negative"] = edited(rows[at]["positive"], rng)


def edited(text: str, rng: random.Random) -> str:
    """A copy as they are met: some words changed or lost, another case, other marks, a cut tail."""
    words = text.split()
    kind = rng.choice(["changed", "lost", "case", "cut"])
    if kind in ("changed", "lost"):
        count = max(1, int(len(words) * rng.uniform(0.02, 0.05)))
        for at in sorted(rng.sample(range(len(words)), count), reverse=True):
            if kind == "changed":
                words[at] = rng.choice(["thing", "matter", "item"])
            else:
                del words[at]
    elif kind == "case":
        words = [word.upper() for word in words[:-1]] + ["indeed"]
    else:
        words = words[: len(words) - max(1, len(words) // 20)]
    return " ".join(words).replace(".", rng.choice([".", "!", " ;"]))


def write(rows: list[Row], path: Path) -> Path:
    """The triplets in a Parquet, JSONL, CSV or TSV file."""
    frame = pl.DataFrame(rows)
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")
    return path
