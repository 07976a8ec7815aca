"""A run directory, opened: its ledger, its negatives and its manifest, checked as they are read.

What can be done with a run is in the rooms below: `run`, `export`, `measure`, `show`.
"""

from __future__ import annotations

import shlex
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import msgspec
import polars as pl

from negatives.arguments import check_arguments
from negatives.errors import RunError
from negatives.recipe import Recipe
from negatives.schema import DUPLICATE, GENERATED, REJECTED, Collection
from negatives.store.lock import holder
from negatives.store.manifest import DONE, PICKING, REPORTING, Manifest, read_manifest
from negatives.store.repair import (
    GENERATED_FILE,
    LEDGER,
    NEGATIVES_FILE,
    RECIPE,
    RELABELLED_FILE,
    REPORTS,
    damaged,
    is_run,
    no_run,
    odd_columns,
    recipe_of,
    remedy,
)

__all__ = [
    "GENERATED_FILE",
    "LEDGER",
    "NEGATIVES_FILE",
    "RECIPE",
    "RELABELLED_FILE",
    "REPORTS",
    "WORK",
    "Run",
    "is_run",
]

WORK = ".work"


class Run:
    """A finished run: `negatives` and `rejected` are frames; `candidates()` scans the ledger.

    A table is read only if it is what the manifest says: its size and rows are compared when the
    run is opened, its hash when it is read.

    >>> from negatives import BM25, Top, tiny
    >>> from negatives.run import mine
    >>> run = mine(tiny.collection(), "run", sources=[BM25(top=4)], pick=Top(per_query=4))
    >>> run.shortfall[0]["about"]
    'too few candidates were proposed'
    >>> run.rejected["doc_id"].to_list()
    ['lift', 'copy']
    """

    whole: Collection | None = None
    """The collection with the documents that were written for the run, once asked for."""

    figures: dict[str, Any] | None = None
    """What its report says, where that has been written or read."""

    def __init__(self, path: str | Path, *, collection: Collection | None = None) -> None:
        """Open a run directory; `RunError` where there is none, or it is unfinished or damaged.

        `collection` is what it was made from, where that is at hand.
        """
        check_arguments(Run, (path,), {})
        self.path = Path(path)
        manifest = read_manifest(self.path)
        if manifest is None:
            raise no_run(self.path)
        self.manifest: Manifest = manifest
        self.at_hand = collection
        self.compared = False
        """Whether the collection at hand is known to be the one the run was made from."""
        self._read: dict[str, tuple[int, ...]] = {}
        if manifest.status not in (PICKING, REPORTING, DONE):
            raise self._unfinished()
        for name in self._tables():
            if problem := manifest.missing(self.path, name):
                raise damaged(self.path, manifest, name, problem)

    @classmethod
    def of(cls, path: Path, manifest: Manifest, collection: Collection | None) -> Self:
        """The run that is being written at `path`: what its writer knows needs no comparing."""
        run = cls.__new__(cls)
        run.path, run.manifest, run.at_hand, run.compared = path, manifest, collection, False
        run._read = {name: run._stamp(name) for name in run._tables()}
        return run

    def reopened(self) -> Self:
        """The run as it is on disk now; tables that are the same are not compared again."""
        run = type(self)(self.path, collection=self.at_hand)
        run.compared, run._read = self.compared, self._read
        return run

    def __repr__(self) -> str:
        counts = self.manifest.counts
        return (
            f"Run({str(self.path)!r}: {counts.negatives:,} negatives for "
            f"{counts.queries:,} queries, {counts.candidates:,} candidates)"
        )

    @cached_property
    def recipe(self) -> Recipe:
        """The fully resolved recipe: the manifest's, of which recipe.toml is a copy to read."""
        return recipe_of(self.path, self.manifest.inputs)

    def table(self, name: str) -> Path:
        """Where to read a table of the run, such as `negatives.parquet`; `RunError` if it changed.

        Its bytes are compared with their hash when they are first read, and again once the file is
        another one.
        """
        if name not in self.manifest.files:
            if self.manifest.status == PICKING:
                raise self._unfinished()
            fix = remedy(self.path, self.manifest.inputs)
            raise RunError(f"the run has no {name}", where=str(self.path), fix=fix)
        stamp = self._stamp(name)
        if self._read.get(name) != stamp:
            problem = self.manifest.changed(self.path, name) or odd_columns(self.path, name)
            if problem:
                raise damaged(self.path, self.manifest, name, problem)
            self._read[name] = stamp
        return self.path / name

    @property
    def parts(self) -> list[Path]:
        """The ledger's files, in query order."""
        names = sorted(name for name in self._tables() if name.startswith(f"{LEDGER}/"))
        return [self.table(name) for name in names]

    @property
    def negatives_file(self) -> Path:
        """Where to read the negatives."""
        return self.table(NEGATIVES_FILE)

    @property
    def relabelled_file(self) -> Path:
        """Where to read what was relabelled; `RunError` where nothing was."""
        if self.manifest.status != PICKING and RELABELLED_FILE not in self.manifest.files:
            raise RunError(
                "nothing of this run is relabelled",
                where=str(self.path),
                fix="negatives pick RUN --relabel 0.9",
            )
        return self.table(RELABELLED_FILE)

    def candidates(self) -> pl.LazyFrame:
        """The ledger: one row a pair, all evidence, verdict and reason."""
        return pl.scan_parquet(self.parts, glob=False)

    @property
    def negatives(self) -> pl.DataFrame:
        """query_id, doc_id, position, sources, score, hardness, p_relevant, log_q."""
        return pl.read_parquet(self.negatives_file, glob=False)

    @property
    def rejected(self) -> pl.DataFrame:
        """Ledger rows that no picker may choose, each with its reason."""
        return self.candidates().filter(pl.col("verdict").is_in([DUPLICATE, REJECTED])).collect()

    @property
    def generated(self) -> pl.DataFrame:
        """Documents that were written for the run's queries, with their origin; mostly none."""
        if self.manifest.status != PICKING and GENERATED_FILE not in self.manifest.files:
            return pl.DataFrame(schema=GENERATED)
        return pl.read_parquet(self.table(GENERATED_FILE), glob=False)

    @property
    def relabelled(self) -> pl.DataFrame:
        """Candidates that are positives now, and copies of positives; none where not asked for.

        query_id, doc_id, relevance, p_relevant, kind (`estimate` or `copy`), sources, score,
        hardness, reason, and the rank in each source.
        """
        return pl.read_parquet(self.relabelled_file, glob=False)

    @property
    def shortfall(self) -> list[dict[str, Any]]:
        """Why queries got fewer negatives than asked: cause, queries, missing, fix."""
        return [msgspec.structs.asdict(cause) for cause in self.manifest.facts.shortfall]

    def _tables(self) -> list[str]:
        """The names of the run's tables."""
        return [name for name in self.manifest.files if name.endswith(".parquet")]

    def _stamp(self, name: str) -> tuple[int, ...]:
        """What changes when a file is written again, or another is put in its place."""
        try:
            found = (self.path / name).stat()
        except OSError:
            return ()
        return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def _unfinished(self) -> RunError:
        if owner := holder(self.path):
            return RunError(
                f"another process is working on this run (process {owner})",
                where=str(self.path),
                fix="wait for it to end",
            )
        if self.manifest.status == PICKING:
            return RunError(
                "picking was cut off",
                where=str(self.path),
                fix=f"negatives pick {shlex.quote(str(self.path))}, once more",
            )
        return RunError(
            "the run is unfinished",
            where=str(self.path),
            fix=remedy(self.path, self.manifest.inputs, does="finishes it"),
        )
