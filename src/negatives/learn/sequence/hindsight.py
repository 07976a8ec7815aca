"""Chain of hindsight: wrong responses are learned as such, behind words that say so.

Liu, Sferrazza and Abbeel 2024: a right and a wrong response of one prompt make up to four texts,
all learned by plain likelihood; at the end the model is asked with the words for a right one:

    p   prompt, right words, right response
    n   prompt, wrong words, wrong response
    np  prompt, wrong words, wrong response, right words, right response
    pn  the same two the other way round

Only responses are predicted, never prompt or words: a wrong response always follows the words that
call it wrong, and a text that is cut is cut at the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from negatives.errors import RecipeError
from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import SequenceLoss, Text, Unit
from negatives.optional import Tensor

Words = Annotated[str, Meta(min_length=1)]


class ChainOfHindsight(SequenceLoss, kind="chain-of-hindsight"):
    """Learn right and wrong responses behind words that say which they are.

    >>> from negatives.learn.sequence.hindsight import ChainOfHindsight
    >>> loss = ChainOfHindsight(good="Good: ", bad="Bad: ", include=["np"])
    >>> [(part, counted) for part, counted in loss.written("Q?", ["R"], ["W"], " ")[0].parts]
    [('Q? ', False), ('Bad: ', False), ('W', True), (' Good: ', False), ('R', True)]
    """

    unit: ClassVar[Unit] = "pair"
    good: Annotated[Words, Meta(description="before a right response")] = "A helpful answer: "
    bad: Annotated[Words, Meta(description="before a wrong response")] = "An unhelpful answer: "
    include: Annotated[
        list[Literal["p", "n", "np", "pn"]],
        Meta(min_length=1, description="texts that are made of a pair"),
    ] = field(default_factory=lambda: ["p", "n", "np", "pn"])

    def check(self) -> None:
        """Words that are alike, or none, would have wrong responses learned as right ones."""
        good, bad = self.good.strip(), self.bad.strip()
        if good == bad or not good or not bad:
            raise RecipeError(
                f"the words {self.good!r} and {self.bad!r} do not say which response is wrong",
                where="learn.good, learn.bad",
                fix="take two that differ, and none that is blank",
            )
        if len({*self.include}) < len(self.include):
            raise RecipeError(
                f"a text of a pair is included twice: {', '.join(self.include)}",
                where="learn.include",
                fix="name each of p, n, np and pn at most once",
            )

    def written(
        self, prompt: str, right: Sequence[str], wrong: Sequence[str], between: str
    ) -> list[Text]:
        """The texts of a pair, those that end right first."""
        asked = (f"{prompt}{between}", False)
        said = {"p": (self.good, right[0]), "n": (self.bad, wrong[0])}
        made = []
        for form in self.include:
            parts = [asked]
            for place, side in enumerate(form):
                words, response = said[side]
                parts += [(f"{between if place else ''}{words}", False), (response, True)]
            made.append(Text(tuple(parts), form.endswith("p")))
        return sorted(made, key=lambda text: not text.right)

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]: negative log-likelihood, the mean over the texts of a pair."""
        return batch.per_example(-batch.means)
