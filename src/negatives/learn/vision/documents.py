"""Classes by sentences about them, of which only those that can be seen are to count.

    zero   A closed ring of one line. It is even and divides nothing.
           ^ is attended to           ^ is not seen in any image

MADS (2025), "Multi-Attribute Document Supervision for Zero-Shot Image Classification",
reconstructed from the abstract: an image is mapped into the space of the sentences, attends to
those of each class, and is scored by what it attends to; the focus loss makes attention to the
right class sharp. No language model writes or cleans the documents here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Doubles, Places
from negatives.errors import InputError
from negatives.learn.rare.network import fit, outputs, small
from negatives.models.encoder import Encoder
from negatives.optional import Tensor, torch


def attended(
    images: Tensor, sentences: Tensor, there: Tensor, *, sharpness: float = 10.0
) -> tuple[Tensor, Tensor]:
    """float[n, classes] scores, and float[n, classes, m] shares of attention.

    `images`: float[n, dim] and `sentences`: float[classes, m, dim], of length 1; `there`:
    bool[classes, m]. A class's score is the mean cosine of its sentences by their shares.
    """
    cosines = torch.einsum("nd,cmd->ncm", images, sentences)
    shares = (sharpness * cosines).masked_fill(~there, -torch.inf).softmax(-1)
    return (shares * cosines.masked_fill(~there, 0.0)).sum(-1), shares


def focus_loss(shares: Tensor, wanted: Tensor) -> Tensor:
    """The mean entropy, in nats, of attention to the sentences of the right class; 0: to one.

    >>> from negatives.optional import torch
    >>> round(float(focus_loss(torch.full((1, 1, 4), 0.25), torch.tensor([0]))), 6)
    1.386294
    """
    own = shares[torch.arange(len(wanted)), wanted]
    entropy: Tensor = -(own * own.clamp(min=1e-12).log()).sum(-1).mean()
    return entropy


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentTargets:
    """A map of images into the space of sentences, learned of classes that are seen."""

    focus: float = 0.1
    """Weight of the focus loss; 0: none."""
    temperature: float = 0.1
    width: int = 64
    epochs: int = 40

    def fit(
        self,
        vectors: NDArray[Any],
        classes: Places,
        documents: Sequence[Sequence[str]],
        encoder: Encoder,
        *,
        seed: int = 0,
    ) -> Read:
        """Of float[n, dim] with classes; `documents`: the sentences of every class, unseen too."""
        if any(not each for each in documents):
            raise InputError(
                "a class has no sentence", where="documents", fix="give one or more of each class"
            )
        sentences, there = _padded(documents, encoder)
        seen = np.unique(classes)
        among = torch.as_tensor(seen)

        def objective(said: Tensor, wanted: Tensor) -> Tensor:
            unit = torch.nn.functional.normalize(said, dim=1)
            scores, shares = attended(unit, sentences[among], there[among])
            loss: Tensor = torch.nn.functional.cross_entropy(scores / self.temperature, wanted)
            return loss + self.focus * focus_loss(shares, wanted) if self.focus else loss

        network = small(vectors.shape[1], sentences.shape[2], width=self.width, seed=seed)
        numbers = np.searchsorted(seen, classes)
        fit(network, vectors, numbers, objective, epochs=self.epochs, seed=seed)
        return Read(network, sentences, there)


@dataclass(frozen=True, slots=True)
class Read:
    """A learned map, and the sentences of all classes."""

    network: Any
    sentences: Tensor
    there: Tensor

    def scores(self, vectors: NDArray[Any]) -> Doubles:
        """float64[n, classes], of classes that were never seen as well."""
        return self._attended(vectors)[0]

    def shares(self, vectors: NDArray[Any]) -> Doubles:
        """float64[n, classes, m]: what is attended to."""
        return self._attended(vectors)[1]

    def _attended(self, vectors: NDArray[Any]) -> tuple[Doubles, Doubles]:
        said = torch.as_tensor(outputs(self.network, vectors)).float()
        unit = torch.nn.functional.normalize(said, dim=1)
        found, shares = attended(unit, self.sentences, self.there)
        return found.double().numpy(), shares.double().numpy()


def _padded(documents: Sequence[Sequence[str]], encoder: Encoder) -> tuple[Tensor, Tensor]:
    """float[classes, m, dim] of length 1, and bool[classes, m]."""
    lengths = [len(each) for each in documents]
    flat = [sentence for each in documents for sentence in each]
    found = torch.as_tensor(np.asarray(encoder.encode(flat).vectors, np.float32))
    parts = torch.nn.functional.normalize(found, dim=1).split(lengths)
    padded = torch.nn.utils.rnn.pad_sequence(list(parts), batch_first=True)
    there = torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]
    return padded, there
