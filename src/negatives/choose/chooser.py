"""What a chooser is, and what it is given: the training examples, and what is known of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Floats, Places
from negatives.batch.examples import Examples
from negatives.batch.student_lists import student_lists
from negatives.chance import pair_uniforms
from negatives.errors import RecipeError
from negatives.events import Emit, silent
from negatives.machine import MODEST, Machine
from negatives.stage import Stage
from negatives.stats.linear_student import Lists

Vectors = Callable[[str], tuple[Floats, Floats]]
"""Unit vectors of queries and of documents, by their numbers, of an encoder by its name (empty: the
model that is trained)."""


@dataclass(frozen=True)
class Pool:
    """n training examples to choose among; rows are in no order that means anything."""

    examples: Examples
    pairs: pl.DataFrame
    """query_id and doc_id (the positive's) of each example."""
    query_texts: Callable[[Places], list[str]]
    """Texts of the queries of some examples, by row."""
    doc_texts: Callable[[Places], list[str]]
    """Texts of their positives."""
    scratch: Path
    """A folder for what is worth keeping until the training is done."""
    query_field: Callable[[str], pl.Series] | None = None
    """The values of a field of queries, by example."""
    encoded: Vectors | None = None
    seed: int = 0
    machine: Machine = MODEST
    emit: Emit = field(default=silent, compare=False)

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def in_order(self) -> Places:
        """int64[n]: rows in the order of their ids, by which ties are broken."""
        numbered = self.pairs.with_row_index("row").sort("query_id", "doc_id")
        return numbered["row"].to_numpy().astype(np.int64)

    def draw(self, stream: str) -> Doubles:
        """float64[n] in (0, 1): depends on seed, stream and ids only."""
        return pair_uniforms(self.pairs, self.seed, f"choose/{stream}")

    def shuffled(self, stream: str, rows: Places | None = None) -> Places:
        """`rows` (None: all) in an order by chance that depends on seed, stream and ids only."""
        rows = self.in_order if rows is None else rows
        return rows[np.argsort(self.draw(stream)[rows], kind="stable")]

    @cached_property
    def lists(self) -> Lists:
        """The examples as a linear student sees them, by the vectors of the model to be trained."""
        return self.lists_by("")

    def lists_by(self, encoder: str) -> Lists:
        """The same by another encoder's vectors; empty: the model that is trained."""
        return student_lists(self.examples, *self._vectors(encoder))

    def vectors(self, encoder: str = "") -> tuple[Floats, Floats]:
        """float32[n, dim] of the query of each example, float32[documents, dim] of documents."""
        queries, docs = self._vectors(encoder)
        return np.ascontiguousarray(queries[self.examples.query], np.float32), docs

    def _vectors(self, encoder: str) -> tuple[Floats, Floats]:
        if self.encoded is None:
            raise RecipeError(
                "choosing these examples needs vectors of their texts, and there are none",
                where="[choose]",
                fix='train with an encoder, or use kind = "random"',
            )
        return self.encoded(encoder)

    def best(self, values: Doubles, count: int) -> Places:
        """int64[m]: up to `count` rows of highest value, ties by id; never one of value NaN."""
        rows = self.in_order[~np.isnan(values[self.in_order])]
        return rows[np.argsort(-values[rows], kind="stable")[:count]]


class Chooser(Stage, kw_only=True):
    """Decides which training examples a model learns from: a pair of query and positive each.

    To write one, define `choose`, and `ready` where it needs a model besides the trained one. What
    is not chosen stays known to be relevant: no negative of another example is ever a positive that
    was left out.
    """

    section: ClassVar[str] = "choose"

    share: Annotated[
        float, Meta(gt=0, le=1, description="of the training examples that are learned from")
    ] = 0.3
    count: Annotated[
        int, Meta(ge=0, description="examples that are learned from; 0: as `share` says")
    ] = 0

    def budget(self, examples: int) -> int:
        """How many of so many examples are asked for."""
        return min(examples, self.count or max(1, round(self.share * examples)))

    def ready(self, machine: Machine, emit: Emit) -> None:
        """Raise where it could not choose, before any work: for want of a model, say."""

    @abstractmethod
    def choose(self, pool: Pool, count: int) -> tuple[Places, dict[str, Any]]:
        """int64[m]: up to `count` rows in the order of choice, and what the account should say.

        Draws depend on the seed and on ids only; ties break by id.
        """
