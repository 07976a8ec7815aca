"""Marks before responses: a model says first which side its response is on.

Jain et al. 2024, Refusal Tokens: every response is learned behind a mark, one of those that are to
be answered, the other of those that are to be refused, and the mark is *predicted* as well. So the
first thing that the model says to a prompt is a decision with a probability, which `measure.marks`
reads and for which it finds a threshold, after training and without any further training.

    p(wrong | prompt) = p(bad mark) / (p(bad mark) + p(good mark))

Marks are words here, of the tokens that the model has: a new token would begin untrained, and stay
so where low-rank adapters alone are trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import SequenceLoss, Text, Unit
from negatives.optional import Tensor

Mark = Annotated[str, Meta(min_length=1)]
GOOD = "[respond]"
BAD = "[refuse]"


class Marked(SequenceLoss, kind="marked"):
    """Learn each response behind the mark of its side, and the mark too.

    >>> from negatives.learn.sequence.marked import Marked
    >>> good, bad = Marked(say="I cannot say.").written("Q?", ["R"], ["W"], " ")
    >>> good.parts, bad.parts[1]
    ((('Q? ', False), ('[respond] R', True)), ('[refuse] I cannot say.', True))
    """

    unit: ClassVar[Unit] = "each"
    good: Annotated[Mark, Meta(description="before a right response")] = GOOD
    bad: Annotated[Mark, Meta(description="before a wrong response")] = BAD
    say: Annotated[
        str,
        Meta(description="learned in the place of each wrong response; empty: the response itself"),
    ] = ""

    def check(self) -> None:
        """A space after a mark stands there already; of two marks neither begins the other."""
        for name in ("good", "bad"):
            mark: str = getattr(self, name)
            if not mark.strip():
                raise RecipeError("the mark is blank", where=f"learn.{name}", fix="write a word")
            if mark != mark.strip():
                raise RecipeError(
                    f"the mark {mark!r} begins or ends with a space",
                    where=f"learn.{name}",
                    fix=f"write {mark.strip()!r}: a space is put between mark and response",
                )
        if self.good.startswith(self.bad) or self.bad.startswith(self.good):
            raise RecipeError(
                f"one of the marks {self.good!r} and {self.bad!r} begins with the other: the first "
                "words of a response do not tell which of them it is",
                where="learn.good, learn.bad",
                fix="take two marks that differ before the shorter one ends",
            )

    def written(
        self, prompt: str, right: Sequence[str], wrong: Sequence[str], between: str
    ) -> list[Text]:
        """Mark and response are one part: no token that ends a text stands between them."""
        asked = (f"{prompt}{between}", False)
        sides = [(f"{self.good} {text}", True) for text in right]
        sides += [(f"{self.bad} {self.say or text}", False) for text in wrong]
        return [Text((asked, (text, True)), side) for text, side in sides]

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]: negative log-likelihood of mark and response, the mean over tokens."""
        return batch.per_example(-batch.means)
