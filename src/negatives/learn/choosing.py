"""The examples of a training, without those that the recipe's [choose] stage leaves out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from negatives.choose.chooser import Chooser, Pool
from negatives.errors import DataError
from negatives.events import Emit, Progress, Warned
from negatives.learn.training_set import TrainingSet
from negatives.learn.vectors import Vectors
from negatives.machine import Machine


def choose_examples(
    chooser: Chooser,
    found: TrainingSet,
    vectors: Callable[[str], Vectors],
    *,
    model: str,
    scratch: Path,
    seed: int,
    machine: Machine,
    emit: Emit,
) -> tuple[TrainingSet, dict[str, Any]]:
    """The examples that are learned from, and what the training's account says of the choice.

    `vectors`: of an encoder by its name; `model` is the one that is trained. Raises `DataError`
    where nothing is chosen: learning from nothing is no training.
    """
    emit(Progress("choose", 0, len(found), "examples"))
    pool = pool_of(
        found, vectors, model=model, scratch=scratch, seed=seed, machine=machine, emit=emit
    )
    asked = chooser.budget(len(found))
    rows, told = chooser.choose(pool, asked)
    if not len(rows):
        raise DataError(
            f"none of the {len(found):,} training examples is chosen",
            where=f"[choose] {chooser.kind}",
            fix="change its settings, or leave [choose] out to learn from all of them",
        )
    if len(rows) < asked:
        emit(Warned(f"{len(rows):,} of the {asked:,} examples that were asked for are chosen"))
    emit(Progress("choose", len(found), len(found), "examples"))
    about = {"kind": chooser.kind, "of": len(found), "examples": len(rows), **told}
    return found.only(np.sort(rows)), about


def pool_of(
    found: TrainingSet,
    vectors: Callable[[str], Vectors],
    *,
    model: str,
    scratch: Path,
    seed: int,
    machine: Machine,
    emit: Emit,
) -> Pool:
    """The examples as a chooser is given them; nothing is encoded before it asks."""
    data, pairs = found.collection, found.positives
    query, doc = pairs[:, 0].astype(np.uint32), pairs[:, 1].astype(np.uint32)
    frame = data.queries.select("query_id")[query].with_columns(
        doc_id=data.corpus["doc_id"].gather(doc)
    )

    def encoded(encoder: str) -> Any:
        made = vectors(encoder)
        return made.all_queries(), made.all_docs()

    return Pool(
        examples=found.examples,
        pairs=frame,
        query_texts=lambda rows: data.query_texts(query[rows]),
        doc_texts=lambda rows: data.doc_texts(doc[rows]),
        query_field=lambda name: data.queries[name].gather(query),
        encoded=lambda encoder: encoded(encoder or model),
        scratch=scratch,
        seed=seed,
        machine=machine,
        emit=emit,
    )
