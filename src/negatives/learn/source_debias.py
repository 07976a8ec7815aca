"""What a machine wrote may not be scored above what people wrote and is as relevant."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from negatives.errors import DataError
from negatives.learn.contrast import against, leave_out, log_sum
from negatives.learn.encoded import EncodedBatch
from negatives.learn.lists import row_mean
from negatives.learn.loss import Loss, Losses, Similarity
from negatives.learn.pairs import TrainingPairs, times
from negatives.optional import Tensor
from negatives.schema import Needs


class SourceDebias(Loss, kind="source-debias", kw_only=True):
    """A contrastive loss, and a penalty where a written positive outscores one of people.

    The loss of Dai et al. ("Neural retrievers are biased towards LLM-generated content", KDD 2024).
    Each positive, whoever wrote it, is contrasted with the documents of the batch that are not
    relevant to its query. A row whose positive is of people besides pays `weight` times the mean of
    max(0, s(q, written) - s(q, people's)) over the written positives of the same query that are in
    the batch; with `sides` of "both" it pays for the distance, so that what people wrote may not be
    preferred either. Rows of a query must share a batch for that, as the batcher `grouped` has it.

    >>> from negatives import tiny
    >>> from negatives.learn.source_debias import SourceDebias
    >>> SourceDebias(weight=0.5).needs.docs
    ('written',)
    """

    written: Annotated[
        str,
        Meta(
            min_length=1, description="field of documents: whether a machine wrote it (a boolean)"
        ),
    ] = "written"
    weight: Annotated[
        float, Meta(ge=0, description="of the penalty, beside the contrastive loss at 1")
    ] = 0.1
    sides: Annotated[
        Literal["one", "both"],
        Meta(description="one: written texts may not be preferred; both: nor may those of people"),
    ] = "one"
    temperature: Annotated[float, Meta(gt=0, description="similarities are divided by it")] = 0.05
    similarity: Similarity = "cosine"

    @property
    def needs(self) -> Needs:
        """The field."""
        return Needs(
            (self.written,),
            (),
            "name the field that says which documents a machine wrote: --set learn.written=FIELD",
        )

    @property
    def labels_field(self) -> str:
        """The same."""
        return self.written

    def open(self) -> Losses:
        """The loss of each row of a batch, which counts how many rows had something to compare."""
        return SourceDebiasLosses(self)


class SourceDebiasLosses:
    """`SourceDebias` opened."""

    def __init__(self, settings: SourceDebias) -> None:
        self.settings = settings
        self._rows: Any = 0
        self._compared: Any = 0

    def __call__(self, batch: EncodedBatch) -> Tensor:
        """float[n]: labels are 1 of a document that a machine wrote, 0 of one of people."""
        if batch.labels is None:
            raise DataError(
                "source-debias: nothing says which documents a machine wrote",
                fix="give the batch labels: 1 for what a machine wrote, 0 for what people wrote",
            )
        settings = self.settings
        pairs = TrainingPairs(batch, settings.similarity, settings.temperature)
        positive = pairs.positive()
        losses = against(positive, log_sum(leave_out(pairs.query_doc(), pairs.query_doc_never())))
        written, people = batch.labels[:, 0] == 1, batch.labels[:, 0] == 0
        beside = batch.relevant[:, :: pairs.width] & written & people.unsqueeze(-1)
        gap = times(pairs.queries, pairs.unit_docs[:, 0]) - positive.unsqueeze(-1)
        apart = gap.abs() if settings.sides == "both" else gap.relu()
        self._rows = self._rows + people.sum()
        self._compared = self._compared + beside.any(-1).sum()
        return losses + settings.weight * row_mean(apart, beside)

    def told(self) -> dict[str, float]:
        """The share of rows of people's positives that had a written one of their query beside."""
        return {"rows_compared": float(self._compared / max(self._rows, 1))}
