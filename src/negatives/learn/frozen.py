"""Training of the queries' side alone: documents keep the vectors of the model it starts from.

What is made is a model of two sides. An index of the documents stays valid, a batch costs the
encoding of its queries alone, and mining anew encodes no document again (ADORE, Zhan et al. 2021;
the second stage of SPN4CIR, Feng et al. 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from negatives.arrays import Floats
from negatives.learn.settings import ModelTraining
from negatives.learn.vectors import Vectors
from negatives.models.torch_model import two_sided
from negatives.store.atomic import explained


@dataclass(frozen=True)
class FrozenDocs:
    """The side of the documents: a model as it was, and its vectors of a collection.

    The vectors have unit length, whatever similarity the loss takes.
    """

    model: str
    settings: ModelTraining
    threads: int
    device: str
    vectors: Vectors

    def encode(self, texts: list[str]) -> Floats:
        """float32[texts, dim], for looks at documents of another collection."""
        made: Floats = self._opened().encode(texts, show_progress_bar=False)
        return made

    def save(self, queries: Any, path: Path) -> None:
        """Write the model whose queries are encoded by `queries`."""
        two_sided(queries, self._opened()).save_pretrained(str(path), create_model_card=False)

    def _opened(self) -> Any:
        return self.settings.open(self.model, threads=self.threads, device=self.device).model


def saved(model: Any, frozen: FrozenDocs | None, path: Path) -> None:
    """Write a trained model; one of two sides where that of the documents is frozen."""
    with explained(path):
        if frozen is not None:
            frozen.save(model, path)
        else:
            model.save_pretrained(str(path), create_model_card=False)
