"""What the model as it was says of each response: computed once, kept in the store, never re-run.

A key is a hash of what is read and of what is predicted, in the space of one model's weights and of
how texts are written. So another loss of the same data, the same training started again, and a
response that several examples share, all find it there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from negatives.arrays import Floats
from negatives.events import Emit, Progress, silent
from negatives.learn.sequence.forward import sums_of
from negatives.learn.sequence.writing import Written
from negatives.store.pair_scores import pair_scores

CHUNK: Final = 512
"""Responses whose sums are kept together: a run that is killed does so many again."""


@dataclass
class References:
    """The sums of responses by one model, which stands still. `computed` counts what it read."""

    net: Any
    fingerprint: str
    name: str
    scratch: Path
    at_once: int = 16
    memory: int = 512 * 2**20
    emit: Emit = silent
    computed: int = field(default=0, init=False)

    def sums(self, texts: Sequence[Written]) -> Floats:
        """float32[n]: log pi_ref of what is predicted of each text."""
        if not texts:
            return np.empty(0, np.float32)
        keys = np.stack([np.frombuffer(key(text), "<u8") for text in texts])
        distinct, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        with pair_scores(
            self.scratch, fingerprint=self.fingerprint, name=self.name, memory=self.memory
        ) as store:
            missing = np.flatnonzero(~store.get(distinct)[1])
            for start in range(0, len(missing), CHUNK):
                some = missing[start : start + CHUNK]
                found = sums_of(self.net, [texts[int(at)] for at in first[some]], self.at_once)
                store.add(distinct[some], found)
                self.computed += len(some)
                self.emit(Progress("references", start + len(some), len(missing), "responses"))
            kept, _ = store.get(distinct)
        return np.asarray(kept[which.reshape(-1)], np.float32)


def reference_space(model: str, written_by: str) -> str:
    """The fingerprint of a space: of a model's weights, and of how texts are written for it."""
    return (
        "sequence-" + hashlib.blake2b(f"{model} {written_by}".encode(), digest_size=16).hexdigest()
    )


def key(text: Written) -> bytes:
    """16 bytes: a hash of the tokens, and of which of them are predicted."""
    made = hashlib.blake2b(digest_size=16)
    made.update(np.asarray(text.tokens, np.int64).tobytes())
    made.update(np.asarray(text.counted, bool).tobytes())
    return made.digest()
