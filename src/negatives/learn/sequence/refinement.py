"""Thought refinement: a right response is learned behind a wrong one that is read, not learned.

Du et al. 2024, Think Thrice Before You Act (PTR): a weak model's thought stands before a strong
one's answer, the thought is masked, and what is learned is how to come from the one to the other,
not to say the first. Here the wrong response of a pair is the thought:

    prompt, wrong response, words that ask for a better one, right response
    masked  masked          masked                           predicted

A reconstruction from the abstract: there are one thought and one answer, and the weights of the
loss do not change on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.hindsight import Words
from negatives.learn.sequence.loss import SequenceLoss, Text, Unit
from negatives.optional import Tensor


class Refinement(SequenceLoss, kind="refinement"):
    """Learn to come from a wrong response to a right one.

    >>> from negatives.learn.sequence.refinement import Refinement
    >>> loss = Refinement(ask="Better: ")
    >>> [(part, counted) for part, counted in loss.written("Q?", ["R"], ["W"], " ")[0].parts]
    [('Q? W Better: ', False), ('R', True)]
    """

    unit: ClassVar[Unit] = "pair"
    ask: Annotated[Words, Meta(description="between the wrong response and the right one")] = (
        "Think again, and give a better answer: "
    )

    def written(
        self, prompt: str, right: Sequence[str], wrong: Sequence[str], between: str
    ) -> list[Text]:
        """One text: only the right response is predicted."""
        asked = f"{prompt}{between}{wrong[0]}{between}{self.ask}"
        return [Text(((asked, False), (right[0], True)), True)]

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]: negative log-likelihood of a token of the right response."""
        return batch.per_example(-batch.means)
