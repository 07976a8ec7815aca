"""Generic labels: what a model that never saw a text would say in its place.

Eldan and Russinovich 2023, Who's Harry Potter?: a model trained further on what is to be forgotten
(`reinforced`, made with the loss `likelihood`, side = "wrong") tells which tokens it made more
probable; the model learns its own distribution without them:

    v = v_base - strength * relu(v_reinforced - v_base), of log-probabilities
    forget = mean_t cross-entropy(softmax(v), pi)

Logits of two models differ by a constant that means nothing, so log-probabilities are compared.
Where all that the base thought probable is gone (its best label below `floor`) the base's own
distribution is the label, not what little is left. The paper's dictionary of terms that stand for
names is not part of it: texts go in as they are.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import Forgetting
from negatives.optional import Tensor, torch
from negatives.settings import ModelName


class GenericLabels(Forgetting, kind="generic-labels", kw_only=True):
    """Learn on what is to be forgotten what another would have said.

    >>> import torch
    >>> from negatives.learn.sequence.whp import generic
    >>> base, reinforced = torch.tensor([2.0, 1.0, 0.0]), torch.tensor([5.0, 1.0, -1.0])
    >>> generic(base, reinforced, 1.0).tolist(), generic(base, reinforced, 5.0).tolist()
    ([-1.0, 1.0, 0.0], [-13.0, 1.0, 0.0])
    """

    reinforced: Annotated[
        ModelName,
        Meta(
            min_length=1,
            description="a model trained further on what is to be forgotten, folder or hub name",
        ),
    ]
    strength: Annotated[float, Meta(ge=0, description="how far tokens are pushed down")] = 5.0
    floor: Annotated[
        float, Meta(ge=0, le=1, description="of the base's probability that is left, at least")
    ] = 1e-4

    @property
    def needs_frozen(self) -> bool:
        """Always: the model as it was is the base."""
        return True

    @property
    def reinforced_model(self) -> str:
        """As `reinforced` says."""
        return self.reinforced

    def forget(self, batch: Sequences) -> Tensor:
        """float[n]: cross-entropy with the generic labels, the mean over tokens."""
        base = batch.as_it_was.known("logits").log_softmax(-1)
        other = batch.reinforced
        label = (
            base
            if other is None
            else generic(base, other.known("logits").log_softmax(-1), self.strength)
        )
        left = label.logsumexp(-1, keepdim=True).exp()
        target = torch.where(left < self.floor, base, label).softmax(-1)
        return batch.averaged(-(target * batch.known("logits").log_softmax(-1)).sum(-1))


def generic(base: Tensor, reinforced: Tensor, strength: float) -> Tensor:
    """base - strength * relu(reinforced - base): tokens that fell keep what they had."""
    return base - strength * (reinforced - base).clamp(min=0)
