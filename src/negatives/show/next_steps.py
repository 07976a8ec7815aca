"""What to do next with a run: at most three commands, right for what its figures say."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from negatives.show.verdict import GOOD, STOP, USABLE

MOST: Final = 3


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What decides about the next step.

    `run` is the run's path as its user wrote it, `data` what it was made from, with options and as
    a shell takes it (empty: in memory), `level` and `rules` those of the verdict. `easier` and
    `harder`: a step of the frontier.
    `enough`: the number of negatives that nine queries in ten got. `estimates`: whether the recipe
    estimates p_relevant; `texts`: whether documents have any.
    """

    run: str
    data: str
    level: str
    rules: Collection[str]
    max_false: float
    per_query: int
    enough: int
    easier: Mapping[str, float] | None
    harder: Mapping[str, float] | None
    estimates: bool
    texts: bool


def next_steps(now: Situation) -> list[dict[str, str]]:
    """`command` and what it is for (`about`), the most useful first; at most three."""
    found: dict[str, str] = {}
    for command, about in _steps(now):
        found.setdefault(command, about)
    return [{"command": command, "about": about} for command, about in found.items()][:MOST]


def quoted(path: str) -> str:
    """A path as a shell takes it, and as no command takes it for an option."""
    return shlex.quote(f"./{path}" if path.startswith("-") else path)


def _steps(now: Situation) -> Iterator[tuple[str, str]]:
    run = quoted(now.run)
    name = now.run.rstrip("/").rsplit("/", 1)[-1] or "run"
    if now.data and now.texts:
        review = f"negatives review {run}", "Judge a few pairs yourself, one key each"
    else:  # there is nothing to read
        review = f"negatives audit {run}", "How many are false, estimate by estimate"
    if now.level != GOOD:
        yield from _mended(now, run)
    if "none" in now.rules:
        yield "negatives recipes list", "Another recipe may object to fewer candidates"
        return
    if now.level == STOP:
        yield review
        return
    if now.level == USABLE:
        yield review
    file = f"{name}-triplets.parquet"
    ids = "" if now.texts else " --ids"
    if now.data:
        yield (
            f"negatives export {run} --format triplet{ids} -o {quoted(file)}",
            "Write them for a trainer",
        )
        if now.texts:
            model = quoted(f"models/{name}")
            yield f"negatives train {run} --out {model}", "Train with them right away"
    else:
        yield (
            f'negatives.Run({now.run!r}, collection=collection).export({file!r}, format="triplet")',
            "Write them for a trainer, in Python: the collection was made in memory",
        )
    yield review


def _mended(now: Situation, run: str) -> Iterator[tuple[str, str]]:
    """What mends what the verdict complains of."""
    rules = now.rules
    if "guess" in rules and now.data:
        yield (
            f"negatives review {run}",
            "Forty verdicts, one key each, settle how many pairs are labelled",
        )
    if {"unknown", "none"} & set(rules) and not now.estimates and now.data and now.texts:
        out = quoted(f"{now.run.rstrip('/')}-estimated")
        yield (
            f"negatives mine {now.data} --out {out}",
            "The default recipe estimates how many are false",
        )
    if "false" in rules and now.easier:
        share = min(now.easier["max_false"], now.max_false)
        yield f"negatives pick {run} --max-false {share:g}", "Fewer false ones, less hard"
    elif "false" in rules and now.per_query > 1:
        yield (
            f"negatives pick {run} --per-query {max(1, now.per_query // 2)}",
            "Fewer a query leave out the likeliest false ones",
        )
    if "coverage" in rules and 0 < now.enough < now.per_query:
        yield (
            f"negatives pick {run} --per-query {now.enough}",
            "As many as nine queries in ten have",
        )
    if "hardness" in rules and now.harder:
        share = now.harder["max_false"]
        yield f"negatives pick {run} --max-false {share:g}", "Harder, at a higher false share"
