"""The hardest documents of the batch against the positive, by a margin."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from negatives.learn.contrast import leave_out, lowest
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss, Losses, Similarity
from negatives.learn.pairs import TrainingPairs, own_of
from negatives.optional import Tensor, torch


class HardestMargin(Loss, kind="hardest-margin", kw_only=True):
    """Of the batch the `hardest` negatives, each to stay `margin` below the positive (NGAME).

    Dahiya et al. (2023): the mean of max(0, s(negative) - s(positive) + margin). What is known to
    be relevant to a query is none of its negatives, and is never made up for: where a batch has
    fewer than so many others, the mean is over these. With `weighted`, hard ones count more, by a
    softmax of their similarities at `temperature`, among which those that keep the margin stand
    with 0.

    >>> from negatives import tiny
    >>> from negatives.learn.hardest_margin import HardestMargin
    >>> tiny.losses(HardestMargin(hardest=1)), tiny.losses(HardestMargin(hardest=2))
    ([0.1, 0.5], [0.05, 0.5])
    """

    hardest: Annotated[int, Meta(ge=1, description="negatives of the batch for each query")] = 10
    margin: Annotated[
        float, Meta(ge=0, description="by how much a negative is to stay below the positive")
    ] = 0.3
    weighted: Annotated[
        bool, Meta(description="whether harder ones of these negatives count more")
    ] = False
    temperature: Annotated[
        float, Meta(gt=0, description="of the weights: similarities are divided by it")
    ] = 0.1
    mask: Annotated[
        bool,
        Meta(
            description="whether what is known to be relevant is no negative; false only to see "
            "what that is worth"
        ),
    ] = True
    similarity: Similarity = "cosine"

    def open(self) -> Losses:
        """The loss of each row of a batch."""
        return self._losses

    def _losses(self, batch: EncodedBatch) -> Tensor:
        pairs = TrainingPairs(batch, self.similarity, 1.0)
        never = pairs.query_doc_never() if self.mask else _own_positive(pairs)
        scores = leave_out(pairs.query_doc(), never)
        top = scores.topk(min(self.hardest, scores.shape[1]), dim=1).values
        there = top > lowest(top)
        short = (top - pairs.positive().unsqueeze(-1) + self.margin).clamp(min=0.0)
        short = short.masked_fill(~there, 0.0)
        if self.weighted:
            with torch.no_grad():
                logits = torch.where(short > 0, top / self.temperature, 0.0)
                weights = logits.masked_fill(~there, lowest(top)).softmax(-1)
            short = short * weights
        return short.sum(-1) / there.sum(-1).clamp(min=1)


def _own_positive(pairs: TrainingPairs) -> Tensor:
    """bool[n, m]: each row's own positive, and fillers."""
    present = pairs.batch.present
    never: Tensor = ~present.flatten().expand(len(present), -1).clone()
    own_of(never, pairs.width)[:, 0] = True
    return never
