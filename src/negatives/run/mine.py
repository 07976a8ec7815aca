"""mine: a recipe carried out on a collection, into a run directory that can be resumed.

Passes over the shards: find (every source's candidates), judge (evidence and verdicts), estimate
(p_relevant, fitted on the whole run, and hardness, which needs the spread of its scores) and pick.
Each pass writes one file a shard, atomically, and skips the files that are there. Which shard comes
when changes nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl

from negatives.estimation import Fitted
from negatives.events import Emit, Progress, silent
from negatives.faults import blames_input
from negatives.machine import Machine
from negatives.read import load
from negatives.recipe import Recipe, load_recipe
from negatives.run.account import Account
from negatives.run.claim import claimed, refuse_file, refuse_foreign, wipe
from negatives.run.picking import finish, write_frame
from negatives.run.scores import check_scores
from negatives.run.shards import (
    Reference,
    find_shard,
    judge_shard,
    ledger_shard,
    no_candidates,
    pick_shard,
)
from negatives.schema import Collection, Rows, check_collection
from negatives.stage import (
    Context,
    Estimator,
    Judge,
    Picker,
    Proposer,
    Ruling,
    Source,
    build,
    refuse_unmet,
)
from negatives.store.atomic import make_folder, remove_partial, write_text
from negatives.store.fingerprints import refuse_unlabelled
from negatives.store.lock import locked
from negatives.store.manifest import DONE, REPORTING, RUNNING, table_rows
from negatives.store.run import LEDGER, RECIPE, WORK, Run


def mine(
    data: Collection | str | Path,
    out: str | Path,
    *,
    recipe: Recipe | str | Path | None = None,
    sources: Sequence[Source] | None = None,
    judges: Sequence[Judge] | None = None,
    estimate: Estimator | None = None,
    pick: Picker | None = None,
    seed: int | None = None,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    overwrite: bool = False,
    emit: Emit = silent,
) -> Run:
    """Find, judge and pick negatives for every query of `data` that has a positive.

    `sources`, `judges`, `estimate`, `pick` and `seed` replace those of `recipe` (a shipped name,
    the path of a .toml file, or a `Recipe`; `default` where no sources are given). `out` becomes a
    run directory; called again with the same inputs and recipe it finishes what is unfinished, with
    others it raises `RunError` saying what differs, unless `overwrite`. `threads` (default: all)
    and `memory` change no byte of the result; `device` (`auto`, `cpu`, `cuda`) is where models and
    searches run. The run that comes back lacks its report, unless it was finished before.
    """
    machine = Machine.checked(threads, memory, device)
    recipe = _resolved(recipe, sources, judges, estimate, pick, seed)
    collection = check_collection(data if isinstance(data, Collection) else load(data))
    refuse_unlabelled(collection)
    refuse_unmet((*recipe.find, *recipe.judge), collection)
    path = Path(out)
    refuse_file(path)
    recipe, replaced = _fitting(recipe, Context(collection, path / WORK, seed=recipe.seed))
    with locked(path):
        refuse_foreign(path, overwrite)
        work = _Mining(
            path=path,
            collection=collection,
            recipe=recipe,
            threads=machine.threads,
            memory=machine.memory,
            device=machine.device,
            account=Account(path, claimed(path, collection, recipe, overwrite, emit), emit),
        )
        try:
            for text in replaced:
                work.account.warn(text)
            work.carry_out()
        except Exception as error:
            if blames_input(error):
                work.leave_nothing_new()
            raise
    return Run.of(path, work.account.manifest, collection)


@dataclass(frozen=True)
class _Mining:
    """One call of `mine`: everything its passes need."""

    path: Path
    collection: Collection
    recipe: Recipe
    threads: int
    memory: int
    device: str
    account: Account
    proposers: dict[str, Proposer] = field(default_factory=dict)

    def carry_out(self) -> None:
        """All that is not done yet; scratch files go when the run is done."""
        remove_partial(self.path)
        run = Run.of(self.path, self.account.manifest, self.collection)
        status = run.manifest.status
        if status not in (REPORTING, DONE):
            parts = self._ledger() if status == RUNNING else run.parts
            finish(self.account, self.recipe, parts, self.collection)
        shutil.rmtree(self.path / WORK, ignore_errors=True)

    def _ledger(self) -> list[Path]:
        """All passes but the last; the parts of the ledger."""
        counts, collection = self.account.manifest.counts, self.collection
        counts.queries = len(collection.mined_queries)
        counts.documents = len(collection.corpus) - len(collection.empty_docs)
        self.account.save()
        write_text(self.path / RECIPE, self.recipe.to_toml())
        for note in self.collection.notes:
            self.account.warn(note)
        rulings = self._open_judges()
        self._rehearse(rulings)
        found = self._find()
        return self._estimate(found, self._judge(found, rulings))

    @cached_property
    def shards(self) -> list[tuple[int, Rows]]:
        """Number and query rows of each shard."""
        queries, size = self.collection.mined_queries, self.recipe.shard
        return [(n, queries[at : at + size]) for n, at in enumerate(range(0, len(queries), size))]

    def _context(self, scratch: str) -> Context:
        return Context(
            collection=self.collection,
            scratch=make_folder(self.path / WORK / scratch),
            threads=self.threads,
            memory=self.memory,
            device=self.device,
            seed=self.recipe.seed,
            reference=self.recipe.reference_source,
            emit=self.account.hear,
            sources=self.proposers,
            evidence={
                name: sign for judge in self.recipe.judge for name, sign in judge.evidence.items()
            },
            copies=_any([judge.copies for judge in self.recipe.judge]),
            blind=frozenset(
                source.label for source in self.recipe.find if not source.reads_judgements
            ),
        )

    def _find(self) -> list[Path]:
        folder = self.path / WORK / "found"
        proposers = self.proposers
        for source in self.recipe.find:
            with self.account.stage(f"open {source.label}"):
                proposers[source.label] = source.open(self._context(f"find-{source.label}"))
        self.account.same_sources({k: p.fingerprint for k, p in proposers.items()})

        never = {
            source.label: self.collection.unproposable(source.needs) for source in self.recipe.find
        }

        def one(shard: tuple[int, Rows]) -> Path:
            number, queries = shard
            path = folder / f"part-{number:05d}.parquet"
            if table_rows(path) is None:
                found, seconds = find_shard(self.collection, proposers, queries, never)
                write_frame(path, found)
                for label, spent in seconds.items():
                    self.account.spend(f"find {label}", rows=0, seconds=spent)
            return path

        parts = list(self._over("find", one))
        for warning in check_scores(parts, self.recipe.find, self.collection.name):
            self.account.warn(warning)
        return parts

    def _open_judges(self) -> list[tuple[str, Ruling]]:
        rulings = []
        for place, judge in enumerate(self.recipe.judge):
            with self.account.stage(f"open {judge.kind}"):
                context = self._context(f"judge-{place}-{judge.kind}")
                rulings.append((judge.kind, judge.open(context)))
        return rulings

    def _rehearse(self, rulings: list[tuple[str, Ruling]]) -> None:
        """Judge and pick among no candidates, so that a wrong name is found before the work is."""
        label = self.recipe.reference_source
        found = no_candidates([source.label for source in self.recipe.find])
        judged = judge_shard(self.collection, rulings, found)
        part = ledger_shard(self.collection, Reference(label, 1.0), judged, None)
        pick_shard(self.recipe.pick, self.recipe.seed, label, 0, part)

    def leave_nothing_new(self) -> None:
        """After an error in the input: remove what a run that has no finished part has written."""
        if not self.account.manifest.files:
            wipe(self.path)

    def _judge(self, found: list[Path], rulings: list[tuple[str, Ruling]]) -> list[Path]:
        folder = self.path / WORK / "judged"

        def one(shard: tuple[int, Rows]) -> Path:
            path = folder / f"part-{shard[0]:05d}.parquet"
            if table_rows(path) is None:
                rows = pl.read_parquet(found[shard[0]], glob=False)
                write_frame(path, judge_shard(self.collection, rulings, rows))
            return path

        with self.account.stage("judge"):
            return list(self._over("judge", one))

    def _estimate(self, found: list[Path], judged: list[Path]) -> list[Path]:
        """The ledger: p_relevant, where the recipe estimates it, and hardness."""
        reference = Reference(
            label := self.recipe.reference_source, _deviation(found, label) if label else 0.0
        )
        facts = self.account.manifest.facts
        facts.reference, facts.reference_deviation = label, reference.deviation
        fitted = self._fitted(judged)

        def one(shard: tuple[int, Rows]) -> Path:
            path = self.path / LEDGER / f"part-{shard[0]:05d}.parquet"
            if not self.account.holds(path):
                rows = pl.read_parquet(judged[shard[0]], glob=False)
                estimated = None
                if fitted is not None:
                    estimated = fitted.estimate(
                        pl.concat([rows, self._prepared(shard[0])], how="horizontal")
                    )
                part = ledger_shard(self.collection, reference, rows, estimated)
                write_frame(path, part)
                self.account.enter(path, len(part))
            return path

        with self.account.stage("estimate"):
            return list(self._over("estimate", one))

    def _fitted(self, judged: list[Path]) -> Fitted | None:
        """The recipe's estimator, fitted on the run; None where it has none."""
        estimator = self.recipe.estimate
        if estimator is None:
            self.account.warn(
                "p_relevant is null: no stage of this recipe estimates the probability of relevance"
            )
            return None
        estimation = estimator.open(self._context("estimate"))

        def prepare(shard: tuple[int, Rows]) -> Path:
            path = self._preparation(shard[0])
            if table_rows(path) is None:
                write_frame(path, estimation.prepare(pl.read_parquet(judged[shard[0]], glob=False)))
            return path

        with self.account.stage("prepare"):
            prepared = list(self._over("prepare", prepare))
        with self.account.stage("fit"):
            parts = (
                pl.concat(
                    [pl.read_parquet(rows, glob=False), pl.read_parquet(more, glob=False)],
                    how="horizontal",
                )
                for rows, more in zip(judged, prepared, strict=True)
            )
            return estimation.fit(
                parts, pl.scan_parquet(judged, glob=False).select(pl.len()).collect().item()
            )

    def _preparation(self, number: int) -> Path:
        return self.path / WORK / "prepared" / f"part-{number:05d}.parquet"

    def _prepared(self, number: int) -> pl.DataFrame:
        return pl.read_parquet(self._preparation(number), glob=False)

    def _over(self, stage: str, one: Callable[[tuple[int, Rows]], Path]) -> Iterator[Path]:
        done, total = 0, len(self.collection.mined_queries)
        for (_, queries), path in zip(self.shards, map(one, self.shards), strict=True):
            done += len(queries)
            self.account.emit(Progress(stage, done, total, "queries"))
            yield path


def _any(rules: Sequence[pl.Expr | None]) -> pl.Expr | None:
    """What at least one rule says; what is not known counts as no."""
    there = [rule.fill_null(False) for rule in rules if rule is not None]
    return pl.any_horizontal(there) if there else None


def _deviation(found: list[Path], label: str) -> float:
    """Standard deviation of a source's scores over the run, part by part (Chan et al., 1983)."""
    count, mean, squares = 0, 0.0, 0.0
    for path in found:
        scores = (
            pl.read_parquet(path, columns=[f"{label}_score"], glob=False).to_series().drop_nulls()
        )
        values = scores.to_numpy().astype(np.float64)
        if len(values) == 0:
            continue
        total = count + len(values)
        shift = float(values.mean()) - mean
        squares += (
            float(((values - values.mean()) ** 2).sum()) + shift**2 * count * len(values) / total
        )
        mean += shift * len(values) / total
        count = total
    return (squares / count) ** 0.5 if count else 0.0


def _resolved(
    recipe: Recipe | str | Path | None,
    sources: Sequence[Source] | None,
    judges: Sequence[Judge] | None,
    estimate: Estimator | None,
    pick: Picker | None,
    seed: int | None,
) -> Recipe:
    """The recipe to carry out, with what is known judged first."""
    if recipe is None and sources is not None:
        picker = pick or cast("Picker", build("pick", {"kind": "top"}))
        recipe = Recipe(find=tuple(sources), pick=picker)
    elif not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe or "default")
    return replace(
        recipe,
        find=recipe.find if sources is None else tuple(sources),
        judge=_known_first(recipe.judge if judges is None else judges),
        estimate=estimate or recipe.estimate,
        pick=pick or recipe.pick,
        seed=recipe.seed if seed is None else seed,
    )


def _fitting(recipe: Recipe, context: Context) -> tuple[Recipe, list[str]]:
    """The recipe with others in the place of sources that are unfit for a collection; and why."""
    find: list[Source] = []
    unfit, told = set[str](), list[str]()
    for source in recipe.find:
        reason = source.unfit(context)
        instead = source.substitute() if reason else source
        find += [instead] if instead is not None else []
        if reason:
            unfit.add(source.label)
            place = (
                "is left out"
                if instead is None
                else f"is replaced by {instead.label} ({instead.kind})"
            )
            told.append(
                f"{source.label} {place}: {reason}; name one that reads them with --encoder"
            )
    if not unfit:
        return recipe, []
    reference = "" if recipe.reference in unfit else recipe.reference
    return replace(recipe, find=tuple(find), reference=reference), told


def _known_first(judges: Sequence[Judge]) -> tuple[Judge, ...]:
    """What is known is judged before everything else, in every run."""
    named = [judge for judge in judges if judge.tells_what_is_known]
    known = named[0] if named else cast("Judge", build("judge", {"kind": "known"}))
    return (known, *(judge for judge in judges if not judge.tells_what_is_known))
