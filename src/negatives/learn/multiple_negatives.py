"""Every other document of the batch is a negative: the loss most retrievers are trained with."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from negatives.errors import RecipeError
from negatives.learn.contrast import against, joined, leave_out, log_sum, mean_by_row, weigh
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss, Losses
from negatives.learn.pairs import Direction, TrainingPairs, own_of
from negatives.optional import Tensor, torch

DOUBTED = 0.5
"""A hard negative more probably relevant than this is masked by `doubt = "mask"`."""


class MultipleNegatives(Loss, kind="multiple-negatives"):
    """The positive against the negatives of the whole batch (InfoNCE; Henderson et al., 2017).

    Of the documents of the batch, none that is known to be relevant to a query is its negative.
    `joint` counts the positive once in the denominator, however many directions there are, and
    `per-direction` always counts it; implementations differ in both.

    >>> from negatives import tiny
    >>> from negatives.learn.multiple_negatives import MultipleNegatives
    >>> tiny.losses(MultipleNegatives(temperature=0.5))
    [1.0, 1.53]
    >>> tiny.losses(MultipleNegatives(temperature=0.5, doubt="mask"))  # the doubtful one is out
    [1.0, 1.14]
    """

    temperature: Annotated[float, Meta(gt=0, description="similarities are divided by it")] = 0.05
    similarity: Annotated[Literal["cosine", "dot"], Meta(description="of two embeddings")] = (
        "cosine"
    )
    negatives: Annotated[
        Literal["all", "hard", "in-batch"],
        Meta(description="of a query, among documents: all, its own alone, or all but its own"),
    ] = "all"
    directions: Annotated[
        list[Direction],
        Meta(
            min_length=1, description="what is contrasted: query-doc, or the positive, or two alike"
        ),
    ] = field(default_factory=lambda: ["query-doc"])
    partition: Annotated[
        Literal["joint", "per-direction"],
        Meta(description="one denominator, or the mean of one loss a direction"),
    ] = "joint"
    positives: Annotated[
        Literal["own", "known"],
        Meta(description="own: one a row; known: the mean over all known positives in the batch"),
    ] = "own"
    doubt: Annotated[
        Literal["ignore", "weight", "mask"],
        Meta(description="own negatives count all, by 1 - p_relevant, or where it is at most 0.5"),
    ] = "ignore"
    hardness: Annotated[
        float, Meta(ge=0, description="added to a negative's logit: this times its similarity")
    ] = 0.0
    hardness_of: Annotated[
        Literal["all", "hard", "in-batch"],
        Meta(description="negatives that `hardness` is for: all, the row's own, or all others"),
    ] = "all"

    def check(self) -> None:
        """A direction is named once."""
        if len(set(self.directions)) < len(self.directions):
            raise RecipeError(
                f"{self.kind}: a direction is named twice: {self.directions}",
                fix='directions = ["query-doc", "doc-query"]',
            )

    @property
    def sees_own_alone(self) -> bool:
        """Where it contrasts queries with their own negatives, and nothing else."""
        return self.negatives == "hard" and self.directions == ["query-doc"]

    def open(self) -> Losses:
        """The loss of each row of a batch."""
        return self._losses

    def _losses(self, batch: EncodedBatch) -> Tensor:
        pairs = TrainingPairs(batch, self.similarity, self.temperature)
        sums = [self._log_sum(pairs, direction) for direction in self.directions]
        if self.partition == "joint":
            sums = [joined(sums)]
        positive, row = pairs.positive(), None
        if self.positives == "known":
            row, column = (batch.relevant & batch.present.flatten()).nonzero().unbind(-1)
            positive = (pairs.queries[row] * pairs.pool[column]).sum(-1)
            sums = [each[row] for each in sums]
        losses = against(positive, sums[0])
        for each in sums[1:]:
            losses = losses + against(positive, each)
        losses = losses / len(sums) if len(sums) > 1 else losses
        return losses if row is None else mean_by_row(losses, row, len(batch.queries))

    def _log_sum(self, pairs: TrainingPairs, direction: Direction) -> Tensor:
        """float[n]: the log of the sum of a direction's negatives."""
        if direction != "query-doc":
            return log_sum(pairs.masked(direction))
        logits = self._of_queries(pairs)
        more = self._more(pairs, logits)
        return log_sum(logits) if more is None else joined([log_sum(logits), log_sum(more)])

    def _of_queries(self, pairs: TrainingPairs) -> Tensor:
        """float[n, m], or float[n, k] of own negatives only: logits of queries and documents."""
        if self.negatives == "hard":
            logits = own = pairs.own()
            never = pairs.own_never()
        else:
            logits = pairs.query_doc()
            never = pairs.query_doc_never(own=self.negatives == "in-batch")
            own = own_of(logits.detach(), pairs.width)[:, 1:]
        if self.hardness:
            self._harden(logits, own, pairs.temperature)
        doubted = pairs.batch.p_relevant
        if self.doubt != "ignore" and doubted is not None:
            chance = doubted[:, 1:].nan_to_num(0.0).to(logits.dtype)
            if self.doubt == "weight":
                weigh(own, (-chance).log1p())
            else:
                leave_out(own, chance > DOUBTED)
        return leave_out(logits, never)

    def _harden(self, logits: Tensor, own: Tensor, temperature: float) -> None:
        """Scale logits in place: z + h * stopgrad(t * z) has the value (1 + h * t) z."""
        with torch.no_grad():
            scale = 1 + self.hardness * temperature
            if self.hardness_of == "hard" or self.negatives == "hard":
                own.mul_(scale if self.hardness_of != "in-batch" else 1.0)
            elif self.hardness_of == "in-batch":
                kept = own.clone()
                logits.mul_(scale)
                own.copy_(kept)
            else:
                logits.mul_(scale)

    def _more(self, pairs: TrainingPairs, logits: Tensor) -> Tensor | None:
        """float[n, s]: logits of further negatives of each query; `logits` are the batch's."""
        return None
