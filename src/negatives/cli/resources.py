"""The options of what a command may use of the machine: processors, memory, a device."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from cyclopts import Parameter

from negatives.machine import checked_threads, give_back_freed, parse_memory


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Threads:
    """What is asked for by a command that needs processors only.

    Parameters
    ----------
    threads
        Processors to use; all by default.
    """

    threads: int | None = None

    def limit_pools(self) -> None:
        """Tell the thread pools of the libraries beneath how large they may be.

        They read it when they are first loaded, so before any import. A thread that waits for
        others sleeps, where the user says nothing else: beside other work on the same processors,
        one that spins keeps from them what it waits for (training was five times slower by it).
        """
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        if self.threads is None:
            return
        for pool in ("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ[pool] = str(checked_threads(self.threads))


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Resources(Threads):
    """What is asked for; see `Machine.checked`.

    Parameters
    ----------
    memory
        What may be held beyond the collection itself.
    device
        Where models and searches run: `auto` (a GPU where there is one), `cpu`, or `cuda`.
    """

    memory: str = "512MB"
    device: str = "auto"

    def limit_pools(self) -> None:
        """Those of threads, and what the C library keeps of freed memory."""
        Threads.limit_pools(self)
        give_back_freed(parse_memory(self.memory))


ALL_THREADS: Final = Threads()
EVERYTHING: Final = Resources()
