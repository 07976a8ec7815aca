"""Approximate search by faiss, on request: inverted lists (Jégou et al., 2011) or a navigable graph
(Malkov and Yashunin, 2018).

An index holds vectors in half precision or less, made no longer than 1 so that they fit: it finds a
few documents more than are asked for, which are scored and ranked by the vectors themselves. How
much of the exact answer it finds is measured before it is used. It is built by one thread, since a
graph depends on the order in which it grows: results do not depend on `--threads`, and a graph
takes long to build.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from negatives.arrays import Floats, Rows
from negatives.optional import require
from negatives.search.exact import pair_scores, top_k
from negatives.search.excluded import NOTHING, Excluded
from negatives.search.shortlist import NO_DOC
from negatives.stats.lengths import lengths, normalised
from negatives.store.atomic import writing
from negatives.store.vectors import read_block

Kind = Literal["ivf", "hnsw"]

SAMPLE = 256
"""Queries whose exact answer the index is compared with."""

_BLOCK = 16_384
_MARGIN, _LEAST = 8, 8  # an eighth of what is asked for, and 8 more: near ties of rounded vectors
_LINKS = 32  # of a graph's node: faiss's own default
_EXPLORED = 128  # nodes a graph search keeps in view, or k if that is more
_TRAIN = 64  # vectors a centroid is fitted to


@dataclass(frozen=True, slots=True)
class ApproximateIndex:
    """An index of documents; `layout` is faiss's own description of it."""

    index: Any
    layout: str
    docs: Floats
    banned: Rows
    threads: int

    def search(self, queries: Floats, k: int, excluded: Excluded = NOTHING) -> tuple[Rows, Floats]:
        """As `top_k`, but for what the index misses; short rows end in `NO_DOC` at -inf."""
        faiss = require("faiss", extra="faiss")
        faiss.omp_set_num_threads(self.threads)
        found = np.full((len(queries), k), NO_DOC, np.uint32)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        taken = np.bincount(excluded.query, minlength=len(queries))
        # Room for what is left out, by powers of two: a query of thousands costs the others none.
        rooms = np.ceil(np.log2(taken + len(self.banned) + 1)).astype(int)
        for room in np.unique(rooms):
            asked = np.flatnonzero(rooms == room)
            deep = min(k + (1 << int(room)) - 1 + k // _MARGIN + _LEAST, len(self.docs))
            _look_wider(self.index, deep)
            for start in range(0, len(asked), 1024):
                part = asked[start : start + 1024]
                _, near = self.index.search(normalised(queries[part]), deep)
                self._fill(queries, part, near, excluded, found, scores)
        return found, scores

    def recall(self, queries: Floats, k: int, memory: int) -> float:
        """Share of the exact k best of evenly chosen `SAMPLE` queries that the index finds."""
        chosen = np.unique(np.linspace(0, len(queries) - 1, SAMPLE).astype(np.int64))
        sample = queries[chosen]
        exact, _ = top_k(sample, self.docs, k, banned=self.banned, memory=memory)
        found, _ = self.search(sample, k)
        hits = [np.isin(a[a != NO_DOC], b).mean() for a, b in zip(exact, found, strict=True)]
        return float(np.mean(hits))

    def _fill(
        self,
        queries: Floats,
        part: Any,
        near: Any,
        excluded: Excluded,
        found: Rows,
        scores: Floats,
    ) -> None:
        """Score what the index gave, leave out what is shut, and keep the best."""
        k = found.shape[1]
        place, column = np.nonzero(near >= 0)
        doc = near[place, column].astype(np.uint32)
        query = part[place].astype(np.uint32)
        shut = excluded.query.astype(np.uint64) << np.uint64(32) | excluded.doc
        pair = query.astype(np.uint64) << np.uint64(32) | doc
        open_ = ~np.isin(pair, shut) & ~np.isin(doc, self.banned)
        query, doc = query[open_], doc[open_]
        score = pair_scores(queries, self.docs, query, doc)
        order = np.lexsort((doc, -score, query))
        query, doc, score = query[order], doc[order], score[order]
        owners, starts = np.unique(query, return_index=True)
        at = np.arange(len(query)) - starts[np.searchsorted(owners, query)]
        best = at < k
        found[query[best], at[best]] = doc[best]
        scores[query[best], at[best]] = score[best]


def open_index(
    path: Path, docs: Floats, kind: Kind, *, banned: Rows, threads: int, memory: int
) -> ApproximateIndex:
    """Build the index of `docs` into the file `path`, or read it where it is there already.

    The vectors in it are halves; where these would take more than `memory` bytes they are 8-bit
    numbers, and where those would, product-quantised to 64 bytes or fewer (inverted lists only).
    """
    faiss = require("faiss", extra="faiss")
    layout = layout_of(kind, *docs.shape, memory=memory)
    if not path.exists():
        faiss.omp_set_num_threads(1)
        scale = _scale(docs)
        index = faiss.index_factory(docs.shape[1], layout, faiss.METRIC_INNER_PRODUCT)
        if not index.is_trained:
            lists = getattr(faiss.try_extract_index_ivf(index), "nlist", 256)
            rows = np.linspace(0, len(docs) - 1, min(len(docs), lists * _TRAIN)).astype(np.int64)
            index.train(docs[rows] * scale)
        for start in range(0, len(docs), _BLOCK):
            index.add(read_block(docs, start, start + _BLOCK) * scale)
        with writing(path) as temporary:
            faiss.write_index(index, str(temporary))
    index = faiss.read_index(str(path))
    return ApproximateIndex(index, layout, docs, banned, threads)


def layout_of(kind: Kind, docs: int, width: int, *, memory: int) -> str:
    """The faiss factory string for `docs` vectors of `width`, in `memory` bytes where it can be.

    A graph's links take 8 x 32 bytes a document on top.
    """
    links = docs * _LINKS * 8 if kind == "hnsw" else 0
    if docs * width * 2 + links <= memory:
        code = "SQfp16"
    elif kind == "hnsw" or docs * width <= memory:
        code = "SQ8"
    else:
        code = f"PQ{next(n for n in range(min(64, width), 0, -1) if width % n == 0)}"
    if kind == "hnsw":
        return f"HNSW{_LINKS}_{code}"
    return f"IVF{max(1, min(int(4 * docs**0.5), docs // 39 or 1))},{code}"


def _scale(docs: Floats) -> np.float32:
    """What makes the longest document 1 long, about; the order of inner products stays."""
    blocks = range(0, len(docs), _BLOCK)
    longest = max((lengths(read_block(docs, n, n + _BLOCK)).max() for n in blocks), default=0)
    return np.float32(min(1 / float(longest), 1e38) if longest > 0 else 1)


def _look_wider(index: Any, k: int) -> None:
    """An eighth of the lists, or a graph's view of at least k: recall before speed."""
    if hasattr(index, "nprobe"):
        index.nprobe = max(8, index.nlist // 8)
    else:
        index.hnsw.efSearch = max(_EXPLORED, k)
