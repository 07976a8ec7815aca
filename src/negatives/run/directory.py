"""A run directory, opened: the ledger, the negatives, and what else can be done with them."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from negatives.errors import DataError, RunError
from negatives.events import Emit, silent
from negatives.recipe import Recipe, parse
from negatives.run.inputs import fingerprints
from negatives.schema import DUPLICATE, REJECTED, Collection
from negatives.stage import Judge, Picker
from negatives.store.manifest import Manifest, read_manifest

RECIPE = "recipe.toml"
LEDGER = "candidates"
NEGATIVES_FILE = "negatives.parquet"
RELABELLED_FILE = "relabelled.parquet"
WORK = ".work"


class Run:
    """A finished run: `negatives` and `rejected` are frames; `candidates()` scans the ledger."""

    def __init__(self, path: str | Path, *, collection: Collection | None = None) -> None:
        """Open a run directory; `RunError` where there is none or it is unfinished."""
        self.path = Path(path)
        manifest = read_manifest(self.path)
        if manifest is None:
            raise RunError(
                "there is no run here", where=str(path), mend="negatives mine DATA --out RUN"
            )
        if manifest.status != "done":
            raise RunError(
                "the run is unfinished", where=str(path), mend="run the same mine command again"
            )
        self.manifest: Manifest = manifest
        self._collection = collection

    def __repr__(self) -> str:
        counts = self.manifest.counts
        return (
            f"Run({str(self.path)!r}: {counts.get('negatives', 0):,} negatives for "
            f"{counts.get('queries', 0):,} queries, {counts.get('candidates', 0):,} candidates)"
        )

    @cached_property
    def recipe(self) -> Recipe:
        """The fully resolved recipe."""
        path = self.path / RECIPE
        return parse(path.read_text("utf-8"), str(path))

    @property
    def parts(self) -> list[Path]:
        """The ledger's files, in query order."""
        names = sorted(name for name in self.manifest.files if name.startswith(f"{LEDGER}/"))
        return [self.path / name for name in names]

    def candidates(self) -> pl.LazyFrame:
        """The ledger: one row a pair, all evidence, verdict and reason."""
        return pl.scan_parquet(self.parts)

    @property
    def negatives(self) -> pl.DataFrame:
        """query_id, doc_id, position, sources, score, hardness, p_relevant, log_q."""
        if NEGATIVES_FILE not in self.manifest.files:
            raise RunError(
                "picking was cut off", where=str(self.path), mend="negatives pick RUN, once more"
            )
        return pl.read_parquet(self.path / NEGATIVES_FILE)

    @property
    def rejected(self) -> pl.DataFrame:
        """Ledger rows that no picker may choose, each with its reason."""
        return self.candidates().filter(pl.col("verdict").is_in([DUPLICATE, REJECTED])).collect()

    @property
    def relabelled(self) -> pl.DataFrame:
        """Candidates that are positives now, and copies of positives; none where not asked for.

        query_id, doc_id, relevance, p_relevant, kind (`estimate` or `copy`), sources, score,
        hardness, reason, and the rank in each source.
        """
        if NEGATIVES_FILE not in self.manifest.files:
            raise RunError(
                "picking was cut off", where=str(self.path), mend="negatives pick RUN, once more"
            )
        if RELABELLED_FILE not in self.manifest.files:
            raise RunError(
                "nothing of this run is relabelled",
                where=str(self.path),
                mend="negatives pick RUN --relabel 0.9",
            )
        return pl.read_parquet(self.path / RELABELLED_FILE)

    @property
    def shortfall(self) -> list[dict[str, Any]]:
        """Why queries got fewer negatives than asked: cause, queries, missing, mend."""
        found: list[dict[str, Any]] = self.manifest.facts.get("shortfall", [])
        return found

    @cached_property
    def collection(self) -> Collection:
        """The collection the run was made from, read again and checked to be the same."""
        if self._collection is None:
            self._collection = _reload(self.path, self.manifest.inputs)
        differing = differences(self.manifest.inputs, fingerprints(self._collection))
        if differing:
            raise RunError(
                f"the data is not what the run was made from: {', '.join(differing)} changed",
                where=str(self.path),
                mend="restore the data, or mine again with --overwrite",
            )
        return self._collection

    def repick(self, pick: Picker, *, relabel: float | None = None, emit: Emit = silent) -> Run:
        """Apply another policy to the same ledger; negatives, recipe and report are replaced.

        `relabel`: see the method of that name; None relabels as before.
        """
        again: Any = importlib.import_module("negatives.run.picking").repick
        again(self, pick, relabel=relabel, emit=emit)
        return Run(self.path, collection=self._collection)

    def relabel(self, precision: float, *, emit: Emit = silent) -> Run:
        """Take the surest candidates for positives: as many as `precision` allows (0: none).

        The mean of their p_relevant is at least `precision`, and none is below 0.5. They are in
        `relabelled`, apart from the known positives, and no longer among the negatives, which are
        picked again. Needs p_relevant, which a recipe's [estimate] stage gives.
        """
        return self.repick(self.recipe.pick, relabel=precision, emit=emit)

    def judge(self, judge: Judge, budget: int | None = None, **options: Any) -> Run:
        """Let a costly judge, such as `Rerank`, look at `budget` pairs (None: all) of the ledger.

        They are those whose scores can change what is picked, and some for calibration. The ledger
        gets its scores, p_relevant is revised by them, and negatives are picked again. `options`:
        threads, memory, device and emit, as for `mine`.
        """
        carry_out: Any = importlib.import_module("negatives.run.judging").judge_run
        carry_out(self, judge, budget, **options)
        return Run(self.path, collection=self._collection)

    def review(self, verdicts: str | Path | pl.DataFrame, *, emit: Emit = silent) -> Run:
        """Learn from somebody's verdicts on pairs: a file, or query_id, doc_id and relevant (bool).

        They are kept in reviews.jsonl. Pairs found relevant are no candidates any more, those found
        not relevant are judged negatives, p_relevant of all pairs follows what verdicts and labels
        together say of the label rate, and negatives are picked again. Sixty settle the label rate
        where queries have one known positive each: `negatives judge RUN --ask 60 -o FILE`.
        """
        if not isinstance(verdicts, pl.DataFrame):
            read: Any = importlib.import_module("negatives.measure.review").read_verdicts
            verdicts, _ = read(verdicts)
        learn: Any = importlib.import_module("negatives.run.reviewing").review_run
        learn(self, verdicts, emit=emit)
        return Run(self.path, collection=self._collection)

    def masks(self, above: float = 0.5) -> pl.DataFrame:
        """query_id, text_ids: texts no batch may use as negatives; see `negatives.export.masks`."""
        made: pl.DataFrame = importlib.import_module("negatives.export.masks").masks(self, above)
        return made

    def export(self, out: str | Path, **options: Any) -> int:
        """Write the negatives in a trainer's format; see `negatives.export.export`."""
        write: Any = importlib.import_module("negatives.export").export
        written: int = write(self, out, **options)
        return written


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names whose values in `now` are not those of `before`."""
    return [name for name, value in now.items() if before.get(name) != value]


def _reload(path: Path, inputs: Mapping[str, Any]) -> Collection:
    origin = inputs.get("origin")
    if not origin:
        raise RunError(
            "the run was made from a collection in memory, so its texts are not at hand",
            where=str(path),
            mend="open it with Run(path, collection=...)",
        )
    try:
        if not inputs.get("quarantined"):
            return Collection.load(origin)
        with tempfile.TemporaryDirectory() as folder:
            return Collection.load(origin, quarantine=Path(folder) / "set-aside.jsonl")
    except DataError as error:
        raise RunError(
            f"the data that the run was made from cannot be read any more: {error.what}",
            where=error.where,
            mend="restore the data, or mine again with another --out",
        ) from None
