"""A run open in one process: its collection, and the stages of its recipe opened on it.

Sent to another process it travels as its plan (names and settings, nothing that is large), and is
opened there anew: what it takes lies in the run's scratch folder, the collection, which is written
when it is first sent, and an index or vectors, which the main process has built before.
"""

from __future__ import annotations

import hashlib
import pickle  # only between a process and the ones it started
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from negatives.arrays import Rows
from negatives.compiling import leave_room
from negatives.engine import Local, Mapper
from negatives.estimation import Estimation
from negatives.events import Emit, Event, Progress
from negatives.generator import Generator
from negatives.machine import Machine
from negatives.opening import Context, EstimateContext, JudgeContext, Proposer, Ruling, Tiled
from negatives.recipe import Recipe
from negatives.schema import Collection
from negatives.stage import Source
from negatives.store.atomic import make_folder
from negatives.store.handed_over import hand_over, taken_over
from negatives.store.run import WORK


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What another process needs to open a run; `machine` is its share of what may be used.

    `collection`: the folder in which the collection lies for other processes, and `data`, its
    fingerprint. `corpus_shard`: documents that are searched at one time where a source can do that;
    0: all.
    """

    path: Path
    recipe: Recipe
    machine: Machine
    collection: Path
    data: str
    corpus_shard: int = 0


class Opened:
    """A run's collection, sources, judges and estimator, each opened when it is first asked for."""

    def __init__(
        self,
        plan: RunPlan,
        collection: Collection,
        machine: Machine,
        emit: Emit | None = None,
        engine: Mapper | None = None,
    ) -> None:
        self.plan = plan
        self.collection = collection
        self.machine = machine
        leave_room(machine.memory)
        self.recipe = plan.recipe
        self._engine = engine or Local()
        self._emit = emit or self._keep
        self._heard: list[Event] = []
        self._sources: dict[str, Proposer] = {}
        self._judges: dict[int, Ruling] = {}

    def __reduce__(self) -> tuple[object, ...]:
        hand_over(self.collection, self.plan.collection, self.plan.data)
        return _opened_again, (self.plan,)

    def path(self, folder: str, number: int) -> Path:
        """Where the part of a shard lies in a scratch folder."""
        return self.plan.path / WORK / folder / f"part-{number:05d}.parquet"

    def ranges(self, label: str) -> list[tuple[int, int]]:
        """The ranges of documents in which a source is asked; none where that is at once."""
        size, documents = self.plan.corpus_shard, len(self.collection.corpus)
        if not 0 < size < documents or not isinstance(self.source(label), Tiled):
            return []
        return [(at, min(at + size, documents)) for at in range(0, documents, size)]

    @contextmanager
    def listening(self) -> Iterator[list[Event]]:
        """What stages say meanwhile, where nobody hears it at once; what they said before is known.

        The main process has opened the same stages, and heard what they say of it.
        """
        self._heard.clear()
        yield self._heard

    @property
    def sources(self) -> Mapping[str, Proposer]:
        """The sources by their label."""
        self.open_sources()
        return self._sources

    def open_sources(self) -> None:
        """Open those that are not."""
        for label in self.labels:
            self.source(label)

    @property
    def labels(self) -> list[str]:
        """What the sources are called, in the order of the recipe."""
        return [source.label for source in self.recipe.find]

    def source(self, label: str) -> Proposer:
        """One source, which may look at those before it."""
        if label not in self._sources:
            stage = self.recipe.find[self.labels.index(label)]
            self._sources[label] = stage.open(self.finding(stage))
        return self._sources[label]

    def finding(self, source: Source) -> Context:
        """What a source of the recipe is given."""
        return Context(**self._shared(f"find-{source.label}"))

    @cached_property
    def never(self) -> Mapping[str, Rows]:
        """By source, the documents of which it has nothing to compare."""
        find = self.recipe.find
        return {each.label: self.collection.unproposable(each.needs) for each in find}

    @property
    def judges(self) -> list[tuple[str, Ruling]]:
        """The judges by their kinds, in the order of the recipe, who may ask the sources."""
        self.open_sources()
        return [self.judge(place) for place in range(len(self.recipe.judge))]

    def judge(self, place: int) -> tuple[str, Ruling]:
        """The judge at a place of the recipe."""
        stage = self.recipe.judge[place]
        if place not in self._judges:
            self._judges[place] = stage.open(self.judging(place))
        return stage.kind, self._judges[place]

    def judging(self, place: int) -> JudgeContext:
        """What the judge at a place of the recipe is given."""
        kind = self.recipe.judge[place].kind
        return JudgeContext(**self._for_judge(f"judge-{place}-{kind}"))

    def writing(self, generator: Generator) -> Context:
        """What a generator of the recipe is given to write documents."""
        return Context(**self._shared(f"made/{generator.label}"))

    @cached_property
    def estimation(self) -> Estimation:
        """The estimator, which the recipe must have; it may ask the sources."""
        assert self.recipe.estimate is not None
        self.open_sources()
        return self.recipe.estimate.open(self._for_estimator())

    def _keep(self, event: Event) -> None:
        if not isinstance(event, Progress):
            self._heard.append(event)

    def _shared(self, scratch: str) -> dict[str, Any]:
        """What every stage is told."""
        return {
            "collection": self.collection,
            "scratch": make_folder(self.plan.path / WORK / scratch),
            "machine": self.machine,
            "engine": self._engine,
            "seed": self.recipe.seed,
            "emit": self._emit,
        }

    def _for_judge(self, scratch: str) -> dict[str, Any]:
        """What judges and estimators are told besides."""
        reference = self.recipe.reference_source
        return {
            **self._shared(scratch),
            "reference": reference,
            "sources": self._sources,
            "saw_labels": frozenset(each.label for each in self.recipe.find if each.saw_labels),
        }

    def _for_estimator(self) -> EstimateContext:
        find, judges = self.recipe.find, self.recipe.judge
        copies = [judge.copies for judge in judges]
        there = [rule.fill_null(False) for rule in copies if rule is not None]
        return EstimateContext(
            **self._for_judge("estimate"),
            evidence={name: sign for judge in judges for name, sign in judge.evidence.items()},
            copies=pl.any_horizontal(there) if there else None,
            blind=frozenset(each.label for each in find if each.blind),
        )


COLLECTION = f"{WORK}/collection"
"""Where in a run's folder the collection lies for other processes, once one is sent work."""

_HERE: dict[str, Opened] = {}
"""The run that this process has opened last, by its plan: pass after pass finds it open."""


def _opened_again(plan: RunPlan) -> Opened:
    name = hashlib.blake2b(pickle.dumps(plan), digest_size=16).hexdigest()
    if name not in _HERE:
        _HERE.clear()
        collection = taken_over(plan.collection, plan.data)
        _HERE[name] = Opened(plan, collection, plan.machine)
    return _HERE[name]
