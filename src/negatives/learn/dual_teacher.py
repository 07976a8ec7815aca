"""Two teachers: one for each query's own documents, one for those of the whole batch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.encoded import EncodedBatch
from negatives.learn.lists import row_mean, scored
from negatives.learn.loss import Loss, Losses, Similarity
from negatives.learn.margin_mse import margin_errors
from negatives.learn.similarity import own_scores, pool_scores
from negatives.optional import Tensor
from negatives.settings import ModelName


class DualTeacher(Loss, kind="dual-teacher", kw_only=True):
    """The loss of TAS-Balanced (Hofstätter et al., SIGIR 2021): margins after two teachers.

    The labels teach the margins within a query's own list, as in margin-mse. The guide, a second
    frozen encoder that sees the same batch, teaches the margins over every document of the other
    queries: half by their positives, half by their negatives. Nothing is taken for irrelevant, so
    batches of one topic do no harm.

    >>> from negatives import tiny
    >>> from negatives.learn.dual_teacher import DualTeacher
    >>> tiny.losses(DualTeacher(guide_temperature=0.5)), tiny.losses(DualTeacher(in_batch=0.0))
    ([2.01, 1.01], [1.78, 0.8])
    >>> DualTeacher(guide="sentence-transformers/all-MiniLM-L6-v2").guided_by
    'sentence-transformers/all-MiniLM-L6-v2'
    """

    taught: ClassVar[bool] = True

    guide: Annotated[
        ModelName, Meta(description="the second teacher: a sentence-transformers name or folder")
    ] = ""
    temperature: Annotated[float, Meta(gt=0, description="similarities are divided by it")] = 1.0
    similarity: Similarity = "dot"
    teacher_temperature: Annotated[
        float, Meta(gt=0, description="labels, the pairs' teacher's scores, are divided by it")
    ] = 1.0
    guide_temperature: Annotated[
        float, Meta(gt=0, description="the guide's similarities are divided by it")
    ] = 1.0
    guide_similarity: Annotated[
        Literal["cosine", "dot"], Meta(description="of the guide's embeddings")
    ] = "dot"
    in_batch: Annotated[
        float, Meta(ge=0, description="weight of the margins over others' documents")
    ] = 0.75

    @property
    def needs_guide(self) -> bool:
        """Always, and it has no guide unless one is named."""
        return True

    @property
    def sees_own_alone(self) -> bool:
        """Where others' documents have no weight."""
        return not self.in_batch

    def open(self) -> Losses:
        """The squared errors of each row's margins; `RecipeError` without labels or guide."""

        def losses(batch: EncodedBatch) -> Tensor:
            labels, known = scored(batch.labels, batch.present, self.kind)
            if batch.guide is None:
                raise RecipeError(
                    "dual-teacher learns from a second encoder, and the batch has no guide",
                    where="learn.kind",
                    fix="set learn.guide to an encoder, or take margin-mse, which needs none",
                )
            own = own_scores(batch, self.similarity) / self.temperature
            pairs = margin_errors(own, labels / self.teacher_temperature, known)
            student = pool_scores(batch, self.similarity) / self.temperature
            guide = pool_scores(batch.guide, self.guide_similarity).detach()
            others = _in_batch(student, guide / self.guide_temperature, batch.present)
            return pairs + self.in_batch * others

        return losses


def _in_batch(student: Tensor, guide: Tensor, present: Tensor) -> Tensor:
    """float[n]: errors of the own positive's margins over others' positives and negatives."""
    n, m = present.shape
    errors = (_margins(student, n, m) - _margins(guide, n, m)) ** 2
    foreign = ~present.new_ones(n).diag().unsqueeze(-1) & present.unsqueeze(0)
    foreign = foreign & present[:, 0, None, None]
    positives = row_mean(errors[..., :1], foreign[..., :1])
    if m == 1:
        return positives
    return (positives + row_mean(errors[..., 1:], foreign[..., 1:])) / 2


def _margins(scores: Tensor, n: int, m: int) -> Tensor:
    """float[n, n, m]: of each query's own positive over each document of the pool."""
    scores = scores.view(n, n, m)
    return scores[:, :, 0].diagonal()[:, None, None] - scores
