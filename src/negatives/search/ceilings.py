"""What this machine can do at most, and how much of it each search backend gets."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np
from threadpoolctl import threadpool_limits

from negatives.search.backends import choose_backend, has_gpu, has_int8, multiplies_bfloat16
from negatives.search.exact import top_k
from negatives.search.int8_product import Int8
from negatives.search.product import Backend, Blas
from negatives.stats.lengths import normalised

_WIDTH = 384
_REPEATS = 5
_COPIED = 64 * 2**20  # bytes: beyond any cache


def sgemm_rate() -> float:
    """Float32 multiplications and additions a CPU-second of one core, in a search's blocks."""
    draw = np.random.default_rng(0)
    left = draw.standard_normal((1024, _WIDTH), np.float32)
    right = draw.standard_normal((2048, _WIDTH), np.float32)
    cells = np.empty((1024, 2048), np.float32)
    with threadpool_limits(limits=1, user_api="blas"):
        seconds = _median(lambda: np.matmul(left, right.T, out=cells), time.thread_time)
    return 2.0 * left.size * len(right) / seconds


def copy_rate() -> float:
    """Bytes a second that one core reads and writes in memory."""
    source = np.ones(_COPIED // 4, np.float32)
    target = np.empty_like(source)
    return 2.0 * _COPIED / _median(lambda: np.copyto(target, source))


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
