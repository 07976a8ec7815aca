"""A text of which parts are predicted, as tokens: which count, and what is cut of a long one."""

from __future__ import annotations

from dataclasses import dataclass

from negatives.learn.sequence.loss import Text
from negatives.models.causal_lm import CausalLM, Piece


@dataclass(frozen=True, slots=True)
class Written:
    """Tokens, and which of them are predicted.

    `cut`: tokens of the prompt that were left out at its beginning. `over`: tokens more than are
    read, which no cutting of the prompt can mend.
    """

    tokens: list[int]
    counted: list[bool]
    cut: int = 0
    over: int = 0

    @property
    def predicted(self) -> int:
        """How many tokens are."""
        return sum(self.counted)


def written(text: Text, model: CausalLM, longest: int, *, ends: bool) -> Written:
    """The tokens of a text. `ends`: after each predicted part stands the token that ends a text.

    All of it is read as one text. A token that stands for the end of one part and the beginning of
    the next belongs to the next. Before a text that begins with what is predicted stands the
    model's first token, where it has one.
    """
    end = model.reader.eos_token_id if ends else None
    pieces = model.pieces(text.text)
    tokens: list[int] = []
    counted: list[bool] = []
    at = stop = free = 0
    for number, (part, predicted) in enumerate(text.parts):
        stop += len(part)
        while at < len(pieces) and _is_of(pieces, at, stop):
            tokens.append(pieces[at].token)
            counted.append(predicted and pieces[at].end > 0)
            at += 1
        if predicted and end is not None:
            tokens.append(end)
            counted.append(True)
        if number == 0:
            free = len(tokens) if not predicted else 0
    if counted and counted[0]:
        if model.start is None:
            counted[0] = False  # nothing stands before it that could predict it
        else:
            tokens, counted = [model.start, *tokens], [False, *counted]
    return _cut(tokens, counted, free, longest)


def _is_of(pieces: list[Piece], at: int, stop: int) -> bool:
    """Whether a token ends in the text up to `stop`; what a tokenizer adds is of what it is by."""
    return pieces[at].end <= stop


def _cut(tokens: list[int], counted: list[bool], free: int, longest: int) -> Written:
    """At most `longest` tokens; those of the prompt alone, `free` of them, are left out."""
    excess = max(0, len(tokens) - longest)
    # One token must stay before the first that is predicted.
    dropped = min(excess, max(0, free - 1))
    return Written(tokens[dropped:], counted[dropped:], dropped, excess - dropped)
