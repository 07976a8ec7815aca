"""Maximum likelihood: the control, and the first half of what needs a model that knows the wrong.

    loss = -mean_t log pi(y_t | x, y_<t), of the right responses, or of the wrong ones

With `side = "right"` it is what most people do: negatives are thrown away. With `side = "wrong"` it
makes the reinforced model of `generic-labels`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import SequenceLoss, Unit
from negatives.optional import Tensor


class Likelihood(SequenceLoss, kind="likelihood"):
    """Make the responses of one side probable, or all of them.

    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.likelihood import Likelihood
    >>> batch = Sequences.of([[-1.0, -3.0]], right=[True], example=[0])
    >>> Likelihood().of(batch).tolist(), Likelihood(side="wrong").unit
    ([2.0], 'wrong')
    """

    side: Annotated[
        Literal["right", "wrong", "each"], Meta(description="whose responses are learned")
    ] = "right"

    @property
    def unit(self) -> Unit:  # type: ignore[override]
        """As `side` says."""
        return self.side

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        return batch.per_example(-batch.means)
