"""A loss as a module that sentence-transformers' trainer accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from negatives.batch.batcher import Weighing
from negatives.errors import WorkError
from negatives.learn.cached import encode_cached, end_to_end
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss, Regulariser
from negatives.learn.nothing import IdleBatches
from negatives.optional import Tensor, torch

ABOUT: Final = (
    "relevant",
    "present",
    "p_relevant",
    "example",
    "guide_query",
    "guide_docs",
    "doc_vectors",
    "in_bank",
)
"""What `Collator` puts beside the features of the first column."""

Name = Callable[[list[int]], str]


class LossModule(torch.nn.Module):  # type: ignore[misc]
    """`loss` of a model's batch, for `SentenceTransformerTrainer(loss=...)` or any other loop.

    With the trainer's own collator only the diagonal is known to be relevant; `Collator` masks all
    known positives by text, and brings the vectors of a guide. `chunk`: encode so many texts at a
    time with gradient caching, 0: all at once. `weighing`: how rows count over `steps`.
    `regulariser`: a number added to the loss, of the embeddings of queries and documents. `name`
    says which examples those of these numbers are, in errors.
    """

    def __init__(
        self,
        model: Any,
        loss: Loss,
        *,
        chunk: int = 0,
        weighing: Weighing | None = None,
        steps: int = 0,
        regulariser: Regulariser | None = None,
        name: Name = str,
    ) -> None:
        super().__init__()
        self.model = model
        self.settings = loss
        self.losses: Any = loss.open()
        self.chunk = chunk
        self.weighing = weighing
        self.steps = steps
        self.step = 0
        self.name = name
        self.regulariser = regulariser
        self._idle = IdleBatches()

    def forward(self, sentence_features: Sequence[Mapping[str, Any]], labels: Any = None) -> Tensor:
        """The mean loss of the batch, a scalar; stops at one that is no number, and where the first
        batches teach nothing.
        """
        columns = [dict(features) for features in sentence_features]
        about: dict[str, Any] = {name: columns[0].pop(name) for name in ABOUT if name in columns[0]}
        queries, *docs = self._encoded(columns)
        kept = about.get("doc_vectors")
        batch = _batch(queries, torch.stack(docs, dim=1) if kept is None else kept, about, labels)
        if "in_bank" in about:
            self.losses.known(about["in_bank"])
        return self.mean(batch, about.get("example"))

    def mean(self, batch: EncodedBatch, example: Any = None) -> Tensor:
        """The mean loss of a batch of the examples of these numbers, which weigh what they do."""
        weigh = self.weighing is not None and example is not None and self.training
        losses = self.losses(batch)
        if weigh:
            batch = self._weighed(batch, example, losses)
        mean = batch.mean(losses)
        if self.training:
            self._idle.see(losses, batch.weights, self.step + 1 == self.steps)
        if self.regulariser is not None:
            mean = mean + self.regulariser(batch.queries, batch.docs)
        if not bool(torch.isfinite(mean)):
            raise _no_number(losses, example, self.name)
        self.step += self.training
        return mean

    def told(self) -> dict[str, Any]:
        """What the loss has to tell of the batches it has seen."""
        told = getattr(self.losses, "told", None)
        return {} if told is None else told()

    def _encoded(self, columns: Sequence[Mapping[str, Any]]) -> list[Tensor]:
        """float[n, dim] of each column; bags of tokens go through the model all at once, for every
        pass of theirs makes a gradient as large as the whole table.
        """
        if not all("offsets" in features for features in columns):
            return [self._encode(features) for features in columns]
        joined = self._encode(end_to_end(columns))
        return list(joined.split([len(features["offsets"]) for features in columns]))

    def _encode(self, features: Mapping[str, Any]) -> Tensor:
        def encode(piece: Mapping[str, Any]) -> Tensor:
            return self.model(dict(piece))["sentence_embedding"]

        if self.chunk and self.training:
            return encode_cached(encode, features, self.chunk)
        return encode(features)

    def _weighed(self, batch: EncodedBatch, example: Tensor, losses: Tensor) -> EncodedBatch:
        assert self.weighing is not None
        numbers = example.cpu().numpy().astype(np.int32)
        self.weighing.observe(numbers, losses.detach().float().cpu().numpy())
        weights = self.weighing.weights(numbers, self.step, self.steps)
        return replace(batch, weights=torch.as_tensor(weights).to(losses))


def _batch(queries: Any, docs: Any, about: Mapping[str, Any], labels: Any) -> EncodedBatch:
    n, width = docs.shape[:2]
    if "relevant" in about:
        relevant, present = about["relevant"], about["present"]
    else:
        relevant = torch.zeros(n, n * width, dtype=torch.bool, device=docs.device)
        rows = torch.arange(n, device=docs.device)
        relevant[rows, rows * width] = True
        present = torch.ones(n, width, dtype=torch.bool, device=docs.device)
    guide = None
    if "guide_query" in about:
        guide = EncodedBatch(about["guide_query"], about["guide_docs"], relevant, present)
    scores = labels if labels is not None and labels.dim() == 2 else None
    return EncodedBatch(
        queries,
        docs,
        relevant,
        present,
        labels=scores,
        p_relevant=about.get("p_relevant"),
        guide=guide,
    )


def _no_number(losses: Tensor, example: Any, name: Name) -> WorkError:
    wrong = (~torch.isfinite(losses.detach())).nonzero().flatten().tolist()
    numbers = wrong if example is None else [int(example[row]) for row in wrong]
    return WorkError(
        f"the loss is no number for {len(wrong)} of {len(losses)} rows of a batch",
        where=f"examples {name(numbers[:5])}",
        fix="lower the learning rate, raise the temperature, or train in full precision",
    )
