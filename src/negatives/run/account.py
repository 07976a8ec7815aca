"""The account of a run: what is finished, what it cost, what the user should know."""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from negatives.errors import RunError
from negatives.events import Counted, Emit, Event, Noted, Spent, Took, Warned
from negatives.store.manifest import DONE, PICKING, REPORTING, Manifest
from negatives.store.repair import NEGATIVES_FILE, RELABELLED_FILE, REPORTS

_PACKAGES = ("negatives", "numpy", "polars", "bm25s", "PyStemmer", "numba", "tokenizers",
             "onnxruntime", "torch", "sentence-transformers", "faiss-cpu")  # fmt: skip


@dataclass
class StageCount:
    """Rows a stage made, added up while it runs."""

    rows: int = 0


@dataclass
class Account:
    """Writes to a run's manifest as the work goes on, and tells the listener."""

    run: Path
    manifest: Manifest
    emit: Emit
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def save(self) -> None:
        """Write the manifest, between two things that other threads say."""
        with self._lock:
            self.manifest.save(self.run)

    def holds(self, path: Path) -> bool:
        """Whether `path` is a finished file of the run."""
        return self.manifest.holds(self.run, path)

    def enter(self, path: Path, rows: int) -> None:
        """Record a finished file, durably."""
        self.manifest.enter(self.run, path, rows)
        self.save()

    def same_sources(self, fingerprints: dict[str, str]) -> None:
        """Keep what identifies the sources' candidates; they must not change on resuming."""
        before = self.manifest.facts.fingerprints or fingerprints
        if before != fingerprints:
            other = [name for name in fingerprints if before.get(name) != fingerprints[name]]
            raise RunError(
                f"what {', '.join(other or before)} reads, or how, has changed since this run was "
                "begun",
                where=str(self.run),
                fix="put back what it was (a model, a file, a library's version), or start it "
                "again with --overwrite",
            )
        self.manifest.facts.fingerprints = fingerprints

    def warn(self, text: str) -> None:
        """Tell the user, once, and keep it."""
        if text not in self.manifest.warnings:
            self.emit(Warned(text))
        self.manifest.warn(text)

    def hear(self, event: Event) -> None:
        """What stages say: costs and counts are added up, notes kept, the rest is passed on.

        Threads that work on several parts may speak at the same time.
        """
        with self._lock:
            self._keep(event)

    def _keep(self, event: Event) -> None:
        if isinstance(event, Spent):
            cost = self.manifest.cost
            cost["calls"] = cost.get("calls", 0) + event.calls
            cost["tokens"] = cost.get("tokens", 0) + event.tokens
            if event.money:
                cost["money"] = round(cost.get("money", 0) + event.money, 9)
        elif isinstance(event, Warned):
            self.warn(event.text)
        elif isinstance(event, Noted):
            self.manifest.notes.keep(event.name, event.value)
        elif isinstance(event, Counted):
            self.manifest.notes.add(event.name, event.figures)
        else:
            self.emit(event)

    def spend(self, stage: str, *, rows: int, seconds: float) -> None:
        """Add to what a stage cost, and tell it."""
        self.emit(Took(stage, seconds))
        self.manifest.spend(stage, rows=rows, seconds=seconds, peak_mb=peak_memory() / 2**20)

    @contextmanager
    def stage(self, name: str) -> Iterator[StageCount]:
        """Measure what happens inside as one stage."""
        counted = StageCount()
        began = time.perf_counter()
        yield counted
        self.spend(name, rows=counted.rows, seconds=time.perf_counter() - began)

    def begin_picking(self) -> None:
        """The ledger is whole; what was picked before, its report and its checks are of no run now.

        Until `picked` the run holds no negatives, so that none are read with the recipe, the counts
        or the report of others.
        """
        for name in (NEGATIVES_FILE, RELABELLED_FILE, *REPORTS):
            self.manifest.files.pop(name, None)
        self.manifest.notes.checks = []
        self.manifest.status = PICKING
        self.save()

    def picked(self) -> None:
        """Everything is there but the report."""
        self.manifest.status = REPORTING
        self.save()

    def finish(self) -> None:
        """The run is whole, its report included."""
        self.manifest.status = DONE
        self.save()


def peak_memory() -> int:
    """Peak resident bytes of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def library_versions() -> dict[str, str]:
    """Versions of the packages that shape a result, where installed."""
    return {"python": sys.version.split()[0], **_installed()}


@cache
def _installed() -> dict[str, str]:
    """Versions of packages as their metadata say, which are read and parsed but once."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
