"""Scores of pairs of texts, kept like vectors: no pair is scored twice by the same model.

A space of the embedding store holds the scores of one model, as vectors one number wide. So what
shards, pruning and repairing do for vectors, and that a killed run leaves nothing half-written,
they do for scores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from negatives.arrays import Bools, Floats, Keys
from negatives.store.embeddings import About, EmbeddingStore, Space, store_folder, writable

DTYPE: Final = "score"
"""What space.json says where the vectors are scores."""


def pair_keys(queries: Keys, docs: Keys) -> Keys:
    """uint64[n, 2]: a hash of each pair, from the uint64[n, 2] keys of its two texts."""
    both = np.ascontiguousarray(np.concatenate([queries, docs], axis=1))
    rows = (hashlib.blake2b(row, digest_size=16).digest() for row in both)
    return np.frombuffer(b"".join(rows), "<u8").reshape(-1, 2)


@contextmanager
def pair_scores(
    scratch: Path, *, fingerprint: str, name: str, memory: int = 512 * 2**20
) -> Iterator[PairScores]:
    """The scores of one model; in `scratch` where there is no shared store, or none to write to."""
    shared = store_folder()
    folder = scratch / "pair-scores" if shared is None or not writable(shared) else shared
    about = About(fingerprint=fingerprint, encoder=name, prompt="", dim=1, dtype=DTYPE)
    with EmbeddingStore(folder, memory).space(about) as space:
        yield PairScores(space)


@dataclass(frozen=True, slots=True)
class PairScores:
    """Scores by key, in a space that is held open."""

    space: Space

    def get(self, keys: Keys) -> tuple[Floats, Bools]:
        """float32[n], bool[n]: the score of each of the distinct `keys`, and whether it has one."""
        places = self.space.locate(keys)
        known = places >= 0
        scores = np.zeros(len(keys), np.float32)
        scores[known] = self.space.read(places[known]).vectors[:, 0]
        return scores, known

    def add(self, keys: Keys, scores: Floats) -> None:
        """Keep scores of distinct keys; those of one call are kept together, or not at all."""
        self.space.append(keys, scores[:, None], np.zeros(len(keys), bool))
