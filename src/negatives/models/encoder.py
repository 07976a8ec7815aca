"""The encoder protocol: what turns texts into vectors.

Encoders return vectors as the model gives them: they do not normalise to length 1 and do not look
for NaN; whoever stores or searches them does. `open_encoder` opens one by its specification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from negatives.arrays import Bools, Floats


class Encoded(NamedTuple):
    """float32[texts, dim] vectors; bool[texts]: whether only the beginning of a text was read."""

    vectors: Floats
    truncated: Bools


class Encoder(Protocol):
    """Turns texts into vectors."""

    @property
    def dim(self) -> int:
        """Width of the vectors."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors would: a hash of the weights where there are weights."""

    def encode(self, texts: Sequence[str]) -> Encoded:
        """A vector of each text; an empty text gives any finite vector, and is never searched."""


def reading(encoder: Encoder, content: str) -> Encoder:
    """What encodes a content, where an encoder reads several (`contents`); else the encoder."""
    contents: Mapping[str, Encoder] = getattr(encoder, "contents", {})
    return contents.get(content, encoder)


def sides(encoder: Encoder) -> tuple[Encoder, Encoder]:
    """The encoders of queries and of documents: the same twice, but for a model of two sides."""
    found: tuple[Encoder, Encoder] | None = getattr(encoder, "sides", None)
    return found or (encoder, encoder)
