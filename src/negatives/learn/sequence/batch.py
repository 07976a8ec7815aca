"""What a loss of sequences sees: the tokens of responses, one after the other, without padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from negatives.errors import WorkError
from negatives.optional import Tensor, torch


@dataclass(frozen=True)
class Sequences:
    """m tokens of n responses of e examples, as a model predicts them.

    >>> import torch
    >>> made = Sequences.of([[-1.0, -2.0], [-3.0]], right=[True, False], example=[0, 0])
    >>> made.sums.tolist(), made.means.tolist()
    ([-3.0, -3.0], [-1.5, -3.0])
    >>> made.per_example(made.sums, ~made.right).tolist()
    [-3.0]
    """

    log_probs: Tensor
    """float[m]: of each token, after its prompt and the tokens before it."""
    row: Tensor
    """int64[m]: the response that a token is of."""
    right: Tensor
    """bool[n]: right, or to keep; else wrong, or to forget."""
    example: Tensor
    """int64[n]: the example that a response is of."""
    examples: int
    references: Tensor | None = None
    """float[n]: the *sum* of each response by the model as it was, computed once and kept."""
    targets: Tensor | None = None
    """int64[m]: the tokens."""
    logits: Tensor | None = None
    """float[m, vocabulary], of which `log_probs` are."""
    hidden: Tensor | None = None
    """float[m, width]: what the layer that the loss names holds for each token."""
    states: Tensor | None = None
    """float[m, width]: the last states, of which `head` makes `logits`."""
    prompts: Tensor | None = None
    """float[n, width]: the mean of the last states of each response's prompt."""
    head: Callable[[Tensor], Tensor] | None = None
    """The last layer: logits of states."""
    frozen: Sequences | None = None
    """The same by the model as it was, without gradient: distributions, not sums."""
    reinforced: Sequences | None = None
    """The same by a model that was trained further on what is to be forgotten."""

    @classmethod
    def of(
        cls,
        log_probs: list[list[float]],
        *,
        right: list[bool],
        example: list[int],
        references: list[float] | None = None,
    ) -> Sequences:
        """From log-probabilities of each response, for tests and for loops of one's own."""
        row = [n for n, each in enumerate(log_probs) for _ in each]
        return cls(
            log_probs=torch.tensor([value for each in log_probs for value in each]),
            row=torch.tensor(row, dtype=torch.int64),
            right=torch.tensor(right),
            example=torch.tensor(example, dtype=torch.int64),
            examples=max(example) + 1,
            references=None if references is None else torch.tensor(references),
        )

    @cached_property
    def lengths(self) -> Tensor:
        """float[n]: tokens of each response."""
        return self.log_probs.new_zeros(len(self.right)).index_add(
            0, self.row, torch.ones_like(self.log_probs.detach())
        )

    @cached_property
    def sums(self) -> Tensor:
        """float[n]: log-probability of each response."""
        return self.summed(self.log_probs)

    @cached_property
    def means(self) -> Tensor:
        """float[n]: the same of a token, on average."""
        return self.sums / self.lengths.clamp(min=1)

    @cached_property
    def ratios(self) -> Tensor:
        """float[n]: log pi(y|x) - log pi_ref(y|x), of sums."""
        if self.references is None:
            raise WorkError(
                "the loss compares with the model as it was, and there are no references",
                fix="give `references`, the sum of each response's log-probabilities",
            )
        return self.sums - self.references

    def summed(self, values: Tensor) -> Tensor:
        """float[n]: of a number for each token float[m], the sum of each response's."""
        return values.new_zeros(len(self.right)).index_add(0, self.row, values)

    def averaged(self, values: Tensor) -> Tensor:
        """float[n]: of a number for each token float[m], the mean of each response's."""
        return self.summed(values) / self.lengths.clamp(min=1)

    def per_example(self, values: Tensor, of: Tensor | None = None) -> Tensor:
        """float[e]: the mean of `values` float[n] over the responses `of` bool[n] of each example.

        0 where an example has none of them.
        """
        rows = torch.ones_like(self.right) if of is None else of
        at = self.example[rows]
        sums = values.new_zeros(self.examples).index_add(0, at, values[rows])
        counts = values.new_zeros(self.examples).index_add(
            0, at, torch.ones_like(values[rows].detach())
        )
        return sums / counts.clamp(min=1)

    def known(self, name: str) -> Tensor:
        """A tensor that a loss cannot do without, such as `targets`, `logits` or `hidden`."""
        found: Tensor | None = getattr(self, name)
        if found is None:
            raise WorkError(f"the loss needs {name} of the tokens, and the batch has none")
        return found

    @property
    def as_it_was(self) -> Sequences:
        """The batch by the model as it was."""
        if self.frozen is None:
            raise WorkError("the loss needs distributions of the model as it was")
        return self.frozen
