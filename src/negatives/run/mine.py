"""mine: a recipe carried out on a collection, into a run directory that can be resumed.

Passes over the shards: find (every source's candidates), judge (evidence and verdicts), estimate
(p_relevant, fitted on the whole run, and hardness, which needs the spread of its scores) and pick.
Each pass writes one file a shard, atomically, and skips the files that are there. Which shard comes
when changes nothing.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.engine import Engine, Mapper, carried_out
from negatives.errors import InputError
from negatives.estimation import Fitted
from negatives.events import Emit, Progress, Warned, silent
from negatives.faults import blames_input
from negatives.listening import shown
from negatives.machine import Machine
from negatives.needs import partly_unmet, refuse_unmet
from negatives.opening import Context
from negatives.read import load
from negatives.read.loading import Data
from negatives.recipe import Recipe
from negatives.recipe_changes import adjusted
from negatives.run import passes
from negatives.run.account import Account
from negatives.run.automatic import AUTO, automatic
from negatives.run.blamed import blamed
from negatives.run.claim import claimed, is_there, run_folder
from negatives.run.engine import engine_named, refuse_scripts
from negatives.run.generated import add_generated, refuse_layer
from negatives.run.inputs import collection_of
from negatives.run.making import refuse_other
from negatives.run.opened import COLLECTION, Opened, RunPlan
from negatives.run.picking import finish
from negatives.run.reference_scorer import ReferenceScorer
from negatives.run.resolved import fitting, refuse_idle, resolved
from negatives.run.scores import check_scores
from negatives.run.shards import (
    judge_shard,
    ledger_shard,
    no_candidates,
    pick_shard,
)
from negatives.schema import Collection, check_collection
from negatives.stage import Estimator, Judge, Picker, Source
from negatives.store.atomic import remove_partial, write_text
from negatives.store.fingerprints import refuse_unlabelled
from negatives.store.handed_over import fingerprint_of
from negatives.store.lock import locked
from negatives.store.manifest import DONE, REPORTING, RUNNING, table_rows
from negatives.store.run import RECIPE, WORK, Run

CANDIDATES: Final = 65_536
MOST_QUERIES: Final = 4096
"""In one shard, about, where the recipe does not say how many queries: few enough that a shard fits
in the least memory, enough that what each of them costs beside its rows is nothing."""
LARGE: Final = 500_000
"""Documents from which on one search keeps all processors busy, and two would each read them."""


def mine(
    data: Data,
    out: str | Path,
    *,
    recipe: Recipe | str | Path | None = None,
    per_query: int | None = None,
    max_false: float | None = None,
    max_p: float | None = None,
    encoder: str | None = None,
    settings: Mapping[str, Any] | Sequence[str] | None = None,
    sources: Sequence[Source] | None = None,
    judges: Sequence[Judge] | None = None,
    estimate: Estimator | None = None,
    pick: Picker | None = None,
    seed: int | None = None,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    engine: str | Engine = "local",
    workers: int | None = None,
    address: str = "",
    corpus_shard: int = 0,
    overwrite: bool = False,
    emit: Emit = shown,
) -> Run:
    """Find, judge and pick negatives for every query of `data` that has a positive.

    `data` is what `Collection.load` takes: a path, a collection, a frame of pandas or polars, a
    dataset, or a dictionary of queries, corpus and qrels. `per_query`, `max_false`, `max_p` and
    `encoder` change single settings of the recipe, as the options of `negatives mine` do, and so
    does `settings`, by their paths: `{"find.bm25.top": 200}`. `sources`, `judges`, `estimate`,
    `pick` and `seed` replace those of `recipe` (a shipped name, the path of a .toml file, or a
    `Recipe`; `default` where no sources are given). `out` becomes a run directory; called again
    with the same inputs and recipe it finishes what is unfinished, with others it raises `RunError`
    saying what differs, unless `overwrite`. `threads` (default: all) and `memory` change no byte of
    the result; `device` (`auto`, `cpu`, `cuda`) is where models and searches run. `engine`
    ("local", "processes" or "ray") says what carries the passes out, on so many `workers` at a
    time, by default as many as `threads`; `address` is that of a Ray cluster, without which one is
    started here. Exact dense search takes `corpus_shard` documents at a time (0: all), each part of
    them with each part of the queries. None of these changes a byte. The run that comes back lacks
    its report, unless it was finished before.
    """
    machine = Machine.checked(threads, memory, device)
    chosen = engine_named(engine, workers, address, machine)
    if corpus_shard < 0:
        raise InputError(
            f"{corpus_shard} documents at a time", where="--corpus-shard", fix="give 0 for all"
        )
    if recipe == AUTO and sources is None:
        data = check_collection(load(data))
        recipe = automatically(data, machine, encoder, emit)
    recipe = resolved(recipe, sources, judges, estimate, pick, seed)
    recipe = adjusted(
        recipe,
        settings or {},
        per_query=per_query,
        encoder=encoder,
        max_false=max_false,
        max_p=max_p,
        seed=seed,
        emit=emit,
    )
    if recipe.round:
        emit(Warned("mined once: the rounds of the recipe are followed by `negatives train`"))
    refuse_idle(recipe)
    collection = check_collection(load(data))
    refuse_unlabelled(collection)
    refuse_unmet((*recipe.find, *recipe.make, *recipe.judge), collection)
    refuse_other("documents", recipe.make)
    refuse_layer(recipe, collection)
    stages = (*recipe.find, *recipe.make, *recipe.judge, recipe.estimate, recipe.pick)
    refuse_scripts(chosen, stages)
    path = Path(out)
    folder = run_folder(path)
    folder.refuse_file()
    recipe, replaced = fitting(recipe, Context(collection, path / WORK, seed=recipe.seed))
    recipe.refuse_unnamed()
    with ExitStack() as stack:
        stack.enter_context(locked(path))
        folder.refuse_foreign(known=is_there(path), overwrite=overwrite)
        mapper = stack.enter_context(chosen.started())
        account = Account(path, claimed(folder, collection, recipe, overwrite, emit), emit)
        data = fingerprint_of(account.manifest.inputs)
        here, share = path.absolute(), machine.shared(chosen.workers)
        plan = RunPlan(here, recipe, share, here / COLLECTION, data, corpus_shard)
        work = _Mining(Opened(plan, collection, machine, account.hear, mapper), mapper, account)
        try:
            for text in replaced:
                account.warn(text)
            work.carry_out()
        except Exception as error:
            if blames_input(error) and not account.manifest.files:
                folder.wipe()  # no part was finished: nothing new is left
            raise
    return Run.of(path, account.manifest, collection)


def automatically(
    collection: Collection, machine: Machine, encoder: str | None, emit: Emit
) -> Recipe:
    """The recipe that the data speak for (`automatic`); which, and why, is a `Warned` event."""
    refuse_unlabelled(collection)
    recipe, why = automatic(collection, partial(mine, **asdict(machine), emit=silent), encoder)
    emit(Warned(why))
    return recipe


@dataclass(frozen=True)
class _Mining:
    """One call of `mine`: what is open here, what carries the passes out, and the account."""

    opened: Opened
    engine: Mapper
    account: Account

    @property
    def recipe(self) -> Recipe:
        """The recipe that is carried out."""
        return self.opened.recipe

    @property
    def collection(self) -> Collection:
        """What it is carried out on."""
        return self.opened.collection

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.account.run

    def carry_out(self) -> None:
        """All that is not done yet; scratch files go when the run is done."""
        remove_partial(self.path)
        run = Run.of(self.path, self.account.manifest, self.collection)
        status = run.manifest.status
        if status not in (REPORTING, DONE):
            parts = self._whole_ledger() if status == RUNNING else run.parts
            collection = collection_of(run) if self.recipe.relabel else None
            finish(self.account, self.recipe, parts, collection, self.engine)
        shutil.rmtree(self.path / WORK, ignore_errors=True)

    def _whole_ledger(self) -> list[Path]:
        """The parts of the ledger, with the documents that the recipe's generators write."""
        return add_generated(self.account, self.opened, self._ledger(), self.engine)

    def _ledger(self) -> list[Path]:
        """All passes but the last; the parts of the ledger."""
        counts, collection = self.account.manifest.counts, self.collection
        counts.queries = len(collection.mined_queries)
        counts.documents = len(collection.corpus) - len(collection.empty_docs)
        self.account.save()
        write_text(self.path / RECIPE, self.recipe.to_toml())
        reading = (*self.recipe.find, *self.recipe.judge)
        for note in (*self.collection.notes, *partly_unmet(reading, self.collection)):
            self.account.warn(note)
        self._open()
        self._rehearse()
        self._find()
        if self.recipe.estimate is not None:
            with self.account.stage("open estimate"):
                _ = self.opened.estimation
        with self.account.stage("judge"):
            alone = any(judge.takes_all for judge in self.recipe.judge)
            judged = self._over("judge", passes.judge, "judged", alone=alone)
        return self._estimate(judged)

    def _open(self) -> None:
        """Open what may turn out not to be there, models and their servers, before any work."""
        for source in self.recipe.find:
            with blamed(source):
                source.refuse_absent(self.opened.finding(source))
        for generator in self.recipe.make:
            context = self.opened.writing(generator)
            with self.account.stage(f"open {generator.label}"), blamed(generator):
                generator.ready(context)
                generator.refuse_absent(context)
        for place, judge in enumerate(self.recipe.judge):
            with blamed(judge):
                judge.refuse_absent(self.opened.judging(place))
        # Others encode the texts when they are opened, which takes a while.
        models_first = sorted(enumerate(self.recipe.judge), key=lambda each: not each[1].takes_all)
        for place, judge in models_first:
            with self.account.stage(f"open {judge.kind}"), blamed(judge):
                self.opened.judge(place)

    @cached_property
    def shards(self) -> list[passes.Shard]:
        """The parts of the queries."""
        queries, size = self.collection.mined_queries, self.recipe.shard
        if not size:
            proposed = sum(source.proposes for source in self.recipe.find)
            size = int(np.clip(CANDIDATES // max(proposed, 1), 1, MOST_QUERIES))
        starts = range(0, len(queries), size)
        return [passes.Shard(n, queries[at : at + size]) for n, at in enumerate(starts)]

    def _find(self) -> list[Path]:
        for label in self.opened.labels:
            with self.account.stage(f"open {label}"):
                self.opened.source(label)
        opened = self.opened.sources
        self.account.same_sources({k: p.fingerprint for k, p in opened.items()})
        self.account.save()  # what was said on the way is not said again when the run goes on
        if any(self.opened.ranges(label) for label in self.opened.labels):
            self._tiles()
        on_processors = self.opened.machine.device in ("auto", "cpu")
        alone = len(self.collection.corpus) > LARGE or not on_processors
        parts = self._over("find", passes.find, "found", alone=alone)
        for warning in check_scores(parts, self.recipe.find, self.collection.name):
            self.account.warn(warning)
        return parts

    def _rehearse(self) -> None:
        """Judge and pick among no candidates, so that a wrong name is found before the work is."""
        label = self.recipe.reference_scorer
        found = no_candidates(self.opened.labels)
        rulings = [self.opened.judge(place) for place in range(len(self.recipe.judge))]
        judged = judge_shard(self.collection, rulings, found)
        part = ledger_shard(self.collection, ReferenceScorer(label, 1.0), judged, None)
        pick_shard(self.recipe.pick, self.recipe.seed, label, 0, part)

    def _estimate(self, judged: list[Path]) -> list[Path]:
        """The ledger: p_relevant, where the recipe estimates it, and hardness."""
        label = self.recipe.reference_scorer
        reference = ReferenceScorer.of(label, judged)
        facts = self.account.manifest.facts
        facts.reference, facts.reference_deviation = label, reference.deviation
        fitted = self._fitted(judged)
        with self.account.stage("estimate"):
            return self._over("estimate", passes.estimate, "", fitted, reference, alone=False)

    def _fitted(self, judged: list[Path]) -> Fitted | None:
        """The recipe's estimator, fitted on the run; None where it has none."""
        if self.recipe.estimate is None:
            self.account.warn(
                "p_relevant is null: no stage of this recipe estimates the probability of relevance"
            )
            return None
        estimation = self.opened.estimation
        with self.account.stage("fit"):
            rows = pl.scan_parquet(judged, glob=False).select(pl.len()).collect().item()
            numbers = range(len(judged))
            return estimation.fit((passes.prepared_rows(self.opened, n) for n in numbers), rows)

    def _over(
        self,
        do: str,
        function: Callable[..., passes.Entry],
        folder: str,
        *learned: object,
        alone: bool = True,
    ) -> list[Path]:
        """Carry a pass out on every shard that has no file of it; the files of all shards.

        In a folder of scratch files, or, where that has no name, among the ledger's parts.
        """
        if folder:
            files = {self.opened.path(folder, shard.number): shard for shard in self.shards}
            lacking = [shard for path, shard in files.items() if table_rows(path) is None]
        else:
            files = {passes.ledger_path(self.path, shard.number): shard for shard in self.shards}
            lacking = [shard for path, shard in files.items() if not self.account.holds(path)]
        one = partial(function, self.opened, *learned)
        total = len(self.collection.mined_queries)
        for entry in self._carried_out(do, one, lacking, total, alone=alone):
            if not folder:
                name = entry.path.relative_to(self.opened.plan.path)
                self.account.enter(self.path / name, entry.rows)
        return list(files)

    def _tiles(self) -> None:
        """Ask the sources that are asked in ranges of documents."""
        parts = {
            passes.tile_path(self.opened, label, shard.number, start): passes.TilePart(
                shard.number, shard.queries, label, start, stop
            )
            for label in self.opened.labels
            for shard in self.shards
            for start, stop in self.opened.ranges(label)
        }
        lacking = [part for path, part in parts.items() if not path.exists()]
        total = sum(len(part.queries) for part in parts.values())
        with self.account.stage("search in tiles"):
            for _ in self._carried_out("search", partial(passes.tile, self.opened), lacking, total):
                pass

    def _carried_out(
        self,
        do: str,
        one: Callable[[Any], passes.Entry],
        items: Sequence[passes.Shard],
        total: int,
        *,
        alone: bool = True,
    ) -> Iterator[passes.Entry]:
        """The entries of items, of `total` queries with those that are done, once accounted for."""
        done = total - sum(len(item.queries) for item in items)
        self.account.emit(Progress(do, done, total, "queries"))
        where, told = str(self.path), time.perf_counter()
        for entry in carried_out(
            self.engine, one, items, do=do, name=self._named, where=where, alone=alone
        ):
            for event in entry.events:
                self.account.hear(event)
            # Of items worked on side by side each has a share of the time that passes.
            passed, told = time.perf_counter() - told, time.perf_counter()
            share = min(1.0, passed / max(sum(entry.seconds.values()), 1e-9))
            for label, seconds in entry.seconds.items():
                self.account.spend(f"{do} {label}", rows=0, seconds=seconds * share)
            yield entry
            done += entry.queries
            self.account.emit(Progress(do, done, total, "queries"))

    def _named(self, shard: passes.Shard) -> str:
        ids = self.collection.queries["query_id"].gather(shard.queries[[0, -1]])
        among = ""
        if isinstance(shard, passes.TilePart):
            among = f", documents {shard.start:,} to {shard.stop - 1:,}"
        return f"part {shard.number} (queries {ids[0]} to {ids[1]}{among})"
