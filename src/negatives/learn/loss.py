"""What a loss is: settings, and a function of an encoded batch.

A loss works in anybody's loop: `loss.open()(Encoded(...))` is one number a row. What makes it a
module that the trainers of sentence-transformers accept stands in `learn/module.py`, gradient
caching in `learn/cached.py`; neither knows one loss from another.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, Literal

import msgspec

from negatives.learn.encoded import EncodedBatch
from negatives.optional import Tensor
from negatives.schema import Side
from negatives.stage import Stage

Losses = Callable[[EncodedBatch], Tensor]
"""Takes a batch of n rows, gives float[n]: the loss of each row, its weight not yet applied."""

Regulariser = Callable[[Tensor, Tensor], Tensor]
"""Takes the embeddings of queries and of documents, gives a number."""


Similarity = Annotated[
    Literal["cosine", "dot"], msgspec.Meta(description="of query and document embeddings")
]
TeacherTemperature = Annotated[
    float, msgspec.Meta(gt=0, description="the teacher's scores are divided by it")
]

_COMPARING = ("similarity", "temperature")
"""Settings of a loss that say how it makes logits of embeddings, where it has them."""


class Loss(Stage):
    """A function of one batch of embeddings, to be made small."""

    section: ClassVar[str] = "learn"
    learns_from: ClassVar[str] = "embeddings"
    """What a trainer must give it: `embeddings` and scores of texts, or `sequences` of tokens."""
    taught: ClassVar[bool] = False
    """Whether it learns from labels, whatever its settings are."""
    graded: ClassVar[bool] = False
    """Whether labels are grades of relevance: a negative without one was judged by nobody, and is
    irrelevant. To other losses that learn from labels, a document without one is not there."""
    parts: ClassVar[int] = 1
    """Vectors of equal width that it reads of each query and document, end to end. The first says
    what is near to what, and is all that is compared in the end; others are parts of the loss, such
    as a model of wrong labels, and a model of texts has none of them."""
    corrects: ClassVar[bool] = False
    """Whether it makes up for how probable each drawn negative was, by its log_q."""
    needs_bank: ClassVar[bool] = False
    """Whether what it opens has `fill(vectors)`, of every document, and `known(relevant)`."""

    @property
    def guided_by(self) -> str:
        """The encoder whose vectors of the same texts it needs, its `guide`; empty: none."""
        return str(getattr(self, "guide", ""))

    @property
    def needs_guide(self) -> bool:
        """Whether it learns from a guide: then `guided_by` must name one."""
        return bool(self.guided_by)

    @property
    def labels_field(self) -> str:
        """The field of documents, true or false, that its labels are; empty: labels, where it has
        any, are what `train.labels` names.
        """
        return ""

    @property
    def sees_own_alone(self) -> bool:
        """Whether all it sees are a query's own documents, and not those of the rest of the batch.

        A row without a negative of its own then teaches it nothing.
        """
        return False

    @property
    def plain_products(self) -> bool:
        """Whether its logits are dot products of embeddings, not divided by any temperature."""
        similarity, temperature = (getattr(self, name, None) for name in _COMPARING)
        return similarity == "dot" and temperature == 1

    @property
    def needs_labels(self) -> bool:
        """Whether it learns from labels: a teacher's scores, or grades, of each document."""
        return self.taught

    def starts(self, side: Side, part: int) -> tuple[float, float]:
        """Between which numbers, divided by the root of the width, vectors learned by id begin."""
        return -1.0, 1.0

    def refuse_grades(self, grades: Sequence[int]) -> None:
        """Raise where it cannot learn from these grades of positives, in order, each once.

        Asked before any work, of a loss that is `graded` and learns from the qrels.
        """

    @abstractmethod
    def open(self) -> Losses:
        """The loss of each row of a batch; whatever it keeps between batches is its own."""


class ListLoss(Loss, kw_only=True):
    """A loss that sees only the scores of each query's own documents, so rerankers can use it too.

    For an encoder the score is the similarity of query and document divided by `temperature`.
    """

    temperature: Annotated[
        float, msgspec.Meta(gt=0, description="similarities are divided by it; rerankers ignore it")
    ] = 1.0
    similarity: Similarity = "cosine"

    @property
    def needs_labels(self) -> bool:
        """Always where it is `taught`; where it has a `target`, as that says."""
        return self.taught or getattr(self, "target", "positive") != "positive"

    @property
    def sees_own_alone(self) -> bool:
        """Always: it is a loss of one list."""
        return True

    @abstractmethod
    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n]: the loss of `scores` float[n, 1 + k], positives first.

        `present` is bool[n, 1 + k]; `labels` float[n, 1 + k] are a teacher's scores or grades.
        """

    def open(self) -> Losses:
        """The loss of an encoder's own scores."""
        from negatives.learn.similarity import own_scores

        def losses(batch: EncodedBatch) -> Tensor:
            scores = own_scores(batch, self.similarity) / self.temperature
            return self.of(scores, batch.present, batch.labels)

        return losses
