"""The rows a trainer reads: texts, and what is known of them, looked up when a batch needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from negatives.arrays import Floats
from negatives.learn.redraw import Redraw
from negatives.learn.training_set import TrainingSet
from negatives.optional import require

Guide = Callable[[Any, Any], tuple[Floats, Floats]]
"""Vectors of queries int32[n] and documents int32[n, m] (rows; -1: zeros): [n, g], [n, m, g]."""


@dataclass
class TrainingRows:
    """The examples of a training set, as datasets that hold their numbers only.

    `training_set` may be replaced by one of the same examples with other negatives while a model is
    trained; the rows read from then on have those.
    """

    training_set: TrainingSet
    guide: Guide | None = None
    doc_vectors: Callable[[Any], Floats] | None = None
    """Vectors of documents int32[n, m] that stand for their texts, where their side is frozen."""
    redraw: Redraw | None = None
    """What gives every epoch other negatives; None: they stay."""
    batch: int = 0
    """The number of the batch that is read, from 0."""

    @property
    def whole(self) -> TrainingSet:
        """The examples with all negatives that any epoch has."""
        return self.training_set if self.redraw is None else self.redraw.full

    def redrawn(self, of: int, negatives: int, size: int) -> None:
        """Have other `negatives` of each list of `of` in every epoch, in batches of `size`.

        `of` 0: the same in all epochs.
        """
        if of:
            self.redraw = Redraw(self.training_set, negatives, -(-len(self.training_set) // size))
            self.before(0)

    def before(self, batch: int) -> None:
        """Have the negatives that batch number `batch`, from 0, is read with."""
        self.batch = batch
        if self.redraw is not None:
            self.training_set = self.redraw.at(batch)

    def columns(self) -> Any:
        """For encoders: query, positive, negative_1 ...; "" where there is no such negative.

        Where the documents' side is frozen: query, and doc_vectors, zeros where there is none.
        """
        return self._dataset(self._columns)

    def lists(self, soft: bool) -> Any:
        """For rerankers: query, docs (a list), and labels: 1, then 0; or a teacher's.

        `soft`: a negative's label is its p_relevant where that is known.
        """
        return self._dataset(lambda batch: self._lists(batch, soft))

    def _dataset(self, read: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
        made = require("datasets", extra="train").Dataset
        return made.from_dict({"example": np.arange(len(self.training_set))}).with_transform(read)

    def _columns(self, batch: dict[str, Any]) -> dict[str, Any]:
        example, pairs, docs = self._read(batch)
        made: dict[str, Any] = {"query": self._queries(pairs[:, 0])}
        if self.doc_vectors is not None:
            made["doc_vectors"] = list(self.doc_vectors(docs))
        else:
            names = ["positive", *(f"negative_{n}" for n in range(1, docs.shape[1]))]
            for place, name in enumerate(names):
                made[name] = self._docs(docs[:, place])
        made["example"] = example
        found = self.training_set
        made["keys"] = list(np.column_stack([found.query_keys[pairs[:, 0]], found.doc_keys[docs]]))
        made["p_relevant"] = list(np.nan_to_num(self._p(pairs), nan=0.0))
        if self.training_set.labels is not None:
            made["label"] = self.training_set.labels(pairs[:, 0], docs).tolist()
        if self.guide is not None:
            query, of_docs = self.guide(pairs[:, 0], docs)
            made |= {"guide_query": list(query), "guide_docs": list(of_docs)}
        return made

    def _lists(self, batch: dict[str, Any], soft: bool) -> dict[str, Any]:
        _, pairs, docs = self._read(batch)
        present = docs >= 0
        labels = np.zeros(docs.shape, np.float32)
        labels[:, 0] = 1
        if self.training_set.labels is not None:
            labels = self.training_set.labels(pairs[:, 0], docs)
        elif soft:
            labels = np.nan_to_num(self._p(pairs), nan=0.0)
        texts = [self._docs(row[there]) for row, there in zip(docs, present, strict=True)]
        kept = [row[there].tolist() for row, there in zip(labels, present, strict=True)]
        return {"query": self._queries(pairs[:, 0]), "docs": texts, "labels": kept}

    def _read(self, batch: dict[str, Any]) -> tuple[Any, Any, Any]:
        example = np.asarray(batch["example"])
        pairs = self.training_set.positives[example]
        return example, pairs, self.training_set.docs_of(pairs)

    def _p(self, pairs: Any) -> Floats:
        """float32[n, 1 + k]: 1 for the positive; NaN where nobody can say."""
        p = self.training_set.p_relevant[pairs[:, 0]]
        return np.column_stack([np.ones(len(p), np.float32), p])

    def _queries(self, rows: Any) -> list[str]:
        return self.training_set.collection.query_texts(rows.astype(np.uint32))

    def _docs(self, rows: Any) -> list[str]:
        texts = self.training_set.collection.corpus["text"]
        found = texts.gather(np.maximum(rows, 0).astype(np.uint32))
        absent = pl.Series(rows < 0)
        return (
            found.zip_with(~absent, pl.Series([""])).to_list() if absent.any() else found.to_list()
        )
