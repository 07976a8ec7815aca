"""Both sides of a collection as vectors: what embedding makes, and the name that it goes by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from negatives.arrays import Floats
from negatives.schema import Needs

NOTHING: Final = Needs()

Similarity = Literal["cosine", "dot"]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Both sides as float32 rows, mapped: of the mined queries, and of every document.

    `fingerprint` changes whenever the vectors would. `needs`: what of the two sides they are of.
    """

    fingerprint: str
    queries: Floats
    docs: Floats
    needs: Needs = NOTHING


def key_of(*parts: str) -> str:
    """Names the files of two sides: a hash of all that their numbers follow from."""
    return hashlib.blake2b("\0".join(("float32", *parts)).encode(), digest_size=8).hexdigest()
