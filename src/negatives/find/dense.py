"""Dense candidates: the documents nearest to each query by an encoder's vectors, exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError
from negatives.events import Progress
from negatives.find.candidates import from_matrix
from negatives.models.checks import check_vectors
from negatives.models.encoder import open_encoder
from negatives.models.precomputed import read_vectors
from negatives.schema import Floats, Rows
from negatives.search.exact import pair_scores, top_k
from negatives.stage import Context, Source
from negatives.store.vectors import Halves, normalised, open_vectors, write_vectors

_BLOCK = 4096
PRECOMPUTED = "precomputed"


class Dense(Source, kind="dense"):
    """Nearest documents by an encoder's vectors (Karpukhin et al., 2020), found exactly."""

    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100
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
        """Encode (or read) both sides once into float16 files of the scratch folder."""
        mined = context.collection.mined_queries
        make = _precomputed if self.encoder == PRECOMPUTED else _encoded
        fingerprint, queries, docs = make(self, context, mined)
        return DenseProposer(
            top=self.top,
            fingerprint=fingerprint,
            mined=mined,
            query_vectors=_stored(context.scratch / f"queries-{fingerprint}.npy", queries),
            doc_vectors=_stored(context.scratch / f"docs-{fingerprint}.npy", docs),
            banned=context.collection.empty_docs,
            threads=context.threads,
            memory=context.memory // 2,
        )


@dataclass(frozen=True, slots=True)
class DenseProposer:
    """Dense search opened on a collection; `query_vectors[i]` belongs to query `mined[i]`."""

    top: int
    fingerprint: str
    mined: Rows
    query_vectors: Halves
    doc_vectors: Halves
    banned: Rows
    threads: int
    memory: int

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The `top` nearest documents of each query."""
        docs, scores = top_k(
            self.query_vectors[np.searchsorted(self.mined, queries)],
            self.doc_vectors,
            self.top,
            banned=self.banned,
            threads=self.threads,
            memory=self.memory,
        )
        return from_matrix(queries, docs, scores)

    def score(self, query: Rows, doc: Rows) -> Floats:
        """Inner products of the given pairs."""
        return pair_scores(
            self.query_vectors,
            self.doc_vectors,
            np.searchsorted(self.mined, query).astype(np.uint32),
            doc,
        )


@dataclass(frozen=True, slots=True)
class _Side:
    """One side's vectors before they are stored: how many, how wide, and block by block."""

    rows: int
    dim: int
    blocks: Callable[[], Iterator[Floats]]


def _stored(path: Path, side: _Side) -> Halves:
    if not path.exists():
        write_vectors(path, side.rows, side.dim, side.blocks())
    return open_vectors(path)


def _encoded(stage: Dense, context: Context, mined: Rows) -> tuple[str, _Side, _Side]:
    encoder = open_encoder(
        stage.encoder, api_key=stage.api_key, threads=context.threads, emit=context.emit
    )
    collection = context.collection

    def side(what: str, rows: Rows, table: pl.DataFrame, prompt: str) -> _Side:
        def blocks() -> Iterator[Floats]:
            for start in range(0, len(rows), _BLOCK):
                part = table[rows[start : start + _BLOCK]]
                vectors = encoder.encode([prompt + text for text in part["text"].to_list()]).vectors
                yield _checked(stage, vectors, part, what, f"encoder {stage.encoder}")
                context.emit(
                    Progress(f"encode {what}", min(start + _BLOCK, len(rows)), len(rows), "texts")
                )

        return _Side(len(rows), encoder.dim, blocks)

    every_doc = np.arange(len(collection.corpus), dtype=np.uint32)
    return (
        _key(encoder.fingerprint, stage.query_prompt, stage.doc_prompt, stage.similarity),
        side("queries", mined, collection.queries, stage.query_prompt),
        side("corpus", every_doc, collection.corpus, stage.doc_prompt),
    )


def _precomputed(stage: Dense, context: Context, mined: Rows) -> tuple[str, _Side, _Side]:
    collection = context.collection
    queries, corpus = collection.queries, collection.corpus
    left = read_vectors(
        Path(stage.query_vectors),
        queries["query_id"],
        queries["row"],
        "queries",
        scratch=context.scratch,
    )
    right = read_vectors(
        Path(stage.doc_vectors),
        corpus["doc_id"],
        corpus["row"],
        "corpus",
        scratch=context.scratch,
    )
    if left.dim != right.dim:
        raise RecipeError(
            f"query vectors are {left.dim} wide, document vectors {right.dim}",
            where=f"{stage.query_vectors}, {stage.doc_vectors}",
            mend="give vectors of one encoder",
        )

    def query_blocks() -> Iterator[Floats]:
        for start in range(0, len(queries), _BLOCK):
            stop = min(start + _BLOCK, len(queries))
            wanted = mined[(mined >= start) & (mined < stop)]
            vectors = left.block(start, stop)[wanted - start]
            yield _checked(stage, vectors, queries[wanted], "queries", stage.query_vectors)

    def doc_blocks() -> Iterator[Floats]:
        for start in range(0, len(corpus), _BLOCK):
            stop = min(start + _BLOCK, len(corpus))
            vectors, part = right.block(start, stop), corpus[start:stop]
            yield _checked(stage, vectors, part, "corpus", stage.doc_vectors)
            context.emit(Progress("read vectors", stop, len(corpus), "documents"))

    return (
        _key(left.fingerprint, right.fingerprint, stage.similarity),
        _Side(len(mined), left.dim, query_blocks),
        _Side(len(corpus), right.dim, doc_blocks),
    )


def _checked(stage: Dense, vectors: Floats, part: pl.DataFrame, what: str, where: str) -> Floats:
    """Stop at vectors that cannot be compared; bring the others to the chosen similarity."""
    empty = (part["text"].str.strip_chars().str.len_bytes() == 0).to_numpy()
    check_vectors(vectors, part.to_series(0), what, where, allowed_zero=empty)
    return normalised(vectors) if stage.similarity == "cosine" else vectors


def _key(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
