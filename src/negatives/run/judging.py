"""A costly judge on a finished run's ledger: where its time is worth most, and what it changes.

The new parts of the ledger get names of their own and enter the manifest together, in one write: a
run that is killed has the old ledger or the new one. What a call before it has changed is undone
first, so that a ledger depends on what the last call asked for, not on how often one was made.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from negatives.engine import Engine, Mapper
from negatives.errors import InputError, RecipeError, RunError
from negatives.estimate.budget import choose, judgeable
from negatives.estimate.choices import DEFAULT, named
from negatives.estimate.judge_worth import worth
from negatives.estimate.revision import Revision, learn, with_others
from negatives.events import Emit, silent
from negatives.machine import Machine
from negatives.needs import refuse_unmet
from negatives.opening import Foreseen, JudgeContext
from negatives.run.account import Account
from negatives.run.costly import Costly, Deciding
from negatives.run.engine import engine_named, refuse_scripts
from negatives.run.inputs import collection_of, refuse_other_images
from negatives.run.judged import Change, judged, undone
from negatives.run.parts import over_parts, replace_ledger, rewrite, write_frame
from negatives.run.picking import pick_again
from negatives.run.spending import SAMPLE, Bill, Billed, Budget, affordable, spent
from negatives.schema import JUDGED_NEGATIVE, POSITIVE
from negatives.stage import Judge
from negatives.store.atomic import make_folder, remove_partial
from negatives.store.facts import Asked, Cascade, Worth
from negatives.store.lock import locked
from negatives.store.manifest import DONE, table_rows
from negatives.store.run import WORK, Run

CHOSEN: Final = "chosen-{}.parquet"
PAIR: Final = ["query_id", "doc_id"]


def judging_cost(
    run: Run,
    judge: Judge,
    budget: int | str | None = None,
    *,
    choice: str = DEFAULT,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    emit: Emit = silent,
) -> Foreseen:
    """What `judge_run` with the same judge and budget would cost; nobody is asked anything."""
    machine = Machine.checked(threads, memory, device)
    with (
        engine_named("local", None, "", machine).started() as mapper,
        _opened(run, judge, (budget, choice), machine, mapper, emit) as (work, _),
    ):
        return work.foreseen()


def judge_run(
    run: Run,
    judge: Judge,
    budget: int | str | None = None,
    *,
    choice: str = DEFAULT,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    engine: str | Engine = "local",
    workers: int | None = None,
    address: str = "",
    emit: Emit = silent,
) -> None:
    """Judge at most `budget` pairs of a finished run (None: all), revise p_relevant, pick again.

    A text is a budget of calls or tokens: "500-calls", "200k-tokens". `choice`: by what the pairs
    are chosen that a budget goes to (`estimate.choices`).
    Called again with the same judge and budget it goes on, or has nothing to do. With others it
    begins from the ledger as it was mined; scores that are known are not computed again. `engine`,
    `workers` and `address` are as for `mine`.
    """
    machine = Machine.checked(threads, memory, device)
    chosen = engine_named(engine, workers, address, machine)
    refuse_scripts(chosen, (run.recipe.pick,))
    with chosen.started() as mapper:
        with _opened(run, judge, (budget, choice), machine, mapper, emit) as (work, folder):
            if work.account.manifest.facts.cascade != work.asked:
                judge.refuse_absent(JudgeContext(collection_of(run), folder))
                work.carry_out(folder)
        if work.account.manifest.status != DONE:
            pick_again(run.reopened(), mapper, run.recipe.pick, emit=emit)


@contextmanager
def _opened(
    run: Run,
    judge: Judge,
    asked: tuple[int | str | None, str],
    machine: Machine,
    mapper: Mapper,
    emit: Emit,
) -> Iterator[tuple[_Judging, Path]]:
    """The work, with the run locked, and a folder for it; an error before where it cannot be."""
    budget, choice = None if asked[0] is None else Budget.read(asked[0]), asked[1]
    named(choice)
    if any(type(stage) is type(judge) for stage in run.recipe.judge):
        raise RunError(
            f"the run was mined with the judge {judge.kind}: its scores are in the ledger",
            where=str(run.path),
            fix=f"mine without it, then judge with it; or change [[judge]] {judge.kind} and mine "
            "again",
        )
    collection = collection_of(run)
    refuse_other_images(run)
    refuse_unmet((judge,), collection)
    with locked(run.path):
        run = run.reopened()  # as it is, now that nobody else writes
        account = Account(run.path, run.manifest, emit)
        with _scratch(run.path / WORK / "judging") as folder:
            ruling = judge.open(
                JudgeContext(
                    collection=collection,
                    scratch=folder,
                    machine=machine,
                    engine=mapper,
                    seed=run.recipe.seed,
                    reference=account.manifest.facts.reference,
                    emit=Bill(account).hear,
                )
            )
            if not isinstance(ruling, Costly):
                raise RecipeError(
                    f"{judge.kind} does not score single pairs",
                    fix=f"put it into the recipe as [[judge]] and mine again; {_COSTLY}",
                )
            if budget is not None and budget.unit != "pairs" and not isinstance(ruling, Billed):
                raise InputError(
                    f"{judge.kind} counts no {budget.unit}",
                    fix=f"give a budget of pairs: {budget.most}",
                )
            yield _Judging(run, judge, budget, choice, ruling, account, mapper), folder


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder that is removed afterwards, unless a restart would go on from what is in it."""
    make_folder(folder)
    try:
        yield folder
        for path in folder.glob(CHOSEN.format("*")):
            path.unlink()
    finally:
        if not any(folder.glob(CHOSEN.format("*"))):
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                folder.parent.rmdir()


_COSTLY = "reranker, perplexity, icr and the judges that ask a language model do"


@dataclass(frozen=True)
class _Judging:
    """One call of `judge_run`."""

    run: Run
    judge: Judge
    budget: Budget | None
    choice: str
    ruling: Costly
    account: Account
    engine: Mapper

    @cached_property
    def asked(self) -> Asked:
        """What makes two calls the same."""
        return Asked(
            judge=self.judge.settings(),
            column=self.ruling.column,
            fingerprint=self.ruling.fingerprint,
            budget=None if self.budget is None else self.budget.told,
            choice=self.choice,
            derived=tuple(expr.meta.output_name() for expr in self.judge.derived),
        )

    def carry_out(self, folder: Path) -> None:
        """Choose, score, learn, and put the new ledger in the place of the old.

        Choosing and learning look at some columns of the whole ledger, once; scoring chunks of
        pairs, and writing the parts of the new ledger, are passes.
        """
        remove_partial(self.run.path)
        key = hashlib.blake2b(msgspec.json.encode(self.asked), digest_size=4).hexdigest()
        with self.account.stage(f"judge {self.judge.kind}") as stage:
            chosen, full = self._chosen(folder / CHOSEN.format(key))
            try:
                chosen, scores = self._scored(chosen)
            finally:
                self.account.save()  # what was spent is told, though it was stopped
            stage.rows = len(chosen)
            unknown = len(chosen) - len(scores)
        pairs = self._learnable(scores)
        found = worth(
            pairs.join(chosen.filter(why="value"), on=PAIR, how="anti"),
            self.ruling.relevant_from if isinstance(self.ruling, Deciding) else None,
        )
        revision = self._learned(pairs, found)
        learned = folder.absolute() / "learned.parquet"
        write_frame(learned, pairs)
        change = Change(
            kind=self.judge.kind,
            column=self.ruling.column,
            derived=self.judge.derived,
            rule=self.ruling.rule(),
            before=self.account.manifest.facts.cascade,
            pairs=learned,
            revision=revision,
            has_p=bool(pairs["p_relevant"].is_not_null().any()),
            seed=self.run.recipe.seed,
        )
        mark, old = f".judged-{key}", self.run.parts
        one = partial(rewrite, partial(judged, change), mark)
        rows = list(over_parts(self.account, self.engine, one, old, do="judge", stage="judge"))
        self.account.manifest.notes.cascade = Cascade(
            judge=self.judge.settings(),
            budget=self.asked.budget,
            pairs=len(chosen),
            unknown=unknown,
            calls=self.ruling.calls,
            questions=self.ruling.answered if isinstance(self.ruling, Billed) else 0,
            full=full,
            saving=round(1 - len(chosen) / full, 4) if full else 0.0,
            calibration=int((chosen["why"] == "calibration").sum()),
            labelled=int(pairs["labelled"].sum()),
            revised=revision is not None,
            worth=found,
        )
        self.account.manifest.facts.cascade = self.asked
        replace_ledger(self.account, old, mark, rows)

    @property
    def _billed(self) -> Billed:
        assert isinstance(self.ruling, Billed), "refused when it was opened"
        return self.ruling

    def _learned(self, pairs: pl.DataFrame, found: Worth | None) -> Revision | None:
        """What the scores say beyond the first p; None, and why, where they are not believed."""
        if pairs["p_relevant"].is_null().all():
            return None
        if found is not None and not found.above_chance:
            self.account.warn(
                f"p_relevant is as before: the scores of {self.judge.kind} tell labelled pairs "
                f"from others no better than chance (AUC {found.auc:.2f}, where chance gives 0.5)"
            )
            return None
        revision = learn(pairs, self.run.recipe.seed)
        if revision is None:
            self.account.warn(
                f"p_relevant is as before: too few of the {len(pairs):,} judged pairs are "
                "labelled, or too few are not, to learn what a score means"
            )
        return revision

    def foreseen(self) -> Foreseen:
        """What it would cost; where the judge cannot tell, how many pairs it would score."""
        chosen = self._choice(self._judgeable())
        rows = collection_of(self.run).rows_of(chosen.select(PAIR)).sort("query", "doc")
        if isinstance(self.ruling, Billed):
            return self.ruling.foresee(rows["query"].to_numpy(), rows["doc"].to_numpy())
        return Foreseen(len(rows), known=0, read=0, written=0, money=None, pairs=len(rows))

    def _base(self) -> pl.LazyFrame:
        """The ledger as it was mined."""
        return undone(self.run.candidates(), self.account.manifest.facts.cascade)

    def _chosen(self, path: Path) -> tuple[pl.DataFrame, int]:
        """The pairs to judge, kept so that a restart chooses the same, and how many there are."""
        pairs = self._judgeable()
        if table_rows(path) is None:
            write_frame(path, self._choice(pairs))
        return pl.read_parquet(path, glob=False), len(pairs)

    def _choice(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Those to judge, of the pairs that can be."""
        price = float(self.account.manifest.facts.tuning.get("price", 0.0))
        by = partial(
            choose,
            pairs,
            per_query=self.run.recipe.pick.per_query,
            seed=self.run.recipe.seed,
            choice=self.choice,
            price=price,
        )
        count = None if self.budget is None else self.budget.most
        if self.budget is not None and self.budget.unit != "pairs":
            some = collection_of(self.run).rows_of(by(SAMPLE))
            count = affordable(self._billed, some, self.budget)
        return by(count)

    def _judgeable(self) -> pl.DataFrame:
        """The pairs that can be judged, with what says which of them are worth it."""
        collection = collection_of(self.run)
        empty = collection.corpus["doc_id"].gather(collection.empty_docs)
        picked = self.run.negatives.select(*PAIR, picked=pl.lit(True))
        return (
            judgeable(self._base(), everything=self.budget is None)
            .filter(~pl.col("doc_id").is_in(empty.implode()))
            .select(
                *PAIR,
                "verdict",
                "p_relevant",
                "hardness",
                proposed=pl.col("sources").list.len() > 0,
            )
            .join(picked.lazy(), on=PAIR, how="left", maintain_order="left")
            .collect()
            .with_columns(pl.col("picked").fill_null(False))
        )

    def _scored(self, chosen: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The pairs that were asked about, and query_id, doc_id and score of those with one."""
        data = collection_of(self.run)
        if self.budget is None or self.budget.unit == "pairs":
            rows = data.rows_of(chosen.select(PAIR)).sort("query", "doc")
            scores = self.ruling.score(rows["query"].to_numpy(), rows["doc"].to_numpy())
        else:
            first = chosen.sort(pl.col("place").min().over("query_id"), *PAIR)
            rows = data.rows_of(first.select(PAIR).with_row_index("order")).sort("order")
            scores = spent(self._billed, self.ruling.score, rows, self.budget)
            rows = rows.head(len(scores))
        made = data.ids_of(
            rows.select("query", "doc").with_columns(score=pl.Series(scores, dtype=pl.Float32))
        )
        asked = chosen.join(made, on=PAIR, how="semi")
        return asked, made.filter(~pl.col("score").is_nan())

    def _learnable(self, scores: pl.DataFrame) -> pl.DataFrame:
        """The scored pairs with what the second stage needs of them."""
        found = self._base().join(scores.lazy(), on=PAIR, how="inner", maintain_order="left")
        pairs = found.select(
            *PAIR,
            "p_relevant",
            judged="score",
            score="score",
            labelled=pl.col("verdict") == POSITIVE,
            proposed=pl.col("sources").list.len() > 0,
            settled=pl.col("verdict") == JUDGED_NEGATIVE,
        ).collect()
        unsettled, settled = (pairs.filter(pl.col("settled") == each) for each in (False, True))
        both = [
            with_others(unsettled),
            settled.with_columns(others=pl.col("score").cast(pl.Float64)),
        ]
        return pl.concat(both, how="vertical_relaxed").drop("settled").sort(PAIR)
