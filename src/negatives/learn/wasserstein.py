"""Graded lists: how far a batch's distributions of scores and of grades are from each other."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from negatives.learn.encoded import EncodedBatch
from negatives.learn.lists import log_shares, scored
from negatives.learn.loss import Loss, Losses, Similarity
from negatives.learn.similarity import unit
from negatives.optional import Tensor, torch


class Wasserstein(Loss, kind="wasserstein", kw_only=True):
    """Squared 2-Wasserstein distance of scores from grades (SyCL: Esfandiarpoor et al., 2025).

    Each query's softmax over all documents of the batch is one point, of its scores and of its
    grades; both clouds are taken for Gaussians. Documents of other queries have grade 0, or the
    row's lowest where that is below, as logits are; so rerankers cannot use it. The distance does
    not know which point is whose: queries that each find the other's documents are as good to it
    as right ones, so start from a trained encoder, or take `kl`, which looks at each list by
    itself. A distance of the batch has no parts: every row gets the same, and weights of rows
    change nothing.

    >>> from negatives import tiny
    >>> from negatives.learn.wasserstein import Wasserstein
    >>> tiny.losses(Wasserstein()), tiny.losses(Wasserstein(teacher_temperature=2.0))
    ([0.35, 0.35], [0.08, 0.08])
    """

    taught: ClassVar[bool] = True

    temperature: Annotated[float, Meta(gt=0, description="similarities are divided by it")] = 1.0
    similarity: Similarity = "dot"
    teacher_temperature: Annotated[
        float, Meta(gt=0, description="grades are divided by it; 3 against 0 weighs e^3 at 1")
    ] = 1.0

    def open(self) -> Losses:
        """One distance for the whole batch, in double precision, given to every row."""

        def losses(batch: EncodedBatch) -> Tensor:
            grades, known = scored(batch.labels, batch.present, self.kind)
            grades = grades - grades.amin(-1, keepdim=True).clamp(max=0.0)
            own, wanted = _blocks(known), _blocks(grades / self.teacher_temperature)
            # Others' documents: of every present one, but for those known to be relevant here too.
            seen = own | (batch.present.flatten() & ~_blocks(batch.present) & ~batch.relevant)
            queries = unit(batch.queries.double(), self.similarity)
            scores = queries @ unit(batch.pool().double(), self.similarity).T
            student = log_shares(scores / self.temperature, seen).exp()
            teacher = log_shares(wanted.double(), seen).exp()
            return distance(student, teacher).to(batch.queries.dtype).expand(len(scores))

        return losses


def distance(left: Tensor, right: Tensor) -> Tensor:
    """float[]: squared 2-Wasserstein distance of the Gaussians fitted to float[n, dim] points each.

    The trace of the root of two covariances' product is the sum of the singular values of the n x n
    product of the centred points: no root of an eigenvalue near 0 whose slope has no bound.
    """
    apart = ((left.mean(0) - right.mean(0)) ** 2).sum()
    if len(left) == 1:
        return apart
    left, right = ((points - points.mean(0)) / (len(points) - 1) ** 0.5 for points in (left, right))
    spread = (left**2).sum() + (right**2).sum()
    return apart + spread - 2 * torch.linalg.svdvals(left @ right.T).sum()


def _blocks(values: Tensor) -> Tensor:
    """[n, n * m]: each row's own m values at its own documents of the pool, 0 elsewhere."""
    n, m = values.shape
    made = values.new_zeros(n, n, m)
    made.diagonal(dim1=0, dim2=1).copy_(values.T)
    return made.flatten(1)
