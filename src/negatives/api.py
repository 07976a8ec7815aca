"""Runs and collections as users hold them: the data, with the verbs of the rooms bound to it.

This is the only place where data has verbs. Inside the package functions are called, each with a
run or a collection as its first argument; nothing but the command line imports this module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, Unpack, cast

import polars as pl

from negatives import schema
from negatives.events import Emit, silent
from negatives.run import mine as _mine
from negatives.run.engine import SharedOut
from negatives.run.inputs import collection_of
from negatives.schema import Lost
from negatives.stage import Judge, Picker
from negatives.store import run as store

if TYPE_CHECKING:
    from negatives.export.ask import Labels, Mined, Short
    from negatives.export.blocks import Positives
    from negatives.generator import Generator
    from negatives.read.quarantine import Quarantine

P = ParamSpec("P")


class Collection(schema.Collection):
    """Corpus, queries and judgements of one split; `Collection.load` reads one.

    >>> from negatives import Collection
    >>> data = Collection.load("cranfield")
    >>> len(data.corpus), len(data.queries), len(data.positives)
    (1400, 225, 1837)
    >>> data.queries.row(4)
    ('102', 'basic dynamic characteristics of structures continuous over many spans .', 101)
    """

    @staticmethod
    def load(
        data: str | Path,
        *,
        quarantine: str | Path | Quarantine | None = None,
        lost: Lost = "refuse",
        corpus: str | Path | schema.Collection | None = None,
    ) -> Collection:
        """Read a collection: a path, `cranfield`, `ir_datasets:NAME` or a hub name; `@SPLIT` last.

        Raises `DataError` listing the first five offenders with file and row; with `quarantine`,
        bad rows are set aside in that file instead, and counted in `notes`. `lost`: whether
        judgements of documents that the corpus lacks are bad rows too, or are kept in `qrels`, so
        that a measure counts them as not found. `corpus` names what has the texts of a file of
        ids, and more documents.
        """
        from negatives.read import load

        found = load(data, quarantine=quarantine, lost=lost, corpus=corpus)
        return Collection(**{each.name: getattr(found, each.name) for each in fields(found)})

    def made(self, generator: Generator, *, seed: int = 0, emit: Emit = silent) -> Collection:
        """The documents with queries that a generator, such as `InverseCloze`, writes from them."""
        from negatives.run.making import made_queries

        found = made_queries(self, generator, seed=seed, emit=emit)
        return Collection(**{each.name: getattr(found, each.name) for each in fields(found)})


class Run(store.Run):
    """A finished run: `negatives` and `rejected` are frames; `candidates()` scans the ledger.

    A table is read only if it is what the manifest says: its size and rows are compared when the
    run is opened, its hash when it is read.

    >>> from negatives import BM25, Run, Top, mine, tiny
    >>> mine(tiny.collection(), "run", sources=[BM25(top=4)], pick=Top(per_query=2))
    Run('run': 6 negatives for 3 queries, 13 candidates)
    >>> Run("run").negatives["query_id", "doc_id"].row(0)
    ('pans', 'albatross')
    >>> Run("run").rejected["reason"].to_list()
    ['repeat: the text of candidate copy', 'same-normalised-text: as positive lift']
    """

    @property
    def collection(self) -> schema.Collection:
        """The collection the run was made from, read again and checked to be the same."""
        return collection_of(self)

    @property
    def reviews(self) -> pl.DataFrame:
        """The verdicts of people that stand: pair, verdict, reviewer, time, order and note."""
        from negatives.run.reviews import read_lines, standing

        return standing(read_lines(self.path))

    def repick(
        self,
        pick: Picker,
        *,
        relabel: float | None = None,
        emit: Emit = silent,
        **shared: Unpack[SharedOut],
    ) -> Run:
        """Apply another policy to the same ledger; negatives, recipe and report are replaced.

        `relabel`: see the method of that name; None relabels as before. `threads`, `engine`,
        `workers` and `address` are as for `mine`.
        """
        from negatives.run.picking import repick

        repick(self, pick, relabel=relabel, emit=emit, **shared)
        return self._reported(emit)

    def relabel(self, precision: float, *, emit: Emit = silent, **shared: Unpack[SharedOut]) -> Run:
        """Take the surest candidates for positives: as many as `precision` allows (0: none).

        The mean of their p_relevant is at least `precision`, and none is below 0.5. They are in
        `relabelled`, apart from the known positives, and no longer among the negatives, which are
        picked again. Needs p_relevant, which a recipe's [estimate] stage gives. `threads`,
        `engine`, `workers` and `address` are as for `mine`.
        """
        return self.repick(self.recipe.pick, relabel=precision, emit=emit, **shared)

    def judge(
        self,
        judge: Judge,
        budget: int | None = None,
        *,
        memory: str | int = "512MB",
        device: str = "auto",
        emit: Emit = silent,
        **shared: Unpack[SharedOut],
    ) -> Run:
        """Let a costly judge, such as `Rerank`, look at `budget` pairs (None: all) of the ledger.

        They are those whose scores can change what is picked, and some for calibration. The ledger
        gets its scores, p_relevant is revised by them, and negatives are picked again. `threads`,
        `memory`, `device`, `engine`, `workers` and `address` are as for `mine`.
        """
        from negatives.run.judging import judge_run

        judge_run(self, judge, budget, memory=memory, device=device, emit=emit, **shared)
        return self._reported(emit)

    def review(
        self,
        verdicts: str | Path | pl.DataFrame | None = None,
        *,
        emit: Emit = silent,
        **shared: Unpack[SharedOut],
    ) -> Run:
        """Learn from somebody's verdicts on pairs: a file, or query_id, doc_id and relevant (bool).

        They are kept in reviews.jsonl with those that were given before, on the page of `negatives
        review RUN` say; None: only those. Pairs found relevant are no candidates any more, those
        found not relevant are judged negatives, p_relevant of all pairs follows what verdicts and
        labels together say of the label rate, and negatives are picked again. Where queries have
        one known positive each, forty verdicts make a promise possible.
        `threads`, `engine`, `workers` and `address` are as for `mine`.
        """
        from negatives.measure.review import verdicts_of
        from negatives.run.reviewing import review_run

        new = [] if verdicts is None else verdicts_of(verdicts)
        review_run(self, new, emit=emit, **shared)
        return self._reported(emit)

    def report(self, *, emit: Emit = silent) -> Run:
        """Write report.html, report.json and recipe.toml once more."""
        from negatives.show import report

        return report(self, emit)

    def masks(self, above: float = 0.5) -> pl.DataFrame:
        """query_id, text_ids: texts no batch may use as negatives; see `negatives.export.masks`."""
        from negatives.export.masks import masks

        return masks(self, above)

    def export(
        self,
        out: str | Path,
        *,
        format: str,
        scores: bool = False,
        ids: bool = False,
        short: Short | None = None,
        mined: Mined | None = None,
        positives: Positives = "known",
        labels: Labels | None = None,
        above: float | None = None,
        reviews: bool = False,
        emit: Emit = silent,
    ) -> int:
        """Write the negatives in a trainer's format; the rows written. See `negatives.export`."""
        from negatives.export import export

        return export(
            self,
            out,
            format=format,
            scores=scores,
            ids=ids,
            short=short,
            mined=mined,
            positives=positives,
            labels=labels,
            above=above,
            reviews=reviews,
            emit=emit,
        )

    def _reported(self, emit: Emit) -> Run:
        """The run as it is now, its report written if it has none."""
        from negatives.show import reported

        return reported(self.reopened(), emit)


def _with_report(carry_out: Callable[P, store.Run]) -> Callable[P, Run]:
    """`carry_out`, and the report; what comes back is a run as users hold it."""

    @wraps(carry_out)
    def whole(*args: P.args, **options: P.kwargs) -> Run:
        from negatives.show import reported

        emit = cast("Emit", options.get("emit", silent))
        run = reported(carry_out(*args, **options), emit)
        made = Run(run.path, collection=run.at_hand)
        made.summary = run.summary
        return made

    return whole


mine = _with_report(_mine)
