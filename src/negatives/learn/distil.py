"""A teacher's distribution over a query's own documents: divergences of the student's from it."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from negatives.learn.lists import log_shares, scored
from negatives.learn.loss import ListLoss, TeacherTemperature
from negatives.optional import Tensor
from negatives.stage import Share


class KL(ListLoss, kind="kl", kw_only=True):
    """Kullback-Leibler divergence between the teacher's and the student's softmax of a list.

    `symmetric` is the mean of both directions: the alignment of UniME-V2 (Gu et al., 2026), which
    uses one temperature for both sides; the soft labels of LG-ANNA-Embedding (Choi et al., 2025)
    are `forward` with a `hard_share`. A teacher temperature far below the spread of its scores
    makes hard labels of soft ones. The divergence is not multiplied by a squared temperature.

    >>> from negatives import tiny
    >>> from negatives.learn.distil import KL
    >>> tiny.losses(KL()), tiny.losses(KL(direction="reverse"))
    ([0.2, 0.15], [0.25, 0.16])
    """

    taught: ClassVar[bool] = True

    teacher_temperature: TeacherTemperature = 1.0
    direction: Annotated[
        Literal["forward", "reverse", "symmetric"],
        Meta(description="of the student from the teacher, of it from the student, the mean"),
    ] = "forward"
    hard_share: Annotated[
        Share,
        Meta(description="weight of the cross entropy with the positive; 0: soft labels only"),
    ] = 0.0

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n]: the divergence over the documents that have a label."""
        teacher, student = _both(self, scores, present, labels)
        forward = (teacher.exp() * (teacher - student)).sum(-1)
        reverse = (student.exp() * (student - teacher)).sum(-1)
        soft = {"forward": forward, "reverse": reverse, "symmetric": (forward + reverse) / 2}
        if not self.hard_share:
            return soft[self.direction]
        hard = -log_shares(scores, present)[:, 0].masked_fill(~present[:, 0], 0.0)
        return (1 - self.hard_share) * soft[self.direction] + self.hard_share * hard


class JS(ListLoss, kind="js", kw_only=True):
    """Jensen-Shannon divergence of the teacher's and the student's softmax: at most log 2.

    Bounded, so that a list on which both disagree entirely does not rule the batch.

    >>> from negatives import tiny
    >>> from negatives.learn.distil import JS
    >>> tiny.losses(JS()), tiny.losses(JS(temperature=0.5))
    ([0.05, 0.04], [0.03, 0.07])
    """

    taught: ClassVar[bool] = True

    teacher_temperature: TeacherTemperature = 1.0

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n]: the divergence over the documents that have a label."""
        teacher, student = _both(self, scores, present, labels)
        middle = teacher.logaddexp(student) - math.log(2)
        apart = teacher.exp() * (teacher - middle) + student.exp() * (student - middle)
        return apart.sum(-1) / 2


def _both(
    loss: KL | JS, scores: Tensor, present: Tensor, labels: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Log-shares of the documents that have a label, the teacher's and the student's."""
    teacher, known = scored(labels, present, loss.kind)
    return log_shares(teacher / loss.teacher_temperature, known), log_shares(scores, known)
