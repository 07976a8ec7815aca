"""Grades: each level of relevance is contrasted with everything below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta, field

from negatives.errors import DataError, RecipeError
from negatives.learn.contrast import against, joined, leave_out, log_sum
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss, Losses
from negatives.learn.pairs import TrainingPairs
from negatives.optional import Tensor, torch


class MultiLevel(Loss, kind="multi-level"):
    """One contrastive loss for each grade of a query's own documents (DeTeCtive, Guo et al., 2024).

    `labels` hold the grades: how many levels of a hierarchy query and document share (same author:
    3, same family: 2, same kind: 1, nothing in common: 0), or degrees of relevance. At each level
    the documents of just that grade are positives, as the mean of their logits; those of lower
    grades and the documents of other rows are negatives; those of higher grades take no part. A row
    without a document of a grade has no loss at it. A negative without a grade was judged by nobody
    and is below all of them; a positive without one has the lowest.

    >>> from negatives import tiny
    >>> from negatives.learn.multi_level import MultiLevel
    >>> tiny.losses(MultiLevel(temperature=0.5))
    [2.35, 2.42]
    >>> tiny.losses(MultiLevel(temperature=0.5, weights=[0.0, 1.0, 1.0]))
    [1.0, 1.53]
    """

    taught: ClassVar[bool] = True
    graded: ClassVar[bool] = True

    temperature: Annotated[float, Meta(gt=0, description="similarities are divided by it")] = 0.07
    weights: Annotated[
        list[float],
        Meta(min_length=1, description="of grade 1, grade 2 and so on; the last of all above, too"),
    ] = field(default_factory=lambda: [1.0, 1.0, 1.0])
    in_batch: Annotated[
        bool, Meta(description="the documents of other rows are negatives at every level")
    ] = True

    @property
    def sees_own_alone(self) -> bool:
        """Where the documents of other rows are no negatives."""
        return not self.in_batch

    def check(self) -> None:
        """Some level counts, and none against itself."""
        if min(self.weights) < 0 or not any(self.weights):
            raise RecipeError(
                f"multi-level: weights = {self.weights} leave nothing to learn",
                fix="at least 0 each, and one of them more",
            )

    def refuse_grades(self, grades: Sequence[int]) -> None:
        """There is more than one level."""
        if len(grades) < 2:
            raise DataError(
                f"multi-level learns from grades of relevance, and all positives have the grade "
                f"{grades[0]}",
                where="learn.kind, relevance in the qrels",
                fix="grade the qrels (1, 2, 3 ...), or take a loss that needs no grades, such as "
                "--set learn.kind=multiple-negatives",
            )

    def open(self) -> Losses:
        """The loss of each row of a batch: the weighted sum over its levels."""
        return self._losses

    def _losses(self, batch: EncodedBatch) -> Tensor:
        if batch.labels is None:
            raise DataError(
                "multi-level: the batch holds no grades",
                fix="train with a label column of grades, or Encoded(labels=...)",
            )
        pairs = TrainingPairs(batch, "cosine", self.temperature)
        own = torch.cat([pairs.positive().unsqueeze(-1), pairs.own()], -1)
        others = []
        if self.in_batch:
            never = pairs.query_doc_never(own=True)
            others.append(log_sum(leave_out(pairs.query_doc(), never)))
        known = torch.cat([torch.ones_like(batch.present[:, :1]), pairs.own_never()], -1)
        grades = batch.labels.nan_to_num(0.0)
        grades[:, 0] = torch.where(batch.labels[:, 0].isnan(), 1.0, grades[:, 0])
        losses = 0.0 * own.sum(-1)  # with a gradient, where no document has a grade
        for grade in grades[grades > 0].unique().tolist():
            weight = self.weights[min(math.ceil(grade), len(self.weights)) - 1]
            same = (grades == grade) & batch.present
            # A document known to be relevant is a negative only where its grade says of what.
            lower = (grades < grade) & batch.present & ~(known & (grades <= 0))
            negatives = log_sum(leave_out(own.clone(), ~lower))
            count = same.sum(-1)
            mean = (own * same).sum(-1) / count.clamp(min=1)
            level = against(mean, joined([negatives, *others]))
            losses = losses + weight * torch.where(count > 0, level, 0.0)
        return losses
