"""The encoder protocol, and how a specification such as `static` or `model.onnx` becomes one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from negatives.schema import Floats


class Encoder(Protocol):
    """Turns texts into vectors."""

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors would: a hash of the weights where there are weights."""
        ...

    def encode(self, texts: Sequence[str]) -> Floats:
        """float32[texts, dim]; an empty text gives any finite vector, and is never searched."""
        ...
