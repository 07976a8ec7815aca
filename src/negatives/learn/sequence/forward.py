"""One pass of a language model over written texts: the numbers of what is predicted, flat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from negatives.arrays import Floats
from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.writing import Written
from negatives.optional import Tensor, torch


@dataclass(frozen=True)
class Padded:
    """Written texts as one table, padded on the right, and where in it predicted tokens stand."""

    tokens: Tensor
    """int64[n, longest]."""
    mask: Tensor
    """int64[n, longest]: 0 is padding."""
    row: Tensor
    """int64[m]: the text of each predicted token."""
    place: Tensor
    """int64[m]: where it stands in its text, from 1."""

    @classmethod
    def of(cls, texts: Sequence[Written], device: Any) -> Padded:
        """The table of some texts."""
        longest = max(len(text.tokens) for text in texts)
        tokens = np.zeros((len(texts), longest), np.int64)
        mask, counted = np.zeros_like(tokens), np.zeros(tokens.shape, bool)
        for at, text in enumerate(texts):
            tokens[at, : len(text.tokens)] = text.tokens
            mask[at, : len(text.tokens)] = 1
            counted[at, : len(text.tokens)] = text.counted
        row, place = np.nonzero(counted)
        made = (torch.from_numpy(each).to(device) for each in (tokens, mask, row, place))
        return cls(*made)

    @property
    def prompts(self) -> Tensor:
        """bool[n, longest]: what stands before the first token of each text that is predicted."""
        first = torch.full((len(self.tokens),), self.tokens.shape[1], device=self.tokens.device)
        first = first.scatter_reduce(0, self.row, self.place, "amin")
        at = torch.arange(self.tokens.shape[1], device=self.tokens.device)
        made: Tensor = (at < first[:, None]) & (self.mask > 0)
        return made

    @property
    def targets(self) -> Tensor:
        """int64[m]: the predicted tokens."""
        return self.tokens[self.row, self.place]


@dataclass(frozen=True)
class Predicted:
    """What one model says of the predicted tokens of a table."""

    log_probs: Tensor
    logits: Tensor
    hidden: Tensor | None = None
    states: Tensor | None = None
    prompts: Tensor | None = None

    @classmethod
    def of(
        cls, net: Any, table: Padded, layer: int | None = None, states: bool = False
    ) -> Predicted:
        """Read a table once; logits of predicted tokens alone are kept, in full precision."""
        out = net(
            input_ids=table.tokens,
            attention_mask=table.mask,
            use_cache=False,
            output_hidden_states=layer is not None or states,
        )
        logits = out.logits[table.row, table.place - 1].float()
        own = logits.gather(1, table.targets[:, None])[:, 0]
        hidden = None
        if layer is not None:
            hidden = out.hidden_states[layer + 1][table.row, table.place].float()
        made = cls(own - logits.logsumexp(1), logits, hidden)
        if not states:
            return made
        last = out.hidden_states[-1]
        asked = table.prompts.to(last.dtype)[..., None]
        return replace(
            made,
            states=last[table.row, table.place - 1].float(),
            prompts=((last * asked).sum(1) / asked.sum(1).clamp(min=1)).float(),
        )


def head_of(net: Any) -> Callable[[Tensor], Tensor]:
    """What a model makes logits of its last states with."""
    layer = net.get_output_embeddings()

    def head(states: Tensor) -> Tensor:
        made: Tensor = layer(states.to(layer.weight.dtype)).float()
        return made

    return head


def sums_of(net: Any, texts: Sequence[Written], at_once: int) -> Floats:
    """float32[n]: log-probability of what is predicted of each text; dropout is off.

    The longest are read together, `at_once` of them.
    """
    made = np.zeros(len(texts), np.float32)
    order = sorted(range(len(texts)), key=lambda place: (-len(texts[place].tokens), place))
    training = net.training
    net.eval()
    with torch.inference_mode():
        for start in range(0, len(order), at_once):
            batch = order[start : start + at_once]
            table = Padded.of([texts[place] for place in batch], net.device)
            said = Predicted.of(net, table)
            sums = said.log_probs.new_zeros(len(batch)).index_add(0, table.row, said.log_probs)
            made[batch] = sums.cpu().numpy()
    net.train(training)
    return made


def sequences(
    net: Any,
    table: Padded,
    *,
    right: Tensor,
    example: Tensor,
    examples: int,
    references: Tensor | None,
    layer: int | None,
    states: bool = False,
    frozen: Any = None,
    reinforced: Any = None,
) -> Sequences:
    """A batch for a loss, by the model that learns and by those that stand still beside it."""

    def seen(model: Any) -> Sequences:
        said = Predicted.of(model, table, layer, states)
        return Sequences(
            log_probs=said.log_probs,
            row=table.row,
            right=right,
            example=example,
            examples=examples,
            targets=table.targets,
            logits=said.logits,
            hidden=said.hidden,
            states=said.states,
            prompts=said.prompts,
            head=head_of(model) if states else None,
        )

    with torch.no_grad():
        still = [None if model is None else seen(model) for model in (frozen, reinforced)]
    before, other = still
    return replace(seen(net), references=references, frozen=before, reinforced=other)
