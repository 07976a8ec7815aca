"""A look at the dev split while a model is trained: nDCG@10 on a part of it, always the same part.

The whole split is for `negatives evaluate`; a look must be cheap enough to be had ten times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import DataError, RecipeError
from negatives.events import Emit, Warned
from negatives.measure.elsewhere import Elsewhere
from negatives.measure.judged import judge_ranking
from negatives.measure.metrics import ndcg
from negatives.read import DEV, NEW_SPLIT, as_collection, load, new_split, splits
from negatives.read.loading import Data
from negatives.read.quarantine import Quarantine
from negatives.schema import Collection, Floats, Side
from negatives.stats.lengths import normalised

QUERIES: Final = 300
DOCS: Final = 2_000
LIST: Final = 20
CUTOFF: Final = 10

_NONE: Final = np.empty(0, np.uint32)

Encode = Callable[[list[str]], Floats]
Score = Callable[[list[tuple[str, str]]], Floats]


@dataclass(frozen=True)
class DevSet:
    """Some queries of a dev split, and documents to find their positives among.

    At most 300 queries; all their judged documents, and others up to 2,000, drawn by chance.
    `known`: what training says is relevant to them, where queries go by their ids.
    """

    collection: Collection
    queries: NDArray[np.uint32]
    docs: NDArray[np.uint32]
    known: Elsewhere | None = None

    @classmethod
    def of(
        cls,
        collection: Collection,
        seed: int = 0,
        without: NDArray[Any] = _NONE,
        known: Elsewhere | None = None,
    ) -> DevSet:
        """Draw them; the same for the same seed. `without`: rows of queries to leave out."""
        mined = np.setdiff1d(collection.mined_queries, without)
        if not len(mined):
            raise DataError(
                "no query of the dev split has a positive",
                where=f"collection {collection.name!r}",
                fix="name another split with --dev, or add judgements above 0",
            )
        drawn = _drawn(collection.queries["query_id"].gather(mined), seed)
        queries = np.sort(mined[drawn[:QUERIES]])
        judged = collection.judged.filter(pl.col("query").is_in(queries.tolist()))
        needed = judged["doc"].unique().to_numpy()
        others = np.setdiff1d(np.arange(len(collection.corpus), dtype=np.uint32), needed)
        drawn = _drawn(collection.corpus["doc_id"].gather(others), seed)
        more = others[drawn[: max(0, DOCS - len(needed))]]
        drawn_docs = np.sort(np.concatenate([needed, more]).astype(np.uint32))
        return cls(collection, queries, drawn_docs, known)

    def ndcg_of_encoder(self, encode: Encode, docs: Floats | None = None) -> float:
        """Mean nDCG@10 of the drawn queries over the drawn documents (`docs`: their vectors)."""
        queries = normalised(encode(self.collection.query_texts(self.queries)))
        if docs is None:
            docs = normalised(encode(self.collection.doc_texts(self.docs)))
        scores = queries @ docs.T
        found = np.argsort(-scores, axis=1, kind="stable")[:, :CUTOFF]
        return self._ndcg(self.docs[found])

    def ndcg_of_rows(self, vectors: Callable[[Side, NDArray[np.uint32]], Floats]) -> float:
        """Mean nDCG@10 by the `vectors` of rows of a side; what training knows is left out."""
        queries = normalised(vectors("queries", self.queries))
        scores = queries @ normalised(vectors("docs", self.docs)).T
        if self.known is not None:
            gone = self.known(self.queries)
            place = np.full(len(self.collection.corpus), -1)
            place[self.docs] = np.arange(len(self.docs))
            seen = place[gone.doc] >= 0
            scores[gone.query[seen], place[gone.doc[seen]]] = -np.inf
        found = np.argsort(-scores, axis=1, kind="stable")[:, :CUTOFF]
        return self._ndcg(self.docs[found])

    def ndcg_of_reranker(self, score: Score) -> float:
        """Mean nDCG@10 of each drawn query's positives among its 20 most similar documents."""
        pairs = self._lists
        queries = self.collection.query_texts(np.repeat(self.queries, pairs.shape[1]))
        docs = self.collection.doc_texts(pairs.reshape(-1))
        scores = score(list(zip(queries, docs, strict=True))).reshape(pairs.shape)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :CUTOFF]
        return self._ndcg(np.take_along_axis(pairs, order, axis=1))

    def look_of_encoder(self, encode_docs: Encode | None = None) -> Callable[[Any], float]:
        """nDCG@10 of an encoder of sentence-transformers.

        `encode_docs` encodes the documents, once, where the model does the queries alone.
        """
        frozen = encode_docs and normalised(encode_docs(self.collection.doc_texts(self.docs)))

        def of_encoder(model: Any) -> float:
            def encode(texts: list[str]) -> Floats:
                return np.asarray(model.encode(texts, show_progress_bar=False), np.float32)

            return self.ndcg_of_encoder(encode, frozen)

        return of_encoder

    def look_of_sparse(self) -> Callable[[Any], float]:
        """nDCG@10 of a sparse encoder, by the products that it is ranked by."""

        def of_sparse(model: Any) -> float:
            asked = model.encode_query(
                self.collection.query_texts(self.queries), show_progress_bar=False
            )
            docs = model.encode_document(
                self.collection.doc_texts(self.docs), show_progress_bar=False
            )
            scores = (docs.float().cpu() @ asked.float().cpu().to_dense().T).numpy().T
            found = np.argsort(-scores, axis=1, kind="stable")[:, :CUTOFF]
            return self._ndcg(self.docs[found])

        return of_sparse

    def look_of_tables(self) -> Callable[[Any], float]:
        """nDCG@10 of vectors by id (`IdTables`), over all documents but those `known`.

        Queries that were not trained are left out: nothing can be known of them.
        """
        asked = self.collection.queries["query_id"].gather(self.queries)
        ids = self.collection.corpus["doc_id"]

        def of_tables(model: Any) -> float:
            trained = asked.is_in(model.ids["queries"].implode()).to_numpy()
            queries = self.queries[trained]
            rows = rows_in(model.ids["queries"], asked.filter(pl.Series(trained)), self.collection)
            columns = rows_in(model.ids["docs"], ids, self.collection)
            scores = model.vectors("queries")[rows] @ model.vectors("docs")[columns].T
            if self.known is not None:
                gone = self.known(queries)
                scores[gone.query, gone.doc] = -np.inf
            part = np.argpartition(-scores, min(CUTOFF, scores.shape[1]) - 1, axis=1)[:, :CUTOFF]
            order = np.argsort(-np.take_along_axis(scores, part, axis=1), axis=1, kind="stable")
            return self._ndcg(np.take_along_axis(part, order, axis=1).astype(np.uint32), queries)

        return of_tables

    def look_of_reranker(self) -> Callable[[Any], float]:
        """nDCG@10 of a cross-encoder of sentence-transformers."""

        def of_reranker(model: Any) -> float:
            def score(pairs: list[tuple[str, str]]) -> Floats:
                return np.asarray(model.predict(pairs, show_progress_bar=False), np.float32)

            return self.ndcg_of_reranker(score)

        return of_reranker

    @cached_property
    def _lists(self) -> NDArray[np.uint32]:
        """uint32[queries, 20]: what the built-in encoder finds among the drawn documents, with as
        many of the positives as fit put in where it finds them not."""
        from negatives.models.static import StaticEncoder

        encode = StaticEncoder().encode
        queries = normalised(encode(self.collection.query_texts(self.queries)).vectors)
        docs = normalised(encode(self.collection.doc_texts(self.docs)).vectors)
        scores = queries @ docs.T
        positives = self.collection.positives
        for row, query in enumerate(self.queries):
            theirs = positives.filter(pl.col("query") == query)["doc"].to_numpy()[: LIST // 2]
            scores[row, np.searchsorted(self.docs, theirs)] += 2
        found = np.argsort(-scores, axis=1, kind="stable")[:, :LIST]
        return np.sort(self.docs[found], axis=1)  # by id, so that the order gives nothing away

    def _ndcg(self, found: NDArray[np.uint32], queries: NDArray[np.uint32] | None = None) -> float:
        """Of uint32[queries, depth] documents; `queries`: of some of the queries alone."""
        ids, docs = self.collection.queries["query_id"], self.collection.corpus["doc_id"]
        depth = found.shape[1]
        asked = ids.gather(self.queries if queries is None else queries)
        ranking = pl.DataFrame(
            {
                "query_id": asked.gather(np.repeat(np.arange(len(asked)), depth)),
                "doc_id": docs.gather(found.reshape(-1)),
                "rank": np.tile(np.arange(1, depth + 1), len(asked)),
            }
        )
        return float(ndcg(judge_ranking(ranking, self.collection.qrels, asked), CUTOFF, 1).mean())


def rows_in(known: pl.Series, ids: pl.Series, dev: Collection) -> NDArray[np.int64]:
    """The place of each of `ids` in `known`; `DataError` where there are none, or some are not."""
    there = pl.DataFrame({"id": known}).with_row_index("row")
    rows = pl.DataFrame({"id": ids}).join(there, on="id", how="left", maintain_order="left")["row"]
    missing = ids.filter(rows.is_null())
    if len(missing) or ids.is_empty():
        listed = f": {', '.join(map(repr, missing[:5]))}" if len(missing) else ""
        raise DataError(
            f"{len(missing):,} documents of the dev split are not trained{listed}"
            if len(missing)
            else "no query of the dev split is trained",
            where=f"{dev.name}@{dev.split}",
            fix="split so that each has an interaction in train, and all share the documents: "
            "negatives data split DATA --by pairs -o FOLDER",
        )
    return rows.cast(pl.Int64).to_numpy()


def dev_set(
    named: Data,
    origin: str,
    train: Collection,
    seed: int,
    aside: Quarantine | None,
    emit: Emit,
) -> DevSet | None:
    """The dev set that is named; else the dev split of the data at `origin`, where there is one.

    Where there is none, a warning names the command that makes one.

    What is named shares no query with `train`; of the other those that it shares are left out.
    Where queries go by their ids, they are those that are trained with, and it is pairs that must
    not be the same.
    """
    if named is not None:
        found = as_collection(named, quarantine=aside, lost="count")
        if found.identity == "id":
            return _by_id(train, found, seed, emit)
        refuse_overlap(train, found)
        return DevSet.of(found, seed)
    own = _dev_of_the_same(origin, train.read_with, aside)
    if own is None:
        made = new_split(train)
        emit(Warned(f"there is no dev split, so the last step is kept, not the best: {made}"))
        return None
    if own.identity == "id":
        return _by_id(train, own, seed, emit)
    shared = overlap(train, own)
    if len(shared):
        emit(Warned(f"{len(shared)} queries of the dev split are trained with, and left out"))
    return DevSet.of(own, seed, shared)


def refuse_impatient(found: DevSet | None, patience: int) -> None:
    """Raise `RecipeError` where training is to stop early, and nothing is there to stop it by."""
    if found is None and patience:
        raise RecipeError(
            "stopping early needs a dev split, and there is none",
            where=f"train.patience = {patience}",
            fix="name one with --dev, or set train.patience=0",
        )


def _by_id(train: Collection, dev: Collection, seed: int, emit: Emit) -> DevSet:
    """The dev set, with what is known of its queries from training; a leak is told."""
    found = Elsewhere.of(dev, [train])
    if found.leaked:
        emit(
            Warned(
                f"{found.leaked:,} of {len(dev.positives):,} positives of the dev split are "
                "trained with: a leak, which makes its figures too good"
            )
        )
    return DevSet.of(dev, seed, known=found)


def _dev_of_the_same(
    origin: str, read_with: Mapping[str, Any], aside: Quarantine | None
) -> Collection | None:
    """The dev split of the data at an address that names none, where there is one."""
    if not origin or "@" in Path(origin).name:
        return None
    try:
        if not {*DEV} & {*splits(origin)}:
            return None
    except DataError:
        return None
    return load(f"{origin}@dev", quarantine=aside, lost="count", **read_with)


def overlap(train: Collection, dev: Collection) -> NDArray[np.uint32]:
    """Rows of the queries of `dev` whose text is trained with: they say nothing.

    Where queries go by their ids, they are meant to be the same, and their positives to be others.
    """
    if dev.identity == "id":
        return np.empty(0, np.uint32)
    asked = dev.keys("queries")[dev.mined_queries]
    seen = train.keys("queries")[train.mined_queries]
    return np.asarray(dev.mined_queries[np.isin(asked, seen)])


def refuse_overlap(train: Collection, dev: Collection) -> None:
    """Raise `DataError` listing the first five queries of `dev` that are trained with."""
    shared = overlap(train, dev)
    if len(shared):
        first = [
            f"{row['query_id']} ({row['text'][:60]!r})"
            for row in dev.queries[shared[:5]].iter_rows(named=True)
        ]
        raise DataError(
            f"{len(shared)} queries of the dev split are trained with: {'; '.join(first)}",
            where=f"{dev.name}@{dev.split}",
            fix="take them out of one of the two, or name another split with --dev; without "
            "--dev the dev split of the same data is used, and they are left out; "
            + NEW_SPLIT.replace("a dev split", "one that shares none"),
        )


def _drawn(ids: pl.Series, seed: int) -> NDArray[np.int64]:
    """The places of `ids` in an order of chance."""
    return np.argsort(uniforms(id_hashes(ids), stream_key(seed, "dev")), kind="stable")
