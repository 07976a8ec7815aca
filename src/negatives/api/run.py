"""A run as users hold it, and `mine`, which makes one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Unpack, cast

import polars as pl

from negatives import schema
from negatives.api.collection import Data, Reading
from negatives.arguments import checked
from negatives.errors import UnknownKeyword, nearest
from negatives.events import Emit
from negatives.listening import shown, watched
from negatives.misplaced import refuse_misplaced
from negatives.run import mine as _mine
from negatives.run.engine import SharedOut
from negatives.run.inputs import collection_of
from negatives.stage import Judge, Picker
from negatives.store import run as store

if TYPE_CHECKING:
    from negatives.card import Card
    from negatives.export.ask import Choices
    from negatives.opening import Foreseen
    from negatives.show.examples import Order
    from negatives.show.pair_text import Examples

P = ParamSpec("P")


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

    def __init__(self, path: str | Path, *, collection: Data = None) -> None:
        """Open a run directory; `RunError` where there is none, or it is unfinished or damaged.

        `collection` is what it was made from, where that was no file: what `mine` took.
        """
        from negatives.read import as_collection

        found = None if collection is None else as_collection(collection)
        super().__init__(path, collection=found)

    @property
    def collection(self) -> schema.Collection:
        """The collection the run was made from, read again and checked to be the same."""
        return collection_of(self)

    @property
    def reviews(self) -> pl.DataFrame:
        """The verdicts of people that stand: pair, verdict, reviewer, time, order and note."""
        from negatives.run.reviews import read_lines, standing

        return standing(read_lines(self.path))

    def summary(self) -> Card:
        """What was found, in a dozen lines: print it, or let a notebook show it.

        >>> from negatives import BM25, Top, mine, tiny
        >>> run = mine(tiny.collection(), "told", sources=[BM25(top=4)], pick=Top(per_query=2))
        >>> print(run.summary().title)
        tiny: 6 of 6 negatives, coverage 100%
        """
        from negatives.show import figures_of, run_card

        return run_card(figures_of(self))

    @checked
    def examples(
        self,
        count: int | None = None,
        *,
        order: Order = "worst",
        query: str = "",
        doc: str = "",
        seed: int = 0,
    ) -> Examples:
        """Pairs to be read, with their texts and evidence: the `count` likeliest to be false (10).

        Or drawn at random (`order="random"`); or those of one query, or one document, named by its
        id or its text; or, with both, one pair, picked or not. See `negatives show`.

        >>> from negatives import BM25, Top, mine, tiny
        >>> run = mine(tiny.collection(), "read", sources=[BM25(top=4)], pick=Top(per_query=2))
        >>> run.examples(query="pans").queries[0]["pairs"][0]["doc_id"]
        'albatross'
        """
        from negatives.show.examples import examples

        return examples(self, count, order=order, query=query, doc=doc, seed=seed)

    def _repr_html_(self) -> str:
        from negatives.show.notebook import run_html

        return run_html(self)

    @watched
    def repick(
        self,
        pick: Picker,
        *,
        relabel: float | None = None,
        out: str | Path | None = None,
        emit: Emit = shown,
        **shared: Unpack[SharedOut],
    ) -> Run:
        """Apply another policy to the same ledger; negatives, recipe and report are replaced.

        Or, with `out`, in a copy of the run that is made there. `relabel`: see the method of that
        name; None relabels as before. `threads`, `engine`, `workers` and `address` are as for
        `mine`.
        """
        from negatives.run.copying import copied
        from negatives.run.picking import repick

        if out is not None:
            made = copied(self, Path(out))
            try:
                other = type(self)(made, collection=self.at_hand)
                return other.repick(pick, relabel=relabel, emit=emit, **shared)
            except BaseException:  # a copy that has other negatives than were asked for
                shutil.rmtree(made, ignore_errors=True)
                raise
        repick(self, pick, relabel=relabel, emit=emit, **shared)
        return self._reported(emit)

    @watched
    def relabel(self, precision: float, *, emit: Emit = shown, **shared: Unpack[SharedOut]) -> Run:
        """Take the surest candidates for positives: as many as `precision` allows (0: none).

        The mean of their p_relevant is at least `precision`, and none is below 0.5. They are in
        `relabelled`, apart from the known positives, and no longer among the negatives, which are
        picked again. Needs p_relevant, which a recipe's [estimate] stage gives. `threads`,
        `engine`, `workers` and `address` are as for `mine`.
        """
        return self.repick(self.recipe.pick, relabel=precision, emit=emit, **shared)

    @watched
    def judge(
        self,
        judge: Judge,
        budget: int | str | None = None,
        *,
        choice: str = "unsure",
        memory: str | int = "512MB",
        device: str = "auto",
        emit: Emit = shown,
        **shared: Unpack[SharedOut],
    ) -> Run:
        """Let a costly judge (`Rerank`, `LLMJudge`) look at `budget` pairs (None: all) of the run.

        They are those whose scores can change what is picked, and some for calibration. The ledger
        gets its scores, p_relevant is revised by them, and negatives are picked again. A text is a
        budget of calls or tokens: "500-calls", "200k-tokens". `choice` says by what the pairs are
        chosen: "unsure", "gain", "active-judging", "robust-active-distillation" or
        "judging-budget-allocation". `threads`, `memory`, `device`, `engine`, `workers` and
        `address` are as for `mine`.
        """
        from negatives.run.judging import judge_run

        refuse_misplaced("judge", (judge,))
        judge_run(
            self, judge, budget, choice=choice, memory=memory, device=device, emit=emit, **shared
        )
        return self._reported(emit)

    @watched
    def judging_cost(
        self,
        judge: Judge,
        budget: int | str | None = None,
        *,
        choice: str = "unsure",
        threads: int | None = None,
        memory: str | int = "512MB",
        device: str = "auto",
        emit: Emit = shown,
    ) -> Foreseen:
        """What `judge` with the same judge and budget would cost; nobody is asked anything."""
        from negatives.run.judging import judging_cost

        refuse_misplaced("judge", (judge,))
        return judging_cost(
            self,
            judge,
            budget,
            choice=choice,
            threads=threads,
            memory=memory,
            device=device,
            emit=emit,
        )

    @watched
    def review(
        self,
        verdicts: str | Path | pl.DataFrame | None = None,
        *,
        emit: Emit = shown,
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

    @watched
    def report(self, *, emit: Emit = shown) -> Run:
        """Write report.html, report.json and recipe.toml once more."""
        from negatives.show import report

        return report(self, emit)

    def masks(self, above: float = 0.5) -> pl.DataFrame:
        """query_id, text_ids: texts no batch may use as negatives; see `negatives.export.masks`."""
        from negatives.export.masks import masks

        return masks(self, above)

    @watched
    def export(
        self,
        out: str | Path,
        *,
        format: str,
        overwrite: bool = True,
        emit: Emit = shown,
        **choices: Unpack[Choices],
    ) -> int:
        """Write the negatives in a trainer's format; the rows written. See `negatives.export`."""
        from negatives.export import export

        return export(self, out, format=format, overwrite=overwrite, emit=emit, **choices)

    @watched
    def to_polars(
        self, format: str | None = None, *, emit: Emit = shown, **choices: Unpack[Choices]
    ) -> pl.DataFrame:
        """The rows of an export in memory; without a format, the negatives with their texts.

        `choices` are those of `export`, such as `scores=True` or `rows_per_query=7`.

        >>> from negatives import BM25, Top, mine, tiny
        >>> run = mine(tiny.collection(), "frames", sources=[BM25(top=4)], pick=Top(per_query=2))
        >>> run.to_polars("triplet").columns
        ['anchor', 'positive', 'negative']
        """
        from negatives.export.frames import to_polars

        return to_polars(self, format, emit=emit, **choices)

    @watched
    def to_pandas(
        self, format: str | None = None, *, emit: Emit = shown, **choices: Unpack[Choices]
    ) -> Any:
        """The same as a frame of pandas."""
        from negatives.export.frames import to_pandas

        return to_pandas(self, format, emit=emit, **choices)

    @watched
    def to_dataset(
        self, format: str = "triplet", *, emit: Emit = shown, **choices: Unpack[Choices]
    ) -> Any:
        """The rows of a format as a `datasets.Dataset`; `choices` are those of `export`."""
        from negatives.export.frames import to_dataset

        return to_dataset(self, format, emit=emit, **choices)

    @watched
    def push_to_hub(
        self,
        repository: str,
        format: str = "triplet",
        *,
        private: bool = True,
        emit: Emit = shown,
        **choices: Unpack[Choices],
    ) -> str:
        """Push the rows of a format to OWNER/NAME on the hub; its address.

        Who pushes is known from HF_TOKEN or the hub's login: no token is taken, and none is kept.
        """
        from negatives.export.frames import push_to_hub

        return push_to_hub(self, repository, format, private=private, emit=emit, **choices)

    def _reported(self, emit: Emit) -> Run:
        """The run as it is now, its report written if it has none."""
        from negatives.show import reported

        return reported(self.reopened(), emit)


def _with_report(carry_out: Callable[P, store.Run]) -> Callable[P, Run]:
    """`carry_out`, and the report; what comes back is a run as users hold it."""

    @wraps(carry_out)
    def whole(*args: P.args, **options: P.kwargs) -> Run:
        from negatives.show import reported

        valid = signature(carry_out).parameters
        for name in options:
            if name not in valid:
                what = f"{carry_out.__name__} has no parameter {name!r}"
                load = f"give {carry_out.__name__}() what Collection.load(data, {name}=...) returns"
                read = name in Reading.__annotations__
                raise UnknownKeyword(what, fix=load if read else nearest(name, valid))
        emit = cast("Emit", options.get("emit", shown))
        run = reported(carry_out(*args, **options), emit)
        made = Run(run.path, collection=run.at_hand)
        made.figures = run.figures
        return made

    return whole


mine = watched(_with_report(_mine))
