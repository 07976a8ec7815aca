"""Interpolation and extrapolation: queries like those of training, and unlike them.

Test queries are often like training queries, so a score rewards a model that remembers. Resampling
tells the two apart (Zhan et al., CIKM 2022): either the training queries are chosen to be near the
test queries or far from them (`near_and_far`, for few test queries), or queries are clustered and
one cluster at a time is left out of training (`folds`, for many). A model has to be trained for
each; negatives for it must be mined inside its own training set, or they bring along what was left
out. `Like` needs no training: it tests a given model on the half of the test queries that is nearer
to its training queries, or on the other.

The encoder that says what is near must not be the model under test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import DataError, InputError
from negatives.events import Emit
from negatives.measure.barred import Bar, nobody
from negatives.measure.likeness import bucketed, nearest_of, unit_vectors
from negatives.models.encoder import Encoder
from negatives.needs import check_needs
from negatives.schema import Collection, Floats, Needs, Rows

Side = Literal["interpolation", "extrapolation"]


class NearAndFar(NamedTuple):
    """Two collections to train on, of as many queries; `likeness`: mean cosine to the test."""

    interpolation: Collection
    extrapolation: Collection
    likeness: tuple[float, float]


class Fold(NamedTuple):
    """What one model is trained on, and the two sides of the test; `bucket` was left out."""

    bucket: int
    train: Collection
    interpolation: Collection
    extrapolation: Collection


def near_and_far(
    train: Collection, test: Collection, size: int, *, encoder: str | Encoder = "static",
    seed: int = 0,
) -> NearAndFar:  # fmt: skip
    """Two samples of `size` training queries: the nearest of every test query, and far ones.

    Near: the most similar training query of each test query, then the second most similar, ...,
    until there are `size`. Far: by their similarity to the nearest test query, `size` drawn from
    the lower half (from the lowest, where half is not enough); the page of the method leaves open
    whether the very lowest were taken. Sizes are the same, so that only the likeness differs.

    Raises `InputError` where there are fewer than twice `size` training queries.
    """
    tested, trained = _texts(test), _texts(train)
    if not 0 < 2 * size <= len(trained):
        raise InputError(
            f"two samples of {size:,} from {len(trained):,} training queries",
            fix=f"give a size of 1 to {len(trained) // 2:,}",
        )
    left, right = (unit_vectors(each["text"], encoder) for each in (tested, trained))
    k = -(-2 * size // len(tested))
    while True:
        near, how = nearest_of(left, right, min(k, len(trained)))
        if len(np.unique(near)) >= size or k >= len(trained):
            break
        k *= 2
    chosen = _first_met(near, how)[:size]
    likeness = nearest_of(right, left, 1)[1][:, 0]
    order = np.argsort(likeness, kind="stable")
    pool = np.sort(order[: max(size, len(order) // 2)])
    drawn = uniforms(id_hashes(trained["query_id"].gather(pool)), stream_key(seed, "far"))
    far = pool[np.argsort(drawn, kind="stable")[:size]]
    return NearAndFar(
        restricted(train, trained["query_id"].gather(np.sort(chosen))),
        restricted(train, trained["query_id"].gather(np.sort(far))),
        (float(likeness[chosen].mean()), float(likeness[far].mean())),
    )


def folds(
    train: Collection, test: Collection, *, buckets: int = 5, encoder: str | Encoder = "static",
    seed: int = 0,
) -> Iterator[Fold]:  # fmt: skip
    """Training and test queries clustered together; each cluster left out of training once.

    Every test query is extrapolation in one fold and interpolation in the others. Weight queries,
    not folds, when averaging: buckets differ in size. A bucket without a test query is passed over.
    """
    tested, trained = _texts(test), _texts(train)
    both = pl.concat([tested, trained])
    ids = pl.concat(["test " + tested["query_id"], "train " + trained["query_id"]])
    found = bucketed(unit_vectors(both["text"], encoder), ids, buckets, seed)
    of_test, of_train = found[: len(tested)], found[len(tested) :]
    for bucket in np.unique(of_test).tolist():
        kept = trained["query_id"].filter(pl.Series(of_train != bucket))
        if kept.is_empty():
            raise InputError(
                "all training queries are in one cluster", fix="use more buckets, or more queries"
            )
        inside = pl.Series(of_test == bucket)
        yield Fold(
            bucket,
            restricted(train, kept),
            restricted(test, tested["query_id"].filter(~inside)),
            restricted(test, tested["query_id"].filter(inside)),
        )


@dataclass(frozen=True, slots=True)
class Like:
    """A protocol: the test queries nearer to the training queries (or farther) than the median."""

    train: Collection
    side: Side
    encoder: str | Encoder = "static"

    def apply(self, collection: Collection, emit: Emit) -> tuple[Collection, Bar]:
        """The collection with the judgements of one half of its queries."""
        return restricted(
            collection, halves(self.train, collection, self.encoder)[self.side]
        ), nobody


def halves(
    train: Collection, test: Collection, encoder: str | Encoder = "static"
) -> dict[Side, pl.Series]:
    """The ids of test queries by their nearest training query: the nearer half, the farther."""
    tested = _texts(test)
    likeness = _likeness(train, tested, encoder)
    order = np.argsort(-likeness, kind="stable")
    middle = (len(order) + 1) // 2
    near, far = np.sort(order[:middle]), np.sort(order[middle:])
    ids = tested["query_id"]
    return {"interpolation": ids.gather(near), "extrapolation": ids.gather(far)}


def label_overlap(train: Collection, test: Collection) -> float:
    """Share of the test queries with a relevant document that is relevant in training too."""
    known = train.qrels.filter(pl.col("relevance") > 0)["doc_id"].unique()
    relevant = test.qrels.filter(pl.col("relevance") > 0)
    shared = relevant.filter(pl.col("doc_id").is_in(known.implode()))
    return shared["query_id"].n_unique() / max(1, relevant["query_id"].n_unique())


def restricted(collection: Collection, queries: pl.Series) -> Collection:
    """The collection with the judgements of some queries only; all texts stay."""
    kept = pl.col("query_id").is_in(queries.implode())
    return replace(collection, qrels=collection.qrels.filter(kept))


def _texts(collection: Collection) -> pl.DataFrame:
    """query_id, text of the queries with a positive."""
    check_needs(collection, Needs(queries=("text",)), "the likeness of queries")
    rows = collection.queries[collection.mined_queries].select("query_id", "text")
    if rows.is_empty():
        raise DataError(
            "no query has a positive",
            where=f"{collection.name}@{collection.split}",
            fix="name a split with judgements above 0",
        )
    return rows


def _likeness(train: Collection, tested: pl.DataFrame, encoder: str | Encoder) -> Floats:
    """float32[tested]: cosine with the most similar training query."""
    left, right = (unit_vectors(each["text"], encoder) for each in (tested, _texts(train)))
    return nearest_of(left, right, 1)[1][:, 0]


def _first_met(near: Rows, how: Floats) -> Rows:
    """Distinct rows of uint32[q, k] by their best place, then by similarity, then by row."""
    place = np.broadcast_to(np.arange(near.shape[1]), near.shape).ravel()
    order = np.lexsort((near.ravel(), -how.ravel(), place))
    rows = near.ravel()[order]
    _, first = np.unique(rows, return_index=True)
    return rows[np.sort(first)]
