"""Dense candidates: the documents nearest to each query by an encoder's vectors, exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError
from negatives.events import Noted
from negatives.find.candidates import among_positives, from_matrix
from negatives.find.embedding import Embedded, embed, from_files
from negatives.models.encoder import open_encoder
from negatives.schema import Floats, Rows
from negatives.search.backends import choose_backend
from negatives.search.exact import Excluded, pair_scores, top_k
from negatives.stage import Context, Source
from negatives.store.vectors import Halves

PRECOMPUTED = "precomputed"


class Dense(Source, kind="dense"):
    """Nearest documents by an encoder's vectors (Karpukhin et al., 2020), found exactly."""

    top: Annotated[
        int, Meta(ge=1, description="candidates per query, its positives not counted")
    ] = 100
    encoder: Annotated[
        str,
        Meta(
            description="`static` (built in), a .onnx file, a sentence-transformers name or "
            "folder, http://host/v1#model, or `precomputed`"
        ),
    ] = "static"
    query_prompt: Annotated[str, Meta(description="put before each query")] = ""
    doc_prompt: Annotated[str, Meta(description="put before each document")] = ""
    similarity: Annotated[
        Literal["cosine", "dot"], Meta(description="cosine normalises the vectors first")
    ] = "cosine"
    query_vectors: Annotated[
        str, Meta(description="for `precomputed`: .npy, .safetensors or .parquet of the queries")
    ] = ""
    doc_vectors: Annotated[
        str, Meta(description="for `precomputed`: .npy, .safetensors or .parquet of the documents")
    ] = ""
    api_key: Annotated[str, Meta(description="for an endpoint: env:NAME of the variable")] = ""

    def check(self) -> None:
        """Vectors are named exactly when they are precomputed; a key is never written down."""
        given = bool(self.query_vectors), bool(self.doc_vectors)
        if self.encoder == PRECOMPUTED and not all(given):
            raise RecipeError(
                "dense: precomputed vectors need two files",
                mend="set query_vectors and doc_vectors",
            )
        if self.encoder != PRECOMPUTED and any(given):
            raise RecipeError(
                f"dense: vectors are given and an encoder too: {self.encoder!r}",
                mend='set encoder = "precomputed", or leave the vectors out',
            )
        if self.api_key and not self.api_key.startswith("env:"):
            raise RecipeError(
                "dense: api_key holds a literal key", mend='write api_key = "env:NAME_OF_VARIABLE"'
            )

    @property
    def scores_pairs(self) -> bool:
        """Any pair has an inner product."""
        return True

    def open(self, context: Context) -> DenseProposer:
        """Bring both sides into float16 files of the scratch folder."""
        made = self._embedded(context)
        return DenseProposer(
            top=self.top,
            fingerprint=made.fingerprint,
            mined=context.collection.mined_queries,
            query_vectors=made.queries,
            doc_vectors=made.docs,
            positives=context.collection.positives,
            banned=context.collection.empty_docs,
            threads=context.threads,
            memory=context.memory // 2,
            device=context.device,
            note=lambda value: context.emit(Noted(f"search {self.label}", value)),
        )

    def _embedded(self, context: Context) -> Embedded:
        if self.encoder == PRECOMPUTED:
            queries, docs = Path(self.query_vectors), Path(self.doc_vectors)
            return from_files(context, queries, docs, self.similarity)
        encoder = open_encoder(
            self.encoder, api_key=self.api_key, threads=context.threads, emit=context.emit
        )
        return embed(
            encoder,
            context,
            name=self.encoder,
            label=self.label,
            query_prompt=self.query_prompt,
            doc_prompt=self.doc_prompt,
            similarity=self.similarity,
        )


@dataclass(frozen=True, slots=True)
class DenseProposer:
    """Dense search opened on a collection; `query_vectors[i]` belongs to query `mined[i]`."""

    top: int
    fingerprint: str
    mined: Rows
    query_vectors: Halves
    doc_vectors: Halves
    positives: pl.DataFrame
    banned: Rows
    threads: int
    memory: int
    device: str
    note: Callable[[Any], None]

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The `top` nearest documents of each query besides its positives."""
        vectors = self.query_vectors[np.searchsorted(self.mined, queries)]
        operations = 2.0 * vectors.size * len(self.doc_vectors)
        backend = choose_backend(self.device, operations, self.threads)
        self.note({"backend": backend.name, "exact": True})
        known = self._known(queries)
        docs, scores = top_k(
            vectors,
            self.doc_vectors,
            self.top,
            banned=self.banned,
            excluded=Excluded(
                np.searchsorted(queries, known["query"].to_numpy()).astype(np.uint32),
                known["doc"].to_numpy(),
            ),
            backend=backend,
            memory=self.memory,
        )
        scored = known.with_columns(score=self.score(*known.to_numpy().T.astype(np.uint32)))
        return among_positives(from_matrix(queries, docs, scores), scored, self.top)

    def _known(self, queries: Rows) -> pl.DataFrame:
        """Positives of the queries that have text: query, doc."""
        return self.positives.filter(
            pl.col("query").is_in(pl.Series(queries).implode()),
            ~pl.col("doc").is_in(pl.Series(self.banned, dtype=pl.UInt32).implode()),
        )

    def score(self, query: Rows, doc: Rows) -> Floats:
        """Inner products of the given pairs."""
        return pair_scores(
            self.query_vectors,
            self.doc_vectors,
            np.searchsorted(self.mined, query).astype(np.uint32),
            doc,
        )
