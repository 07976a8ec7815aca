"""Documents of the cluster that a positive is in: by vectors, or by a field."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Floats, Places, Ragged
from negatives.errors import DataError, RecipeError
from negatives.events import Progress
from negatives.find.dense import Dense
from negatives.find.pooled import Lists, Mix, Pooled
from negatives.models.precomputed import read_vectors
from negatives.opening import Context
from negatives.sample.triples import Graph, Pools
from negatives.schema import Needs
from negatives.settings import FileName, ModelName
from negatives.stats.clusters import k_means
from negatives.stats.lengths import normalised


class SameCluster(Pooled, kind="same-cluster"):
    """Documents of a positive's own cluster, mixed with any (LEMON; Rony et al., 2022).

    Documents are grouped by k-means of their vectors: an encoder's, or those in a file; or by a
    field, such as `type`: values of one attribute, of which only one is right. A positive of the
    query is drawn, and a document of its cluster. Those are the hardest and, where labels are
    missing, the ones that are true most often, so they are a share (`mix`) of the draws; the rest
    is drawn from all documents. Documents without a text, or without the field, are in no cluster.

    >>> from negatives import SameCluster, tiny
    >>> tiny.proposed(SameCluster(top=2, clusters=3, mix=1.0))["pans"]
    ['stove']
    >>> tiny.proposed(SameCluster(top=2, clusters=3, mix=0.2))["pans"]
    ['albatross', 'plane']
    >>> tiny.proposed(SameCluster(top=2, field="type", mix=1.0))["pans"]
    ['lift', 'stall']
    """

    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100
    mix: Mix = 0.2
    clusters: Annotated[
        int, Meta(ge=0, description="of documents; 0: one for every 50 of them, 2 at least")
    ] = 0
    encoder: Annotated[
        ModelName, Meta(description="whose vectors of the documents are clustered; as for dense")
    ] = "static"
    vectors: Annotated[
        FileName,
        Meta(description="file of the documents' vectors, .npy, .safetensors or .parquet, instead"),
    ] = ""
    field: Annotated[str, Meta(description="a field whose values are the clusters, instead")] = ""

    def check(self) -> None:
        """One thing says what the clusters are."""
        if self.vectors and self.field:
            raise RecipeError(
                "same-cluster: a file of vectors and a field both say what the clusters are",
                fix="name one of them",
            )

    @property
    def opens(self) -> tuple[str, ...]:
        """The encoder, where neither a file nor a field takes its place."""
        return () if self.vectors or self.field else (self.encoder,)

    @property
    def needs(self) -> Needs:
        """Texts to encode, the field, or nothing."""
        if self.vectors:
            return Needs()
        if self.field:
            return Needs(docs=(self.field,), instead="leave same-cluster out, or its field empty")
        instead = (
            "name vectors of the documents, vectors = FILE, or a field whose values are clusters; "
            "random needs ids alone"
        )
        return Needs(docs=("text",), queries=("text",), instead=instead)

    def lists(self, context: Context) -> tuple[Lists, str]:
        """The documents of each cluster; of each query, the clusters of its positives."""
        collection = context.collection
        group, fingerprint = self._groups(context)
        group[collection.empty_docs] = -1
        clustered = np.flatnonzero(group >= 0)
        docs = Ragged.of_owners(
            group[clustered], clustered.astype(np.uint32), int(group.max(initial=-1)) + 1
        )
        positives = collection.positives
        query, own = positives["query"].to_numpy(), group[positives["doc"].to_numpy()]
        inside = own >= 0
        return Lists.of(docs, query[inside].astype(np.int64), own[inside]), fingerprint

    def pools(self, context: Context, graph: Graph, rows: Places) -> Pools:
        """The cluster of the entity that is replaced."""
        return Pools.clusters(self._groups(context)[0], graph.entities)

    def _groups(self, context: Context) -> tuple[Places, str]:
        """int64[docs]: the cluster of each document, -1 where it has none; and what that is by."""
        collection = context.collection
        if self.field:
            values = collection.corpus[self.field]
            ranks = values.rank("dense").cast(pl.Int64) - 1
            return ranks.fill_null(-1).to_numpy().copy(), "data"
        vectors, fingerprint = self._vectors(context)
        there = np.flatnonzero(np.abs(vectors).sum(axis=1) > 0)
        count = self.clusters or max(2, len(there) // 50)
        group = np.full(len(vectors), -1, np.int64)
        stage, total = f"cluster documents ({self.label})", len(there)
        context.emit(Progress(stage, 0, total, "documents"))
        group[there] = k_means(vectors[there], count, context.seed, f"find/{self.kind}")
        context.emit(Progress(stage, total, total, "documents"))
        return group, fingerprint

    def _vectors(self, context: Context) -> tuple[Floats, str]:
        """float32[docs, dim], of unit length or 0."""
        corpus = context.collection.corpus
        if self.vectors:
            path = Path(self.vectors)
            read = read_vectors(
                path, corpus["doc_id"], corpus["row"], "corpus", scratch=context.scratch
            )
            found = read.block(0, len(corpus))
            if not np.isfinite(found).all():
                raise DataError(
                    "a vector holds a number that is not finite",
                    where=str(path),
                    fix="give finite vectors",
                )
            return normalised(found), read.fingerprint
        dense = Dense(name=self.label, top=1, encoder=self.encoder).open(context)
        made = np.array(dense.doc_vectors, np.float32)
        made[context.collection.unproposable(self.needs)] = 0
        return made, dense.fingerprint
