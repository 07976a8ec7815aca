"""What this machine can do at most, and how much of it each search backend gets."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from queue import SimpleQueue

import numpy as np

from negatives.arrays import Floats
from negatives.one_thread import one_thread
from negatives.search.backend import Backend
from negatives.search.backends import choose_backend, has_gpu, has_int8, multiplies_bfloat16
from negatives.search.blas import Blas
from negatives.search.exact import top_k
from negatives.search.int8_product import Int8
from negatives.stats.lengths import normalised

_WIDTH = 384
_REPEATS = 5
_TIMES = 8  # products in a row, so that threads that begin a little later do not count
_COPIED = 64 * 2**20  # bytes: beyond any cache


def sgemm_rate(threads: int = 0) -> float:
    """Float32 multiplications and additions a second, in a search's blocks.

    Of so many threads at the same time; by default a CPU-second of one core.
    """
    draw = np.random.default_rng(0)
    left = draw.standard_normal((1024, _WIDTH), np.float32)
    right = draw.standard_normal((2048, _WIDTH), np.float32)

    def multiply() -> None:
        cells = np.empty((1024, 2048), np.float32)
        for _ in range(_TIMES if threads else 1):
            np.matmul(left, right.T, out=cells)

    work = 2.0 * left.size * len(right)
    with one_thread():
        if not threads:
            return work / _median(multiply, time.thread_time)
        return _TIMES * threads * work / together(multiply, threads)


def copy_rate(threads: int = 1) -> float:
    """Bytes a second that so many threads read and write in memory, each its own."""
    both = [np.ones((2, _COPIED // 4), np.float32) for _ in range(threads)]
    free = SimpleQueue[Floats]()
    for arrays in both:
        free.put(arrays)

    def copy() -> None:
        arrays = free.get()
        np.copyto(arrays[1], arrays[0])
        free.put(arrays)

    return 2.0 * _COPIED * threads / together(copy, threads)


def together(job: Callable[[], object], threads: int) -> float:
    """Seconds in which so many threads have each done the job: the fewest of a few tries."""
    with ThreadPoolExecutor(threads) as pool:

        def once() -> None:
            for done in [pool.submit(job) for _ in range(threads)]:
                done.result()

        return best_seconds(once)


def best_seconds(job: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of a job: the fewest of a few tries, for what else runs here only adds to them."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def backend_rates(threads: int) -> dict[str, float]:
    """Name -> multiplications and additions a second, all threads together, of whole searches."""
    draw = np.random.default_rng(1)
    docs = normalised(draw.standard_normal((40_000, _WIDTH), np.float32))
    queries = docs[:1000]
    backends: list[Backend] = [Blas(workers=threads)]
    if find_spec("torch") and has_gpu():
        backends.append(choose_backend("cuda", 0.0, 0.0, threads))
    elif find_spec("torch") and multiplies_bfloat16():
        backends.append(choose_backend("cpu", np.inf, 0.0, threads))
    elif has_int8():
        backends.append(Int8(workers=threads))
    found = {}
    for backend in backends:
        seconds = _median(partial(top_k, queries, docs, 100, backend=backend))
        found[backend.name] = 2.0 * queries.size * len(docs) / seconds
    return found


def _median(job: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    job()
    seconds = []
    for _ in range(_REPEATS):
        began = clock()
        job()
        seconds.append(clock() - began)
    return float(np.median(seconds))
