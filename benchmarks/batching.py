"""Time to make the batches of an epoch without conflicts, beside sentence-transformers.

Rows are a query, a positive and four negatives. Both `NoDuplicatesBatchSampler`s let no text occur
twice in a batch; ours lets no document relevant to one row's query stand in another row, by all
that is known, and two rows may have a negative in common. Every way makes an epoch in turn, in one
process and on one thread. `first epoch` includes what is prepared once.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from benchmarks.page import write_page
from negatives.batch.conflict_free import ConflictFree
from negatives.batch.conflicts import Conflicts
from negatives.batch.examples import Examples
from negatives.batch.order import Order
from negatives.batch.packing import packed

ROWS = 500_000
SIZE = 64
NEGATIVES = 4
REPEATS = 5
HARD = 10  # times fewer rows where every batch meets the same texts

Epoch = Callable[[int], Iterable[list[int]]]
Numbers = NDArray[np.int64]


def made(query: Numbers, positive: Numbers, negative: Numbers) -> Examples:
    """Examples of which exactly what is trained with is known."""
    docs = np.concatenate([positive[:, None], negative], axis=1).astype(np.int32)
    known = np.unique(np.stack([query, positive], axis=1), axis=0).astype(np.int32)
    return Examples(query.astype(np.int32), docs, known)


def worlds(rows: int) -> dict[str, Examples]:
    """Name -> examples; all from one seed."""
    rng = np.random.default_rng(0)
    # MedQuAD has 1.14 positives a query, nearly all of them of no other; here it is 1.6.
    queries = np.sort(rng.integers(0, int(rows / 1.6), rows))
    own = np.where(rng.random(rows) < 0.998, rng.permutation(rows), rng.integers(0, 500, rows))
    alike = (own[:, None] + rng.integers(1, 2000, (rows, NEGATIVES))) % rows
    few = rows // HARD
    # Popular by Zipf's law: the first of the positives is that of one row in 350.
    ranks = np.arange(100, 100 + few // 5)
    shares = np.cumsum(1 / ranks)
    popular = np.searchsorted(shares / shares[-1], rng.random(few))
    drawn = rng.integers(0, few, (few, NEGATIVES))
    return {
        f"{rows:,} rows, repeated as in MedQuAD": made(queries, own, alike),
        f"{few:,} rows of popular positives": made(rng.permutation(few), popular, drawn),
    }


def ours(examples: Examples) -> dict[str, Callable[[], Epoch]]:
    """With and without the compiler."""

    def opened() -> Epoch:
        batches = ConflictFree().open(examples, SIZE)
        return lambda number: (batch.tolist() for batch in batches.epoch(number))

    def plain() -> Epoch:
        conflicts = Conflicts.of(examples, "numpy")

        def epoch(number: int) -> Iterable[list[int]]:
            order = packed(conflicts, SIZE, 0, f"conflict-free/{number}")
            return (batch.tolist() for batch in order.batches())

        return epoch

    return {"ours": opened, "ours without numba": plain}


def others(examples: Examples) -> dict[str, Callable[[], Epoch]]:
    """Both samplers of sentence-transformers, over a dataset of short texts."""
    import torch
    from datasets import Dataset, disable_progress_bars
    from sentence_transformers.base.sampler import NoDuplicatesBatchSampler

    disable_progress_bars()
    columns = {"query": [f"query {number}" for number in examples.query.tolist()]}
    for place in range(examples.docs.shape[1]):
        texts = [f"document {number}" for number in examples.docs[:, place].tolist()]
        columns[f"document_{place}"] = texts
    dataset = Dataset.from_dict(columns)

    def opened(hashed: bool) -> Epoch:
        sampler = NoDuplicatesBatchSampler(
            dataset,
            SIZE,
            drop_last=False,
            generator=torch.Generator(),
            precompute_hashes=hashed,
            precompute_num_proc=1,
        )

        def epoch(number: int) -> Iterable[list[int]]:
            sampler.set_epoch(number)
            found: Iterable[list[int]] = sampler
            return found

        return epoch

    return {
        "sentence-transformers, hashes precomputed": lambda: opened(True),
        "sentence-transformers, plain": lambda: opened(False),
    }


def main() -> None:
    """Ask every way in turn, several times over, and write the page."""
    lines = [
        f"Batches of {SIZE} rows; seconds, median of {REPEATS} epochs (lowest to "
        "highest). `times ours`: the median over ours. `in conflict`: rows that share a batch with "
        "one to whose query one of their documents is relevant, or the other way round.",
        "",
    ]
    for name, examples in worlds(ROWS).items():
        lines += [
            f"## {name}",
            "",
            "| way | first epoch | an epoch | times ours | batches | median size | in conflict |",
            "|---|---|---|---|---|---|---|",
            *_rows(examples),
            "",
        ]
    write_page("batching", "Time to make batches", __doc__, lines)


def _rows(examples: Examples) -> list[str]:
    ways = ours(examples) | others(examples)
    opened: dict[str, Epoch] = {}
    first: dict[str, float] = {}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    last: dict[str, list[list[int]]] = {}
    for name, open_it in ways.items():
        began = time.perf_counter()
        opened[name] = open_it()
        last[name] = list(opened[name](0))
        first[name] = time.perf_counter() - began
    for number in range(1, 1 + REPEATS):
        for name, epoch in opened.items():
            began = time.perf_counter()
            last[name] = list(epoch(number))
            seconds[name].append(time.perf_counter() - began)
    conflicts = Conflicts.of(examples)
    least = statistics.median(seconds["ours"])
    lines = []
    for name, found in seconds.items():
        sizes = np.array([len(batch) for batch in last[name]])
        rows = np.concatenate([np.asarray(batch, np.int32) for batch in last[name]])
        order = Order(rows, np.cumsum(sizes))
        rate = conflicts.rate(rows.astype(np.int64), order.batch)
        middle, low, high = statistics.median(found), min(found), max(found)
        lines.append(
            f"| {name} | {first[name]:.2f} | {middle:.3g} ({low:.3g} to {high:.3g}) | "
            f"{middle / least:.1f} | {len(sizes):,} | {np.median(sizes):.0f} | {rate:.2%} |"
        )
        print(lines[-1], flush=True)
    return lines


if __name__ == "__main__":
    main()
