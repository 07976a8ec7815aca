"""A loss and a language model in a training: from the numbers of examples to one number.

A batch is read whole or a few examples at a time (`chunk`): each part's loss counts by its share of
the batch's examples, so that the gradient is that of the whole batch, however the examples fall
into parts and however many tokens they have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from negatives.errors import WorkError
from negatives.learn.sequence.examples import Compared
from negatives.learn.sequence.forward import Padded, sequences
from negatives.learn.sequence.loss import SequenceLoss, Text
from negatives.learn.sequence.references import References, key
from negatives.learn.sequence.writing import Written
from negatives.optional import Tensor, torch

Write = Callable[[Text], Written]


@dataclass
class SequenceModule:
    """What the trainer calls for each batch. `write` makes tokens of a text.

    `frozen` and `reinforced` are models that stand still, where the loss needs their distributions;
    `references` has sums by the model as it was, where it needs those.
    """

    net: Any
    loss: SequenceLoss
    found: Compared
    write: Write
    between: str
    seed: int = 0
    chunk: int = 0
    from_wrong: bool = False
    """Whether of wrong responses with labelled steps the first wrong step and the rest count."""
    references: References | None = None
    frozen: Any = None
    reinforced: Any = None
    batch: int = 0
    """The number of the batch that is made next, from 0: what is drawn beside it depends on it."""
    _sums: dict[bytes, float] = field(default_factory=dict, init=False, repr=False)

    def before(self, number: int) -> None:
        """The batch that is made next."""
        self.batch = number

    def texts(self, number: int) -> list[Text]:
        """The sequences of an example, without what is drawn beside it."""
        prompt, right, wrong = self.found.of(number)
        made = self.loss.written(prompt, right, wrong, self.between)
        return [self._from_wrong(text, wrong) for text in made] if self.from_wrong else made

    def _from_wrong(self, text: Text, wrong: Sequence[str]) -> Text:
        """The text, in which the right steps of a wrong response are read and not predicted.

        The same response may be right for another prompt, and is learned whole there.
        """
        parts: list[tuple[str, bool]] = []
        for part, predicted in text.parts:
            right = self.found.right_steps.get(part, 0) if predicted and part in wrong else 0
            parts += (
                [(part[:right], False), (part[right:], predicted)] if right else [(part, predicted)]
            )
        return Text(tuple(parts), text.right)

    def collate(self, numbers: Sequence[int]) -> dict[str, Any]:
        """What a batch of examples is: their numbers, and what is drawn beside each."""
        drawn = [self._drawn(number) for number in numbers]
        return {"example": torch.tensor(list(numbers)), "kept": torch.tensor(drawn)}

    def _drawn(self, number: int) -> int:
        """The right response beside an example of this batch, by its number; -1: none."""
        if not len(self.found.kept):
            return -1
        said = f"{self.seed} {self.batch} {number}".encode()
        drawn = int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "little")
        return drawn % len(self.found.kept)

    def parts(self, numbers: Any, kept: Any) -> Iterator[tuple[list[int], list[int], float]]:
        """The parts of a batch that are read at a time, each with its share of the examples."""
        every, beside = numbers.tolist(), kept.tolist()
        size = self.chunk or len(every)
        for start in range(0, len(every), size):
            some = every[start : start + size]
            yield some, beside[start : start + size], len(some) / len(every)

    def losses(self, numbers: Sequence[int], kept: Sequence[int]) -> Tensor:
        """float[n]: the loss of each example; `WorkError` naming those for which it is no number.

        Their texts and references are made now, and those of one batch at a time are held.
        """
        texts, example, drawn = [], [], []
        for at, (number, beside) in enumerate(zip(numbers, kept, strict=True)):
            own = self.texts(number)
            drawn += [False] * len(own)
            if beside >= 0:
                ((prompt, response),) = self.found.responses.texts(
                    self.found.kept[beside : beside + 1]
                )
                own = [*own, Text(((f"{prompt}{self.between}", False), (response, True)), True)]
                drawn.append(True)
            texts += own
            example += [at] * len(own)
        written = [self.write(text) for text in texts]
        device = self.net.device
        references = None
        if self.references is not None:
            references = torch.from_numpy(self._referred(written, drawn)).to(device)
        seen = sequences(
            self.net,
            Padded.of(written, device),
            right=torch.tensor([text.right for text in texts], device=device),
            example=torch.tensor(example, device=device),
            examples=len(numbers),
            references=references,
            layer=self.loss.layer,
            states=self.loss.needs_states,
            frozen=self.frozen,
            reinforced=self.reinforced,
        )
        found = self.loss.of(seen)
        if not bool(torch.isfinite(found).all()):
            self._refuse(found, numbers)
        return found

    def _referred(self, written: Sequence[Written], drawn: Sequence[bool]) -> Any:
        """float32[n]: sums by the model as it was, each looked up once; 0 of what is `drawn`
        beside an example, which no loss compares.
        """
        assert self.references is not None
        keys = [b"" if beside else key(text) for text, beside in zip(written, drawn, strict=True)]
        lacking = [at for at, each in enumerate(keys) if each and each not in self._sums]
        if lacking:
            sums = self.references.sums([written[at] for at in lacking])
            self._sums.update(zip((keys[at] for at in lacking), sums.tolist(), strict=True))
        return np.array([self._sums[each] if each else 0.0 for each in keys], np.float32)

    def remember(self) -> int:
        """Look every reference up, before the model changes; how many texts were read for it."""
        if self.references is None:
            return 0
        texts = [text for number in range(len(self.found)) for text in self.texts(number)]
        self._referred([self.write(text) for text in texts], [False] * len(texts))
        return self.references.computed

    def _refuse(self, losses: Tensor, numbers: Sequence[int]) -> None:
        wrong = (~torch.isfinite(losses.detach())).nonzero().flatten().tolist()
        raise WorkError(
            f"the loss is no number for {len(wrong)} of {len(numbers)} examples of batch "
            f"{self.batch:,}",
            where=f"examples {self.found.name([numbers[at] for at in wrong])}",
            fix="lower the learning rate (--set train.learning_rate=...), or take a loss with a "
            "bound, such as npo instead of gradient-ascent",
        )
