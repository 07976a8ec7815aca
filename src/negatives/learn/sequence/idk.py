"""Instead of the response that is to be forgotten, the model learns to say that it does not know.

Maini et al. 2024, TOFU: the likelihood of such an answer (`form = "likelihood"`), or DPO with it as
the right response and the true one as the wrong (`form = "dpo"`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, field

from negatives.errors import RecipeError
from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import Beta, Forgetting, Text
from negatives.learn.sequence.preference import smoothed
from negatives.optional import Tensor

PHRASES: Final = (
    "I don't know.",
    "I'm not sure.",
    "I have no information about that.",
    "That is something I do not know.",
)


class IDK(Forgetting, kind="idk"):
    """Answer what is to be forgotten with one of some phrases, which phrase by the prompt.

    >>> from negatives.learn.sequence.idk import IDK
    >>> [text.text for text in IDK(answers=["I don't know."]).written("Who?", [], ["She."], " ")]
    ["Who? I don't know."]
    """

    answers: Annotated[
        list[Annotated[str, Meta(min_length=1)]],
        Meta(min_length=1, description="what is said instead"),
    ] = field(default_factory=lambda: [*PHRASES])
    form: Annotated[
        Literal["likelihood", "dpo"],
        Meta(description="dpo: the true answer is pushed down too, against the model as it was"),
    ] = "likelihood"
    beta: Beta = 0.1

    @property
    def needs_references(self) -> bool:  # type: ignore[override]
        """Where it is DPO."""
        return self.form == "dpo"

    def check(self) -> None:
        """Blank answers say nothing."""
        if not all(answer.strip() for answer in self.answers):
            raise RecipeError("an answer is blank", where="learn.answers", fix="write a text")

    def written(
        self, prompt: str, right: Sequence[str], wrong: Sequence[str], between: str
    ) -> list[Text]:
        """The right responses, the phrase as what is said of the wrong one, and that one."""
        phrase = self.answers[sum(prompt.encode()) % len(self.answers)]
        asked = (f"{prompt}{between}", False)
        made = [Text((asked, (phrase, True)), False) for _ in wrong]
        if self.form == "dpo":
            made += [Text((asked, (text, True)), False) for text in wrong]
        kept = super().written(prompt, right, [], between)
        return [*kept, *made]

    def forget(self, batch: Sequences) -> Tensor:
        """float[n]: of the phrases, -mean; or DPO of the phrase and the true answer, on both."""
        if self.form == "likelihood":
            return -batch.means
        sign = self._signs(batch)
        h = batch.per_example(sign * batch.ratios, ~batch.right) * 2
        return smoothed(self.beta * h, 0.0)[batch.example]

    def _signs(self, batch: Sequences) -> Tensor:
        """float[n]: 1 of an example's first wrong response, the phrase; -1 of its second."""
        sign = batch.sums.new_ones(len(batch.right))
        seen: set[int] = set()
        for place, (right, example) in enumerate(
            zip(batch.right.tolist(), batch.example.tolist(), strict=True)
        ):
            if not right:
                sign[place] = -1.0 if example in seen else 1.0
                seen.add(example)
        return sign
