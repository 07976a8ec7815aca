"""Labels of which one presupposes the other, such as a click and a purchase: learned from all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

from msgspec import Meta

from negatives.errors import DataError, RecipeError
from negatives.learn.encoded import EncodedBatch
from negatives.learn.lists import row_mean, softplus, unlabelled
from negatives.learn.loss import Loss, Losses
from negatives.optional import Tensor, torch

_LEAST: Final = 1e-7
"""How near to 0 or 1 a probability may come."""


class LabelChain(Loss, kind="label-chain", kw_only=True):
    """Cross entropy of a first label, and of both at once: ESMM (Ma et al., SIGIR 2018).

    The first label (a click, a play) has the probability sig(a), a being the product of the second
    vectors; given it, the last one (a purchase, many plays) has sig(b), b being the product of the
    first vectors. What was not clicked says nothing of the last label: it is no negative of b, as
    it would be where b learned from it alone, and yet b is learned over all documents, for both
    labels at once have the probability sig(a) sig(b). b alone is what is compared in the end.

    Grades say which labels a document has; one without a grade was judged by nobody, and has none.

    >>> from negatives import tiny
    >>> from negatives.learn.label_chain import LabelChain
    >>> tiny.losses(LabelChain(first=0.5, last=0.8))
    [1.45, 1.15]
    """

    parts: ClassVar[int] = 2
    taught: ClassVar[bool] = True
    graded: ClassVar[bool] = True

    first: Annotated[
        float, Meta(gt=0, description="the grade from which a document has the first label")
    ] = 1.0
    last: Annotated[float, Meta(gt=0, description="and from which it has the last one, too")] = 2.0
    weight: Annotated[
        float, Meta(gt=0, description="how much both labels at once count against the first, at 1")
    ] = 1.0

    def check(self) -> None:
        """The last label is the rarer one."""
        if self.last <= self.first:
            raise RecipeError(
                f"label-chain: the last label, from grade {self.last:g} on, does not presuppose "
                f"the first, from {self.first:g} on",
                where="learn.last",
                fix=f"set it above {self.first:g}",
            )

    @property
    def similarity(self) -> str:
        """Of each pair of vectors."""
        return "dot"

    @property
    def sees_own_alone(self) -> bool:
        """Always: it is a loss of single pairs."""
        return True

    def refuse_grades(self, grades: Sequence[int]) -> None:
        """Some positives have the first label alone, and some have both."""
        only = [grade for grade in grades if self.first <= grade < self.last]
        both = [grade for grade in grades if grade >= self.last]
        if not (only and both):
            raise DataError(
                f"label-chain learns from two labels, from grades {self.first:g} and "
                f"{self.last:g} on, and positives have the grades {', '.join(map(str, grades))}",
                where="learn.first, learn.last, relevance in the qrels",
                fix="grade the positives (a column `rating` of 1 and 2, say), or set "
                "learn.first and learn.last to grades that there are",
            )

    def open(self) -> Losses:
        """The mean over the documents of each row, of both terms."""

        def losses(batch: EncodedBatch) -> Tensor:
            if batch.labels is None:
                raise unlabelled(self.kind)
            (given, before), (theirs, befores) = (
                vectors.chunk(2, dim=-1) for vectors in (batch.queries, batch.docs)
            )
            grades = batch.labels.nan_to_num(0.0)
            last, first = (
                (docs @ query.unsqueeze(-1)).squeeze(-1)
                for query, docs in ((given, theirs), (before, befores))
            )
            found = of_first(first, grades >= self.first)
            found = found + self.weight * of_both(first, last, grades >= self.last)
            return row_mean(found, batch.present)

        return losses


def of_first(first: Tensor, labelled: Tensor) -> Tensor:
    """Cross entropy of sig(first): float of any shape, `labelled` bool of the same."""
    return torch.where(labelled, softplus(-first), softplus(first))


def of_both(first: Tensor, last: Tensor, labelled: Tensor) -> Tensor:
    """Cross entropy of sig(first) sig(last), in logarithms all along."""
    log = torch.nn.functional.logsigmoid(first) + torch.nn.functional.logsigmoid(last)
    return torch.where(labelled, -log, -torch.log(-torch.expm1(log.clamp(max=-_LEAST))))
