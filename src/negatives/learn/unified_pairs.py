"""Every row is charged with the similar pairs of the whole batch, not only with its own."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from negatives.learn.contrast import against, joined, leave_out, log_sum
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss, Losses
from negatives.learn.pairs import TrainingPairs
from negatives.optional import Tensor, torch


class UnifiedPairs(Loss, kind="unified-pairs"):
    """In-batch negatives and all pairs of the batch in one softmax (UNPG, Jung et al., 2022).

    Documents stand for the paper's class prototypes, queries (or positives) for its features. Pairs
    outside the fences, `whisker` interquartile ranges beyond the quartiles, are noise; the upper
    fence takes the very hardest, which is right only where labels are often wrong.

    >>> from negatives import tiny
    >>> from negatives.learn.unified_pairs import UnifiedPairs
    >>> tiny.losses(UnifiedPairs(temperature=0.5))
    [1.8, 2.46]
    >>> tiny.losses(UnifiedPairs(temperature=0.5, margin=0.0))
    [1.05, 1.59]
    """

    temperature: Annotated[
        float, Meta(gt=0, description="cosines are divided by it; 1 / 64 in the paper")
    ] = 0.015625
    margin: Annotated[
        float, Meta(ge=0, description="taken off the positive's cosine (CosFace), off no other")
    ] = 0.5
    among: Annotated[
        Literal["queries", "positives"], Meta(description="whose pairs are put in every row")
    ] = "queries"
    fences: Annotated[
        Literal["both", "upper", "lower", "none"], Meta(description="pairs beyond which are noise")
    ] = "both"
    whisker: Annotated[
        float, Meta(ge=0, description="distance of the fences, in interquartile ranges")
    ] = 1.5

    def open(self) -> Losses:
        """The loss of each row of a batch."""

        def losses(batch: EncodedBatch) -> Tensor:
            pairs = TrainingPairs(batch, "cosine", self.temperature)
            documents = log_sum(leave_out(pairs.query_doc(), pairs.query_doc_never()))
            everyone = log_sum(self._of_the_batch(pairs)).expand_as(documents)
            positive = pairs.positive() - self.margin / self.temperature
            return against(positive, joined([documents, everyone]))

        return losses

    def _of_the_batch(self, pairs: TrainingPairs) -> Tensor:
        """float[p]: logits of the pairs i < j that share no document and are no noise."""
        if self.among == "queries":
            logits, never = pairs.query_query(), pairs.query_query_never()
        else:
            logits, never = pairs.positives(), pairs.positives_never()
        found: Tensor = logits[(~never).triu(1)]
        return found[kept(found.detach(), self.fences, self.whisker)]


def kept(values: Tensor, fences: str, whisker: float) -> Tensor:
    """bool[p]: which of `values` float[p] lie between the fences.

    The quartiles are the sorted values at int(p / 4) and int(3 p / 4), as in the authors' code.
    """
    count = len(values)
    inside: Tensor = torch.ones(count, dtype=torch.bool, device=values.device)
    if not count or fences == "none":
        return inside
    ordered = values.sort().values
    low, high = ordered[count // 4], ordered[3 * count // 4]
    reach = whisker * (high - low)
    if fences != "upper":
        inside &= values >= low - reach
    if fences != "lower":
        inside &= values <= high + reach
    return inside
