"""A loss of lists as a module that sentence-transformers' cross-encoder trainer accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from negatives.errors import WorkError
from negatives.learn.loss import ListLoss
from negatives.learn.nothing import IdleBatches
from negatives.optional import Tensor, torch


class RerankModule(torch.nn.Module):  # type: ignore[misc]
    """`loss` of a cross-encoder's scores, for `CrossEncoderTrainer(loss=...)`.

    Rows are (query, list of documents) with a list of labels, positives first: 1 and 0, or a
    teacher's scores. `pairs`: at most so many go through the model at a time.
    """

    def __init__(self, model: Any, loss: ListLoss, *, pairs: int = 1024) -> None:
        super().__init__()
        self.model = model
        self.settings = loss
        self.pairs = pairs
        self._idle = IdleBatches()

    def forward(
        self,
        inputs: Sequence[Any],
        labels: Sequence[Tensor],
        prompt: str | None = None,
        task: str | None = None,
    ) -> Tensor:
        """The mean loss over the queries of the batch, a scalar."""
        queries, lists = inputs
        sizes = [len(docs) for docs in lists]
        pairs = [(query, doc) for query, docs in zip(queries, lists, strict=True) for doc in docs]
        parts = [
            self._scores(pairs[at : at + self.pairs], prompt, task)
            for at in range(0, len(pairs), self.pairs)
        ]
        scored = torch.cat(parts)
        device, width = scored.device, max(sizes)
        present = torch.arange(width, device=device) < torch.tensor(sizes, device=device)[:, None]
        scores = torch.zeros(present.shape, device=device).masked_scatter(present, scored)
        targets = torch.zeros(present.shape, device=device)
        targets = targets.masked_scatter(present, torch.cat(list(labels)).float().to(device))
        losses = self.settings.of(scores, present, targets)
        mean = losses.mean()
        if self.training:
            self._idle.see(losses, None, False)
        if not bool(torch.isfinite(mean)):
            wrong = (~torch.isfinite(losses.detach())).nonzero().flatten().tolist()
            first = "; ".join(repr(queries[row][:60]) for row in wrong[:5])
            raise WorkError(
                f"the loss is no number for {len(wrong)} of {len(losses)} queries of a batch",
                where=f"queries {first}",
                fix="lower the learning rate, or train in full precision",
            )
        return mean

    def _scores(self, pairs: list[tuple[str, str]], prompt: str | None, task: str | None) -> Tensor:
        device = self.model.device
        features = {
            name: value.to(device) if hasattr(value, "to") else value
            for name, value in self.model.preprocess(pairs, prompt=prompt, task=task).items()
        }
        return self.model(features)["scores"].view(-1).float()
