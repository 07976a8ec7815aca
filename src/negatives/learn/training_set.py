"""What a model is trained on: the examples of a collection, as numbers, and their texts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Doubles, Floats, Keys
from negatives.batch.examples import Examples, Numbers
from negatives.batch.places import on_earth
from negatives.errors import DataError, RunError
from negatives.export.masks import TextIds
from negatives.learn.known import KnownPairs
from negatives.run.inputs import collection_of
from negatives.schema import Collection
from negatives.store.run import RELABELLED_FILE, Run
from negatives.text.keys import normalised_keys

_PARENT: Final = "parent"
_DEGREES: Final = ("latitude", "longitude")
NOTHING: Final = pl.DataFrame(
    schema={
        "query_id": pl.String,
        "doc_id": pl.String,
        "position": pl.Int16,
        "p_relevant": pl.Float32,
    }
)
"""No mined negatives at all: the control."""


@dataclass(frozen=True)
class TrainingSet:
    """One example for each pair of a query and a positive, with the query's negatives.

    Numbers of documents and queries are row numbers of the collection; of several that are the
    same (`Collection.keys`), the first.
    """

    collection: Collection
    positives: Numbers
    """int32[n, 2]: query and document of each example."""
    negatives: Numbers
    """int32[queries, k]: negatives of each query of the collection; -1 where there are fewer."""
    p_relevant: Floats
    """float32[queries, k]: how probably each of them is relevant; NaN where nobody can say."""
    labels: Callable[[Numbers, Numbers], Floats] | None = field(default=None, repr=False)
    """Of query int32[n] and documents int32[n, m]: a teacher's score of each pair."""
    about: dict[str, Any] = field(default_factory=dict)
    """What the training's account says of the negatives."""
    left_out: Numbers | None = field(default=None, repr=False)
    """int32[m, 2]: relevant pairs that are not learned from, and yet are no negatives."""

    @cached_property
    def doc_number(self) -> NDArray[np.int64]:
        """By row of the corpus: the number of its text."""
        return TextIds(self.collection).first.to_numpy().astype(np.int64)

    @cached_property
    def query_number(self) -> NDArray[np.int64]:
        """By row of the queries: the number of its text."""
        _, first, which = np.unique(self.query_keys, return_index=True, return_inverse=True)
        return np.asarray(first[which], np.int64)

    @cached_property
    def _relevant(self) -> NDArray[np.int64]:
        """int64[p, 2]: query and document, by row, of the qrels and of the examples."""
        pairs = [self.collection.positives.to_numpy(), self.positives]
        if self.left_out is not None:
            pairs.append(self.left_out)
        return np.concatenate(pairs).astype(np.int64)

    @cached_property
    def query_keys(self) -> Keys:
        """uint64[queries]: equal where queries are the same (`Collection.keys`)."""
        return self.collection.keys("queries")

    @cached_property
    def doc_keys(self) -> Keys:
        """uint64[documents + 1]: equal where documents are the same; the last is no document's."""
        return np.append(self.collection.keys("docs"), normalised_keys(pl.Series([""])))

    @cached_property
    def known(self) -> KnownPairs:
        """Every pair known to be relevant, by key: of all qrels, and what was relabelled."""
        pairs = self._relevant
        return KnownPairs.of_pairs(self.query_keys[pairs[:, 0]], self.doc_keys[pairs[:, 1]])

    @cached_property
    def bank(self) -> Numbers:
        """int32[m]: documents that can be a negative, each of those that are the same once."""
        rows = np.unique(self.doc_number)
        return np.setdiff1d(rows, self.collection.empty_docs).astype(np.int32)

    @property
    def doc_parents(self) -> Callable[[], NDArray[np.int64]] | None:
        """Numbers of their parents, by row; None where the corpus has no field `parent`."""
        corpus = self.collection.corpus
        if _PARENT not in corpus.columns:
            return None
        said = pl.col(_PARENT).cast(pl.String)
        rank = (said.rank("dense") - 1).cast(pl.Int64).fill_null(-1)
        return lambda: corpus.select(rank).to_series().to_numpy()

    @property
    def doc_places(self) -> Callable[[], Doubles] | None:
        """Where on the earth they are (`batch.places`), by row; None where the corpus has no fields
        `latitude` and `longitude`.
        """
        corpus = self.collection.corpus
        if not {*_DEGREES} <= {*corpus.columns}:
            return None
        degrees = corpus.select(pl.col(_DEGREES).cast(pl.Float64).fill_null(np.nan))
        return lambda: on_earth(*(degrees[name].to_numpy() for name in _DEGREES))

    @property
    def width(self) -> int:
        """Documents of an example: its positive and its negatives."""
        return 1 + int(self.negatives.shape[1])

    def __len__(self) -> int:
        return len(self.positives)

    @cached_property
    def examples(self) -> Examples:
        """The examples as a batcher sees them."""
        query = self.query_number[self.positives[:, 0]]
        rows = np.column_stack([self.positives[:, 1], self.negatives[self.positives[:, 0]]])
        docs = np.where(rows < 0, -1, self.doc_number[rows])
        pairs = self._relevant
        known = np.column_stack([self.query_number[pairs[:, 0]], self.doc_number[pairs[:, 1]]])
        return Examples(
            query=query.astype(np.int32),
            docs=docs.astype(np.int32),
            known=np.unique(known, axis=0).astype(np.int32),
        )

    def docs_of(self, pairs: Numbers) -> Numbers:
        """int32[n, width]: of pairs int32[n, 2], the positive and then the query's negatives."""
        return np.column_stack([pairs[:, 1], self.negatives[pairs[:, 0]]])

    @cached_property
    def digest(self) -> str:
        """A hash of the examples: pairs, negatives, p_relevant, and a teacher's scores of them."""
        made = hashlib.blake2b(digest_size=16)
        tables = [self.positives, self.negatives, self.p_relevant]
        if self.labels is not None:
            tables.append(self.labels(self.positives[:, 0], self.docs_of(self.positives)))
        for table in tables:
            made.update(np.ascontiguousarray(table).tobytes())
        return made.hexdigest()

    def with_same_texts(self, other: TrainingSet) -> TrainingSet:
        """`other`, of the same collection and positives, with what has been found out of these."""
        for name in _OF_TEXTS:
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    def with_negatives(self, negatives: pl.DataFrame, width: int) -> TrainingSet:
        """The same examples with other negatives, `width` a query at most."""
        rows, p = _by_query(self.collection, negatives, width)
        return self.with_same_texts(replace(self, negatives=rows, p_relevant=p))

    def only(self, rows: NDArray[Any]) -> TrainingSet:
        """Some of the examples, by number; the others stay known to be relevant."""
        others = np.delete(self.positives, rows, axis=0)
        left_out = others if self.left_out is None else np.concatenate([self.left_out, others])
        return replace(self, positives=self.positives[rows], left_out=left_out)

    def name(self, numbers: list[int]) -> str:
        """The queries of some examples, for a message."""
        ids = self.collection.queries["query_id"]
        return ", ".join(f"{n} (query {ids[int(self.positives[n, 0])]!r})" for n in numbers)


_OF_TEXTS: Final = ("doc_number", "query_number", "query_keys", "doc_keys", "known", "bank")
"""What does not depend on the negatives, and takes time."""


def training_set(
    collection: Collection, negatives: pl.DataFrame, width: int, extra: pl.DataFrame | None = None
) -> TrainingSet:
    """The examples of a collection: its positives, and those of `extra` (query_id, doc_id).

    `negatives` has query_id, doc_id, position and p_relevant; the first `width` of a query are
    taken. Raises `DataError` where there is nothing to learn from.
    """
    pairs = collection.positives
    if extra is not None:
        more = collection.rows_of(extra.select("query_id", "doc_id"))
        pairs = pl.concat([pairs, more.select("query", "doc")]).unique().sort("query", "doc")
    pairs = pairs.filter(~pl.col("doc").is_in(collection.empty_docs.tolist()))
    if pairs.is_empty():
        raise DataError(
            "no query has a positive, so there is nothing to learn from",
            where=f"collection {collection.name!r}",
            fix="name a split with positives, such as DATA@train",
        )
    rows, p = _by_query(collection, negatives, width)
    return TrainingSet(collection, pairs.to_numpy().astype(np.int32), rows, p)


def picked(run: Run) -> pl.DataFrame:
    """The negatives of a run; `DataError` where it left none, which says why and what to change."""
    if not run.negatives.is_empty():
        return run.negatives
    verdicts = run.manifest.counts.verdicts
    told = ", ".join(f"{count:,} {verdict}" for verdict, count in verdicts.items() if count)
    causes = run.manifest.facts.shortfall
    why = f": {causes[0].about}" if causes else ""
    raise DataError(
        f"the recipe {run.recipe.name!r} left no negative to learn from{why}",
        where=f"{run.path}, candidates: {told or 'none'}",
        fix="; or ".join(
            [*[cause.fix for cause in causes[:1]], "train without mined negatives: --control none"]
        ),
    )


def of_run(run: Run, width: int, labels: str = "") -> TrainingSet:
    """The examples of a run; what it relabelled is positive. `labels`: a column of its ledger.

    With a `width` of 0 it has no negatives; else `DataError` where the run has none.
    """
    extra = run.relabelled if RELABELLED_FILE in run.manifest.files else None
    negatives = picked(run).filter(pl.col("position") < width) if width else NOTHING
    made = training_set(collection_of(run), negatives, width, extra)
    shares = negatives["p_relevant"].drop_nulls()
    about = {
        "run": run.path.name,
        "recipe": run.recipe.name,
        "negatives": len(negatives),
        "expected_false": float(shares.mean()) if len(shares) else None,  # type: ignore[arg-type]
    }
    scores = teacher(run, labels) if labels else None
    return replace(made, about=about if width else {}, labels=scores)


def _by_query(
    collection: Collection, negatives: pl.DataFrame, width: int
) -> tuple[Numbers, Floats]:
    frame = negatives.filter(pl.col("position") < width)
    width = min(width, len(collection.corpus))  # no query has more, whatever is asked for
    rows = collection.rows_of(frame.select("query_id", "doc_id", "position", "p_relevant"))
    made = np.full((len(collection.queries), width), -1, np.int32)
    p = np.full(made.shape, np.nan, np.float32)
    at = (rows["query"].to_numpy(), rows["position"].to_numpy())
    made[at] = rows["doc"].to_numpy()
    p[at] = rows["p_relevant"].fill_null(float("nan")).to_numpy()
    return made, p


def teacher(run: Run, column: str) -> Callable[[Numbers, Numbers], Floats]:
    """Scores of pairs by a column of a run's ledger; NaN of pairs that are not in it."""
    columns = run.candidates().collect_schema()
    if column not in columns or not columns[column].is_numeric():
        numeric = sorted(name for name, kind in columns.items() if kind.is_numeric())
        raise RunError(
            f"the ledger has no scores called {column!r}",
            where=f"{run.path}: train.labels",
            fix=f"one of {', '.join(numeric)}",
        )
    frame = run.candidates().select("query_id", "doc_id", column).collect()
    collection = collection_of(run)
    return _looked_up(collection.rows_of(frame), column, len(collection.corpus))


def grades_of(collection: Collection) -> Callable[[Numbers, Numbers], Floats]:
    """Grades of pairs by the qrels; NaN of pairs that nobody judged."""
    return _looked_up(collection.judged, "relevance", len(collection.corpus))


def field_of(collection: Collection, name: str) -> Callable[[Numbers, Numbers], Floats]:
    """1 or 0 of pairs by a field of their documents, true or false; NaN where it says nothing.

    Raises `DataError` where the field is something else, or says the same of all positives.
    """
    said = collection.corpus[name]
    if said.dtype != pl.Boolean:
        odd = (
            said.drop_nulls().cast(pl.String).filter(~said.drop_nulls().is_in([0, 1]))
            if (said.dtype.is_numeric())
            else said.drop_nulls().cast(pl.String)
        )
        if len(odd):
            raise DataError(
                f"the field {name!r} is not true or false: {odd[0]!r}",
                where=f"collection {collection.name!r}",
                fix="make it true or false for each document",
            )
    values = said.cast(pl.Float32).fill_null(float("nan")).to_numpy()
    positives = values[collection.positives["doc"].to_numpy()]
    if len(np.unique(positives[~np.isnan(positives)])) < 2:
        raise DataError(
            f"the field {name!r} says the same of all positives, so that nothing is learned of it",
            where=f"collection {collection.name!r}",
            fix="give queries positives of which it is true, and others of which it is false",
        )

    def labels(queries: Numbers, asked: Numbers) -> Floats:
        found = values[np.maximum(asked, 0)]
        return np.where(asked < 0, np.float32("nan"), found).astype(np.float32)

    return labels


def _looked_up(rows: pl.DataFrame, column: str, docs: int) -> Callable[[Numbers, Numbers], Floats]:
    """What a column says of pairs (query, doc by row) of a corpus of so many `docs`."""
    keys = rows["query"].to_numpy().astype(np.int64) * docs + rows["doc"].to_numpy()
    order = np.argsort(keys)
    keys, scores = keys[order], rows[column].cast(pl.Float32).to_numpy()[order]

    def labels(queries: Numbers, asked: Numbers) -> Floats:
        wanted = queries.astype(np.int64)[:, None] * docs + asked
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[at] == wanted, scores[at], np.float32("nan")).astype(np.float32)

    return labels
