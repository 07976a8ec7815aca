"""Margins as a teacher has them: the squared error of the student's."""

from __future__ import annotations

from typing import ClassVar

from negatives.learn.lists import row_mean, scored
from negatives.learn.loss import ListLoss, Similarity, TeacherTemperature
from negatives.optional import Tensor


class MarginMSE(ListLoss, kind="margin-mse", kw_only=True):
    """Squared error of the margins of the positive over each negative (Hofstätter et al., 2020).

    A false negative does no harm: its margin is near 0 or below, and the student is told so. Only
    differences are learned, so add another loss where absolute scores matter. Cosines differ by 2
    at most: a teacher that gives logits needs `similarity = "dot"` or a `teacher_temperature`.

    >>> from negatives import tiny
    >>> from negatives.learn.margin_mse import MarginMSE
    >>> tiny.losses(MarginMSE()), tiny.losses(MarginMSE(teacher_temperature=3))
    ([1.78, 0.8], [0.54, 0.58])
    """

    taught: ClassVar[bool] = True

    similarity: Similarity = "dot"
    teacher_temperature: TeacherTemperature = 1.0

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n]: the mean over each row's negatives."""
        teacher, known = scored(labels, present, self.kind)
        return margin_errors(scores, teacher / self.teacher_temperature, known)


def margin_errors(scores: Tensor, teacher: Tensor, known: Tensor) -> Tensor:
    """float[n]: mean squared error of the margins of column 0 over the others, where known."""
    scores = scores.masked_fill(~known, 0.0)
    wanted = teacher[:, :1] - teacher[:, 1:]
    errors = (scores[:, :1] - scores[:, 1:] - wanted) ** 2
    return row_mean(errors, known[:, :1] & known[:, 1:])
