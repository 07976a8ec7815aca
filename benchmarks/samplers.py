"""Negatives a second on one core, known positives excluded exactly, beside simpler ways.

Each figure is of whole batches from query rows to documents; ours with the log-probability of each,
too. Positives a query follow Zipf's law with a mean of 50, and so does their popularity. Every way
is asked in turn in the same process and thread; seconds are those its thread was running. Then the
same with the positives of collections that were read from their files.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import load
from benchmarks.page import write_page
from negatives.compiling import Engine
from negatives.sample import Exclusion, PopularityNegatives, SharedNegatives, UniformNegatives

COLLECTIONS = ("lastfm", "debtags_xmc")
SIZES = ((10_000, 100_000), (100_000, 1_000_000))
ROWS = 4_096
PER_QUERY = 64
REPEATS = 7
SLOW_ROWS = 64  # what draws one at a time in Python is asked for fewer

Draw = Callable[[NDArray[np.int64], int], NDArray[np.uint32]]


@dataclass(frozen=True)
class World:
    """Known positives, as pairs and as an exclusion."""

    query: NDArray[np.int64]
    doc: NDArray[np.int64]
    known: Exclusion
    seconds: float


def world(queries: int, docs: int) -> World:
    """Pairs of which a few queries and a few documents have many."""
    rng = np.random.default_rng(queries)
    sizes = np.minimum(rng.zipf(1.9, queries) * 5.0 + 4, docs / 10)
    sizes = np.maximum(1, sizes * (50 / sizes.mean())).astype(np.int64)
    popular = np.minimum((docs ** rng.random(int(sizes.sum()))).astype(np.int64), docs - 1)
    query, doc = np.repeat(np.arange(queries), sizes), rng.permutation(docs)[popular]
    began = time.perf_counter()
    known = Exclusion.from_pairs(query, doc, queries=queries, docs=docs)
    return World(query, doc, known, time.perf_counter() - began)


def read(name: str) -> World:
    """The positives of a collection, as the readers give them."""
    data = load(name)
    query, doc = (data.positives[side].to_numpy().astype(np.int64) for side in ("query", "doc"))
    began = time.perf_counter()
    known = Exclusion.from_collection(data)
    return World(query, doc, known, time.perf_counter() - began)


def ours(made: World) -> dict[str, Draw]:
    """Every sampler with and without the compiler."""
    found: dict[str, Draw] = {}
    engines: tuple[Engine, Engine] = ("numba", "numpy")
    for engine in engines:
        uniform = UniformNegatives(made.known, engine=engine)
        popular = PopularityNegatives(made.known, engine=engine)
        distinct = UniformNegatives(made.known, engine=engine, distinct=True)
        found[f"ours, uniform, {engine}"] = lambda rows, step, s=uniform: _drawn(s, rows, step)  # type: ignore[misc]
        found[f"ours, popularity, {engine}"] = lambda rows, step, s=popular: _drawn(s, rows, step)  # type: ignore[misc]
        found[f"ours, uniform and distinct, {engine}"] = lambda rows, step, s=distinct: _drawn(  # type: ignore[misc]
            s, rows, step
        )
    shared = SharedNegatives(PopularityNegatives(made.known))
    found["ours, one list of 64 shared (masks and log_q of all rows)"] = lambda rows, step: (
        shared.draw(rows, PER_QUERY, step).mask.view(np.uint8).astype(np.uint32)
    )
    return found


def _drawn(
    sampler: UniformNegatives | PopularityNegatives, rows: NDArray[np.int64], step: int
) -> NDArray[np.uint32]:
    return sampler.draw(rows, PER_QUERY, step).docs


def others(made: World) -> dict[str, Draw]:
    """What people write: nothing excluded, or redrawn until a set, search or bitmap is clean."""
    docs, queries = made.known.docs, made.known.queries
    keys = np.unique(made.query * docs + made.doc)
    sets: dict[int, set[int]] = {}
    for query, doc in zip(made.query.tolist(), made.doc.tolist(), strict=True):
        sets.setdefault(query, set()).add(doc)

    def blind(rows: NDArray[np.int64], step: int) -> NDArray[np.uint32]:
        rng = np.random.default_rng(step)
        return rng.integers(0, docs, (len(rows), PER_QUERY), dtype=np.uint32)

    def by_set(rows: NDArray[np.int64], step: int) -> NDArray[np.uint32]:
        rng, drawn = np.random.default_rng(step), np.empty((len(rows), PER_QUERY), np.uint32)
        for place, row in enumerate(rows.tolist()):
            banned = sets[row]
            for slot, doc in enumerate(rng.integers(0, docs, PER_QUERY).tolist()):
                while doc in banned:
                    doc = int(rng.integers(0, docs))
                drawn[place, slot] = doc
        return drawn

    def redrawn(
        rows: NDArray[np.int64],
        step: int,
        excluded: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]],
    ) -> NDArray[np.uint32]:
        rng = np.random.default_rng(step)
        drawn = rng.integers(0, docs, len(rows) * PER_QUERY)
        owner = np.repeat(rows, PER_QUERY)
        wrong = np.flatnonzero(excluded(owner, drawn))
        while len(wrong):
            drawn[wrong] = rng.integers(0, docs, len(wrong))
            wrong = wrong[excluded(owner[wrong], drawn[wrong])]
        return drawn.astype(np.uint32).reshape(-1, PER_QUERY)

    def listed(rows: NDArray[np.int64], drawn: NDArray[np.int64]) -> NDArray[np.bool_]:
        asked = rows * docs + drawn
        known: NDArray[np.bool_] = np.equal(
            keys.take(np.searchsorted(keys, asked), mode="clip"), asked
        )
        return known

    found: dict[str, Draw] = {
        "numpy, nothing excluded": blind,
        "numpy, redrawn by a binary search of all pairs": lambda r, s: redrawn(r, s, listed),
        "a Python set for each query": by_set,
    }
    stride = (docs + 7) // 8
    if queries * stride <= 2**28:
        bits = np.zeros(queries * stride, np.uint8)
        at = made.query * stride + (made.doc >> 3)
        np.bitwise_or.at(bits, at, np.left_shift(1, made.doc & 7).astype(np.uint8))

        def mapped(rows: NDArray[np.int64], drawn: NDArray[np.int64]) -> NDArray[np.bool_]:
            byte = bits[rows * stride + (drawn >> 3)]
            marked: NDArray[np.bool_] = np.equal(byte >> (drawn & 7).astype(np.uint8) & 1, 1)
            return marked

        name = f"numpy, redrawn by a bitmap of all pairs ({queries * stride / 2**20:.0f} MB)"
        found[name] = lambda r, s: redrawn(r, s, mapped)
    return found


def main() -> None:
    """Ask every way in turn, several times over, and write the page."""
    lines = [
        f"Million negatives a second; batches of {ROWS:,} queries x {PER_QUERY}, median of "
        f"{REPEATS} (lowest to highest). `positives drawn`: how many of a batch's negatives were "
        "known positives of their query.",
        "",
    ]
    worlds = [
        (f"{queries:,} queries x {docs:,} documents", partial(world, queries, docs))
        for queries, docs in SIZES
    ]
    worlds += [(name, partial(read, name)) for name in COLLECTIONS]
    for name, make in worlds:
        made = make()
        known = made.known
        held = sum(a.nbytes for a in (known.starts, known.members, known.bits, known.bytes_at))
        held += known.factors.nbytes + known.shifts.nbytes
        lines += [
            f"## {name}, {len(known.members):,} positives",
            "",
            f"The exclusion takes {held / 2**20:.0f} MB and {made.seconds:.1f} s to make.",
            "",
            "| way | million/s | positives drawn |",
            "|---|---|---|",
            *_rows(made, ours(made) | others(made)),
            "",
        ]
    write_page("samplers", "Speed of training-time samplers", __doc__, lines)


def _rows(made: World, ways: dict[str, Draw]) -> list[str]:
    rng = np.random.default_rng(0)
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    wrong = dict.fromkeys(ways, 0)
    for draw in ways.values():  # compiled, and in the cache as far as it fits
        draw(rng.integers(0, made.known.queries, 8), 0)
    for turn in range(REPEATS):
        rows = rng.integers(0, made.known.queries, ROWS)
        for name, draw in ways.items():
            some = rows[:SLOW_ROWS] if "set" in name else rows
            began = time.thread_time()
            drawn = draw(some, turn)
            speeds[name].append(drawn.size / (time.thread_time() - began) / 1e6)
            if "shared" not in name:
                wrong[name] += int(made.known.contains(some[:, None], drawn).sum())
    lines = []
    for name, found in speeds.items():
        middle, low, high = statistics.median(found), min(found), max(found)
        lines.append(
            f"| {name} | {middle:.3g} ({low:.3g} to {high:.3g}) | {wrong[name] / REPEATS:,.0f} |"
        )
        print(lines[-1], flush=True)
    return lines


if __name__ == "__main__":
    main()
