"""Dense candidates: the documents nearest to each query by an encoder's vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Floats, Rows
from negatives.errors import DataError, RecipeError
from negatives.events import Emit, Noted, Warned
from negatives.find.bm25 import BM25
from negatives.find.candidates import among_positives, from_matrix
from negatives.find.given import from_files
from negatives.machine import Machine
from negatives.models.by_id import names_ids
from negatives.models.embedding import Embedded, embed
from negatives.models.encoder import Encoder
from negatives.models.open_encoder import open_encoder, reads_no_texts, refuse_missing
from negatives.models.precomputed import refuse_no_vectors
from negatives.models.readable import check_readable
from negatives.opening import Context, Proposer
from negatives.optional import require
from negatives.schema import Needs
from negatives.search.exact import pair_scores
from negatives.search.excluded import Excluded
from negatives.search.searcher import ExactSearch, Searcher
from negatives.search.tiles import Joined, Tile, search_tile
from negatives.secrets import names_variable
from negatives.settings import FileName, ModelName
from negatives.stage import Source
from negatives.store.vectors import held

PRECOMPUTED = "precomputed"
CHARACTERS = 3


class Dense(Source, kind="dense"):
    """Nearest documents by an encoder's vectors (Karpukhin et al., 2020), exactly by default.

    >>> from negatives import Dense, tiny
    >>> tiny.proposed(Dense(top=2))["wings"]
    ['copy', 'lift', 'again']
    >>> Dense(encoder="precomputed", query_vectors="queries.npy", doc_vectors="docs.npy").needs.docs
    ()
    """

    scores_pairs: ClassVar[bool] = True
    top: Annotated[
        int, Meta(ge=1, description="candidates per query, its positives not counted")
    ] = 100
    encoder: Annotated[
        ModelName,
        Meta(
            description="`static` (built in), a .onnx file, a sentence-transformers name or "
            "folder, onnx:NAME to export such a one once, http://host/v1#model, or `precomputed`"
        ),
    ] = "static"
    keeps_encoder: Annotated[
        bool,
        Meta(
            description="true: `encoder` is what it encodes with in a training, too, and whatever "
            "--encoder says; false: there, it is the model that is trained"
        ),
    ] = False
    query_prompt: Annotated[str, Meta(description="put before each query")] = ""
    doc_prompt: Annotated[str, Meta(description="put before each document")] = ""
    similarity: Annotated[
        Literal["cosine", "dot"], Meta(description="cosine normalises the vectors first")
    ] = "cosine"
    index: Annotated[
        Literal["exact", "ivf", "hnsw"],
        Meta(description="approximate ones (faiss) say what share of the exact answer they find"),
    ] = "exact"
    query_vectors: Annotated[
        FileName,
        Meta(description="for `precomputed`: .npy, .safetensors or .parquet of the queries"),
    ] = ""
    doc_vectors: Annotated[
        FileName,
        Meta(description="for `precomputed`: .npy, .safetensors or .parquet of the documents"),
    ] = ""
    api_key: Annotated[str, Meta(description="for an endpoint: env:NAME of the variable")] = ""
    learned_from: Annotated[
        Literal["auto", "other-data", "these-labels"],
        Meta(
            description="where `these-labels` are what the model was trained with, labelled pairs "
            "score higher for it, and its scores are no evidence of relevance; `auto`: so are "
            "vectors that were learned by id"
        ),
    ] = "auto"
    optional: Annotated[
        bool,
        Meta(
            description="where the built-in encoder cannot read the texts, compare them by BM25 of "
            "characters instead of stopping"
        ),
    ] = False

    def check(self) -> None:
        """Vectors are named exactly when they are precomputed; a key is never written down."""
        given = bool(self.query_vectors), bool(self.doc_vectors)
        if self.encoder == PRECOMPUTED and not all(given):
            raise RecipeError(
                "dense: precomputed vectors need two files",
                fix="set query_vectors and doc_vectors",
            )
        if self.encoder != PRECOMPUTED and any(given):
            raise RecipeError(
                f"dense: vectors are given and an encoder too: {self.encoder!r}",
                fix='set encoder = "precomputed", or leave the vectors out',
            )
        if self.api_key and not names_variable(self.api_key):
            raise RecipeError(
                "dense: api_key holds a literal key", fix='write api_key = "env:NAME_OF_VARIABLE"'
            )

    @property
    def needs(self) -> Needs:
        """Texts to encode, unless the vectors are there."""
        if self.encoder == PRECOMPUTED or reads_no_texts(self.encoder):
            return Needs()
        instead = (
            f"{self.encoder} encodes texts: name an encoder of images, or encode them yourself, "
            'and give the vectors with encoder = "precomputed", query_vectors and doc_vectors; '
            "popularity and random need ids alone: --recipe ids"
        )
        return Needs(("text",), ("text",), instead)

    @property
    def encodes(self) -> bool:
        """Unless it keeps the encoder that it names."""
        return not self.keeps_encoder

    @property
    def saw_labels(self) -> bool:
        """Where the model was trained with these labels."""
        by_id = self.learned_from == "auto" and names_ids(self.encoder)
        return by_id or self.learned_from == "these-labels"

    def unfit(self, context: Context) -> str:
        """What the built-in encoder cannot read, where this source is optional."""
        if not self.optional or self.encoder != "static":
            return ""
        try:
            check_readable(open_encoder(self.encoder), context, name=self.encoder, label=self.label)
        except DataError as error:
            return error.what
        return ""

    def substitute(self) -> Source:
        """BM25 of runs of three characters: it forgives endings and prefixes in any script."""
        return BM25(name="characters", characters=CHARACTERS, top=self.top)

    def refuse_absent(self, context: Context) -> None:
        """No file or folder at the path of the encoder, or of the vectors."""
        if self.encoder == PRECOMPUTED:
            refuse_no_vectors(Path(self.query_vectors), "queries")
            refuse_no_vectors(Path(self.doc_vectors), "corpus")
        else:
            refuse_missing(self.encoder)

    def open(self, context: Context) -> DenseProposer:
        """Bring both sides into float32 files of the scratch folder."""
        made = self._embedded(context)
        memory = context.machine.memory
        made = replace(made, queries=held(made.queries, memory), docs=held(made.docs, memory))
        key, searcher = self._searcher(context, made)
        kind = ExactDenseProposer if isinstance(searcher, ExactSearch) else DenseProposer
        return kind(
            top=self.top,
            fingerprint=f"{made.fingerprint}{key}",
            mined=context.collection.mined_queries,
            query_vectors=made.queries,
            doc_vectors=made.docs,
            positives=context.collection.positives,
            banned=context.collection.unproposable(made.needs),
            searcher=searcher,
        )

    def _searcher(self, context: Context, made: Embedded) -> tuple[str, Searcher]:
        """The search, and what of it the results depend on: nothing where it is exact."""

        def note(value: dict[str, Any]) -> None:
            context.emit(Noted(f"search {self.label}", value))

        banned, machine = context.collection.unproposable(self.needs), context.machine
        if self.index == "exact":
            return "", ExactSearch(made.docs, banned, machine, note)
        from negatives.search.approximate import SAMPLE, open_index

        index = open_index(
            context.scratch / f"{self.index}-{made.fingerprint}",
            made.docs,
            self.index,
            banned=banned,
            threads=machine.threads,
            memory=machine.memory,
        )
        recall = index.recall(made.queries, self.top, machine.memory // 2)
        note({"exact": False, "index": index.layout, "recall": recall, "k": self.top})
        context.emit(
            Warned(
                f"{self.label}: approximate search ({index.layout}) finds {recall:.1%} of the "
                f"exact top {self.top} of {min(SAMPLE, len(made.queries))} queries"
            )
        )
        return f" {index.layout} faiss {require('faiss', extra='faiss').__version__}", index

    def _embedded(self, context: Context) -> Embedded:
        if self.encoder == PRECOMPUTED:
            queries, docs = Path(self.query_vectors), Path(self.doc_vectors)
            return from_files(context, queries, docs, self.similarity)
        share = context.machine.shared(context.engine.workers)
        return embed(
            _opened(self, context.machine, context.emit),
            context,
            name=self.encoder,
            label=self.label,
            query_prompt=self.query_prompt,
            doc_prompt=self.doc_prompt,
            similarity=self.similarity,
            again=partial(_opened, self, share),
        )


def _opened(stage: Dense, machine: Machine, emit: Emit) -> Encoder:
    return open_encoder(
        stage.encoder,
        api_key=stage.api_key,
        threads=machine.threads,
        device=machine.device,
        emit=emit,
    )


@dataclass(frozen=True, slots=True)
class DenseProposer:
    """Dense search opened on a collection; `query_vectors[i]` belongs to query `mined[i]`."""

    top: int
    fingerprint: str
    mined: Rows
    query_vectors: Floats
    doc_vectors: Floats
    positives: pl.DataFrame
    banned: Rows
    searcher: Searcher

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The `top` nearest documents of each query besides its positives."""
        known = self._known(queries)
        docs, scores = self.searcher.search(*self._asked(queries, known))
        scored = known.with_columns(score=self.score(*known.to_numpy().T.astype(np.uint32)))
        return among_positives(from_matrix(queries, docs, scores), scored, self.top)

    def _asked(self, queries: Rows, known: pl.DataFrame) -> tuple[Floats, int, Excluded]:
        """What a searcher is asked for: vectors, how many documents, and what is left out."""
        vectors = self.query_vectors[np.searchsorted(self.mined, queries)]
        owner = np.searchsorted(queries, known["query"].to_numpy()).astype(np.uint32)
        return vectors, self.top, Excluded(owner, known["doc"].to_numpy())

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

    def doc_likeness(self, left: Rows, right: Rows) -> Floats:
        """Inner products of document vectors."""
        return pair_scores(self.doc_vectors, self.doc_vectors, left, right)

    def query_likeness(self, left: Rows, right: Rows) -> Floats:
        """Inner products of query vectors."""
        left, right = (
            np.searchsorted(self.mined, rows).astype(np.uint32) for rows in (left, right)
        )
        return pair_scores(self.query_vectors, self.query_vectors, left, right)


@dataclass(frozen=True, slots=True)
class ExactDenseProposer(DenseProposer):
    """Exact dense search, which can be done in tiles."""

    def tile(self, queries: Rows, start: int, stop: int) -> Tile:
        """See `Tiled.tile`."""
        assert isinstance(self.searcher, ExactSearch)
        asked = self._asked(queries, self._known(queries))
        return search_tile(self.searcher, *asked, start, stop)

    def among(self, tiles: Sequence[Tile]) -> Proposer:
        """See `Tiled.among`."""
        return replace(self, searcher=Joined(tiles))
