"""What a loss of sequences is, and what all that forget have in common: what is to be kept.

A loss of one's own subclasses `SequenceLoss`, says by its class properties what an example of it is
and what it needs, and overrides `of`, which gets a batch and gives a number for each example. Where
it learns from other texts than prompt and response it overrides `written`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.loss import Loss, Losses
from negatives.learn.sequence.batch import Sequences
from negatives.optional import Tensor, torch

Unit = Literal["wrong", "right", "each", "pair", "several"]
"""What an example is: each wrong response; each right one; each of either; a right and a wrong one
of the same prompt; a wrong one and several right ones of its prompt."""

Beta = Annotated[float, Meta(gt=0, description="how fast the loss fades; small: as its limit")]


@dataclass(frozen=True, slots=True)
class Text:
    """One sequence: parts of a text, of which some are predicted, and on which side it is."""

    parts: tuple[tuple[str, bool], ...]
    right: bool

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(part for part, _ in self.parts)


class SequenceLoss(Loss):
    """A function of the log-probabilities of responses, to be made small."""

    learns_from: ClassVar[str] = "sequences"
    unit: ClassVar[Unit] = "wrong"
    needs_references: ClassVar[bool] = False
    """Whether it compares the sum of each response with that of the model as it was."""
    needs_states: ClassVar[bool] = False
    """Whether it needs the states that logits are made of, of responses and of prompts."""
    whole_batch: ClassVar[bool] = False
    """Whether an example's loss depends on the others of its batch, which then cannot be parted."""

    @property
    def keeps(self) -> bool:
        """Whether each example has a right response beside it, drawn from all of them."""
        return False

    @property
    def needs_frozen(self) -> bool:
        """Whether it compares distributions with those of the model as it was, held beside it."""
        return False

    @property
    def reinforced_model(self) -> str:
        """A model trained further on what is to be forgotten, whose distributions it needs."""
        return ""

    @property
    def layer(self) -> int | None:
        """The layer, from 0, of which it needs what is held for each token."""
        return None

    @property
    def right_each(self) -> int:
        """Right responses of an example, at most, where a unit is `several`."""
        return 1

    def written(
        self, prompt: str, right: Sequence[str], wrong: Sequence[str], between: str
    ) -> list[Text]:
        """The sequences of an example: each response after its prompt, the right ones first."""
        asked = (f"{prompt}{between}", False)
        sides = [*((text, True) for text in right), *((text, False) for text in wrong)]
        return [Text((asked, (text, True)), side) for text, side in sides]

    @abstractmethod
    def of(self, batch: Sequences) -> Tensor:
        """float[examples]: the loss of each example."""

    def open(self) -> Losses:
        """A loss of sequences has nothing to say of embeddings."""
        raise RecipeError(
            f"the loss {self.kind!r} learns from a language model's responses, not from embeddings",
            where="learn.kind",
            fix='train a language model: [train] kind = "language-model"',
        )


class Forgetting(SequenceLoss):
    """A loss of what is to be forgotten, and beside it of what is to be kept.

    loss = forget(wrong response) + retain_weight * keep(a right response, drawn anew every time)
    """

    retain: Annotated[
        Literal["none", "nll", "kl"],
        Meta(
            description="of what is to be kept: nll, its negative log-likelihood; kl, the "
            "divergence from the model as it was; none, nothing holds it"
        ),
    ] = "nll"
    retain_weight: Annotated[float, Meta(ge=0, description="of what is to be kept")] = 1.0

    @property
    def keeps(self) -> bool:
        """Unless nothing is to be kept."""
        return self.retain != "none" and self.retain_weight > 0

    @property
    def needs_frozen(self) -> bool:
        """For the divergence, of all tokens that might have come."""
        return self.keeps and self.retain == "kl"

    @abstractmethod
    def forget(self, batch: Sequences) -> Tensor:
        """float[n]: of each response; those of the right ones are not looked at."""

    def of(self, batch: Sequences) -> Tensor:
        """As the class says."""
        lost = batch.per_example(self.forget(batch), ~batch.right)
        if not self.keeps:
            return lost
        kept = -batch.means if self.retain == "nll" else divergence(batch)
        return lost + self.retain_weight * batch.per_example(kept, batch.right)


def divergence(batch: Sequences) -> Tensor:
    """float[n]: KL(model as it was || model), the mean over the tokens of each response."""
    now, before = (each.known("logits").log_softmax(-1) for each in (batch, batch.as_it_was))
    each = torch.nn.functional.kl_div(now, before, log_target=True, reduction="none").sum(-1)
    return batch.averaged(each)
