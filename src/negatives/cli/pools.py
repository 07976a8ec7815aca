"""The thread pools of the libraries beneath, told how large they may be."""

from __future__ import annotations

import os

from negatives.machine import checked_threads


def limit_pools(threads: int | None) -> None:
    """Set the pools' sizes; they are read when a pool is first loaded, so before any import."""
    if threads is None:
        return
    for pool in ("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[pool] = str(checked_threads(threads))
