"""Examples to batch, and the plainest way to say which rows conflict."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from negatives.arrays import Floats
from negatives.batch.batcher import Batch
from negatives.batch.examples import Examples


def examples(
    query: list[int],
    docs: list[list[int]],
    known: Iterable[tuple[int, int]] = (),
    vectors: tuple[Floats, Floats] | None = None,
) -> Examples:
    """Rows as written; what is trained with need not be listed as known."""
    pairs = sorted(set(known))
    return Examples(
        np.array(query, np.int32),
        np.array(docs, np.int32).reshape(len(query), len(docs[0]) if docs else 2),
        np.array(pairs, np.int32).reshape(-1, 2),
        None if vectors is None else lambda: vectors[0],
        None if vectors is None else lambda: vectors[1],
    )


def clustered(rows: int, topics: int, seed: int = 0, noise: float = 0.3, dim: int = 16) -> Examples:
    """A query and a positive for each row, near the centre of its topic (row modulo topics)."""
    rng = np.random.default_rng(seed)
    centres = np.linalg.qr(rng.normal(size=(max(dim, topics), max(dim, topics))))[0][:topics]

    def near() -> Floats:
        around = rng.normal(size=(rows, centres.shape[1])) * noise / np.sqrt(centres.shape[1])
        points = centres[np.arange(rows) % topics] + around
        unit: Floats = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
        return unit

    return examples(list(range(rows)), [[row] for row in range(rows)], vectors=(near(), near()))


@st.composite
def any_examples(draw: st.DrawFn, vectors: bool = False) -> Examples:
    """Up to 40 rows with few texts, so that conflicts of every sort are common."""
    rows = draw(st.integers(1, 40))
    queries, docs = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    width = draw(st.integers(1, 4))
    seed = draw(st.integers(0, 2**20))
    rng = np.random.default_rng(seed)
    shown = rng.integers(-1, docs, (rows, width))
    shown[:, 0] = rng.integers(0, docs, rows)
    pairs = rng.integers(0, [queries, docs], (draw(st.integers(0, 30)), 2))
    made = None
    if vectors:
        points = rng.normal(size=(2, 20, 8)).astype(np.float32)
        points /= np.linalg.norm(points, axis=2, keepdims=True)
        made = (points[0], points[1])
    known = [(int(query), int(doc)) for query, doc in pairs]
    return examples(rng.integers(0, queries, rows).tolist(), shown.tolist(), known, made)


def conflict(of: Examples, left: int, right: int) -> bool:
    """Whether a document of one row is relevant to the query of the other, by its definition."""
    known = {(int(q), int(d)) for q, d in of.known}
    known |= {(int(q), int(d)) for q, d in zip(of.query, of.docs[:, 0], strict=True)}
    for one, other in ((left, right), (right, left)):
        for doc in of.docs[one]:
            if doc >= 0 and (int(of.query[other]), int(doc)) in known:
                return True
    return False


def in_conflict(of: Examples, batches: Iterable[Batch]) -> int:
    """How many rows conflict with another of their batch."""
    return sum(
        any(conflict(of, int(row), int(other)) for other in batch if other != row)
        for batch in batches
        for row in batch
    )


def flat(batches: Iterable[Batch]) -> NDArray[np.int32]:
    """The rows of all batches, in order."""
    return np.concatenate([np.empty(0, np.int32), *batches])


def hardness(examples: Examples, batches: Iterable[Batch]) -> float:
    """Mean over rows of the highest cosine between their query and another row's positive."""
    assert examples.query_vectors is not None
    assert examples.doc_vectors is not None
    queries, docs = examples.query_vectors(), examples.doc_vectors()
    found = []
    for batch in batches:
        if len(batch) > 1:
            scores = queries[examples.query[batch]] @ docs[examples.docs[batch, 0]].T
            np.fill_diagonal(scores, -np.inf)
            found.append(scores.max(axis=1))
    return float(np.concatenate(found).mean(dtype=np.float64))
