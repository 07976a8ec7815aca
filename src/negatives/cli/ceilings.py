"""What bounds each stage of mining on this machine: its ceiling, and our share of it.

Everything is measured, on made-up data of a stated size that is the same each time; nothing is
written but a temporary folder. A ceiling is what the machine does of the work that a stage cannot
do without, by the plainest code for it, on as many threads as the stage may use.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Ragged, starts_of
from negatives.cache_folder import OFF, VARIABLE
from negatives.events import Event, Took
from negatives.models.static import StaticEncoder
from negatives.read import load
from negatives.run import mine
from negatives.run.parts import write_frame
from negatives.schema import Collection
from negatives.search.ceilings import best_seconds, copy_rate, sgemm_rate, together
from negatives.search.exact import pair_scores
from negatives.search.lexical import best_docs
from negatives.search.lexical_index import Asked, LexicalIndex
from negatives.search.postings import DOCS, STARTS, WEIGHTS
from negatives.store.scratch import scratch_folder

SEED: Final = 0
POSTING: Final = 8
"""Bytes of a document's number and its weight."""

_TEXTS, _QUERIES, _WORDS = 4_000, 200, 60  # of the run
_INDEXED, _TERMS, _HAVING = 50_000, 500, 10_000  # documents, words, documents that have one
_ASKED, _LENGTH = 2_000, 11  # queries, and words of each
_PAIRS, _DIM = 200_000, 384
_ENCODED = 600  # texts


@dataclass(frozen=True, slots=True)
class Share:
    """What a stage does a second and what the machine could, in `unit`; on what, bound by what.

    >>> Share("search", "1,000 queries", "Gflop/s", 50.0, 200.0, "float32 products").share
    0.25
    """

    stage: str
    work: str
    unit: str
    ours: float
    ceiling: float
    bound: str

    @property
    def share(self) -> float:
        """Ours by the ceiling: 1 where nothing is left to gain."""
        return self.ours / self.ceiling


def shares(threads: int, searches: dict[str, float]) -> list[Share]:
    """Every stage in the order of the work; `searches`: flop a second of each dense backend."""
    products, copied = sgemm_rate(threads), copy_rate(threads)
    return [
        _encoding(threads),
        *(
            Share(
                "search dense",
                f"{name}: 1,000 queries, 40,000 documents, {_DIM} numbers",
                "Gflop/s",
                rate / 1e9,
                products / 1e9,
                "float32 products",
            )
            for name, rate in searches.items()
        ),
        _searching_words(threads, copied),
        _scoring_pairs(copied),
        *_running(threads),
    ]


def _encoding(threads: int) -> Share:
    """The built-in encoder, beside gathering the rows of its table for texts already split."""
    encoder = StaticEncoder()
    texts = load("cranfield").corpus["text"].to_list()[:_ENCODED]
    pieces = np.concatenate([encoder.pieces(text) for text in texts]).astype(np.int64)
    blocks = np.array_split(pieces, max(1, len(pieces) // 4096))

    def gather() -> None:
        held = np.empty((max(map(len, blocks)), encoder.dim), np.float32)
        for block in blocks:
            np.take(encoder.table, block, 0, held[: len(block)], mode="clip").sum(axis=0)

    encoder.encode(texts)  # its memory of words is that of a long run
    ours = len(pieces) / best_seconds(lambda: encoder.encode(texts), repeats=2)
    ceiling = threads * len(pieces) / together(gather, threads)
    work = f"static: {len(texts):,} texts, {len(pieces):,} pieces of words"
    bound = "gathering and adding vectors of pieces"
    return Share("encode", work, "M pieces/s", ours / 1e6, ceiling / 1e6, bound)


def _searching_words(threads: int, copied: float) -> Share:
    """Adding up postings, beside copying as many bytes."""
    draw = np.random.default_rng(SEED)
    every = _INDEXED // _HAVING  # one of so many documents in a row has a word: which, is drawn
    docs = [np.arange(0, _INDEXED, every) + draw.integers(0, every, _HAVING) for _ in range(_TERMS)]
    words = [np.sort(draw.choice(_TERMS, _LENGTH, replace=False)) for _ in range(_ASKED)]
    each = starts_of(np.full(_ASKED, _LENGTH))
    asked = Asked(
        Ragged(each, np.concatenate(words).astype(np.uint32)),
        np.ones(_ASKED * _LENGTH, np.float32),
    )
    nothing = Ragged(starts_of(np.zeros(_ASKED, np.int64)), np.empty(0, np.uint32))
    with scratch_folder() as folder:
        parts: dict[str, NDArray[Any]] = {
            STARTS: starts_of(np.full(_TERMS, _HAVING)),
            DOCS: np.concatenate(docs).astype(np.uint32),
            WEIGHTS: draw.random(_TERMS * _HAVING, np.float32),
        }
        for name, array in parts.items():
            np.save(folder / name, array)
        index = LexicalIndex(folder, _INDEXED)
        seconds = best_seconds(
            lambda: best_docs(index, asked, nothing, 100, threads=threads), repeats=2
        )
    postings = _ASKED * _LENGTH * _HAVING
    work = f"{_ASKED:,} queries, {_INDEXED:,} documents, {postings / 1e6:,.0f} M postings"
    ours = POSTING * postings / seconds
    return Share("search lexical", work, "GB/s", ours / 1e9, copied / 1e9, "copying memory")


def _scoring_pairs(copied: float) -> Share:
    """Inner products of single pairs, of which both vectors are read, beside copying memory."""
    draw = np.random.default_rng(SEED)
    queries, docs = (draw.standard_normal((count, _DIM), np.float32) for count in (1_000, 40_000))
    query, doc = (draw.integers(0, n, _PAIRS).astype(np.uint32) for n in (1_000, 40_000))
    seconds = best_seconds(lambda: pair_scores(queries, docs, query, doc), repeats=2)
    read = 2 * _PAIRS * _DIM * queries.itemsize
    work = f"{_PAIRS:,} pairs of {_DIM} numbers"
    return Share("score pairs", work, "GB/s", read / seconds / 1e9, copied / 1e9, "copying memory")


def _running(threads: int) -> Iterator[Share]:
    """The default recipe on a made-up collection, beside reading and writing its ledger."""
    took: dict[str, float] = {}

    def hear(event: Event) -> None:
        if isinstance(event, Took):
            took[event.stage] = took.get(event.stage, 0.0) + event.seconds

    with scratch_folder() as folder, _without_cache():
        run = mine(_made_up(), folder / "run", threads=threads, emit=hear)
        rows = run.manifest.counts.candidates
        again = folder / "again.parquet"
        read, written = 0.0, 0.0
        for part in run.parts:
            frame = pl.read_parquet(part, glob=False)
            read += best_seconds(partial(pl.read_parquet, part, glob=False))
            written += best_seconds(partial(write_frame, again, frame))
        size = sum(part.stat().st_size for part in run.parts)
    work = f"{_QUERIES:,} queries, {_TEXTS:,} documents, {rows:,} candidates"
    bound = (
        f"Parquet: read at {size / read / 1e6:,.0f}, written at {size / written / 1e6:,.0f} MB/s"
    )
    ceiling = rows / (read + written)
    for stage, names in {
        "judge": ("judge",),
        "estimate": ("open estimate", "prepare", "fit", "estimate"),
        "pick and write": ("pick",),
    }.items():
        seconds = sum(took.get(name, 0.0) for name in names)
        yield Share(stage, work, "k rows/s", rows / seconds / 1e3, ceiling / 1e3, bound)


def _made_up() -> Collection:
    """Texts of English words, drawn as often as words are (Zipf); a query is words of its positive.

    The encoder has pieces for all of them: they are whole words of its own list.
    """
    encoder = StaticEncoder()
    texts = load("cranfield").corpus["text"].str.split(" ").explode()
    words = texts.filter(texts.str.contains(r"^[a-z]{3,}$")).unique().sort()
    known = np.array([word for word in words.to_list() if encoder.pieces(word)])
    draw = np.random.default_rng(SEED)
    often = 1 / np.arange(1, len(known) + 1)
    order = draw.permutation(len(known))
    drawn = known[order][draw.choice(len(known), (_TEXTS, _WORDS), p=often / often.sum())]
    asked = draw.choice(_TEXTS, _QUERIES, replace=False)
    queries = [" ".join(draw.choice(drawn[doc], 8, replace=False)) for doc in asked]
    return Collection(
        name="made-up",
        split="test",
        corpus=_side("doc_id", [" ".join(text) for text in drawn]),
        queries=_side("query_id", queries),
        qrels=pl.DataFrame(
            {
                "query_id": [f"{row:06}" for row in range(_QUERIES)],
                "doc_id": [f"{doc:06}" for doc in asked],
                "relevance": [1] * _QUERIES,
            },
            schema_overrides={"relevance": pl.Int32},
        ),
    )


def _side(key: str, texts: list[str]) -> pl.DataFrame:
    names = [f"{row:06}" for row in range(len(texts))]
    return pl.DataFrame({key: names, "text": texts}).with_columns(
        row=pl.int_range(pl.len(), dtype=pl.UInt32)
    )


@contextmanager
def _without_cache() -> Iterator[None]:
    """Made-up texts are nothing for the vectors that runs share."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = OFF
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        if before is not None:
            os.environ[VARIABLE] = before
