"""Writing a text token by token from what several branches find probable.

The models say how probable each token is, the guide makes one distribution of it, and a number
drawn by seed and id says which token it is. Where the guide is unsure, several ways are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from negatives.arrays import Doubles
from negatives.errors import RecipeError
from negatives.guide.cautious import ends_trial, entropy, likeliest, trials
from negatives.guide.contrastive import drawn, nucleus
from negatives.machine import Machine
from negatives.models.branches import Branches
from negatives.models.causal_lm import CausalLM


def opened(machine: Machine, name: str) -> CausalLM:
    """A model to write with, opened once for all parts of a run."""
    return _opened(machine.threads, machine.device, machine.memory, name)


@lru_cache(maxsize=2)
def _opened(threads: int, device: str, memory: int, name: str) -> CausalLM:
    return CausalLM(name, threads=threads, device=device, memory=memory)


def refuse_lengths(kind: str, shortest: int, longest: int) -> None:
    """Raise `RecipeError` where a document has no room for what it must have."""
    if shortest > longest:
        raise RecipeError(
            f"{kind}: shortest = {shortest:,} is above longest = {longest:,}",
            fix="tokens of a document, at least and at most",
        )


def refuse_no_room(kind: str, model: CausalLM, longest: int) -> None:
    """Raise `RecipeError` where a document as long as it may be leaves no room for a prompt."""
    if model.longest <= longest:
        raise RecipeError(
            f"{kind}: longest = {longest:,} leaves no room for a prompt: the model reads "
            f"{model.longest:,} tokens",
            where=model.name,
            fix="give fewer",
        )


Guide = Callable[[Doubles], Doubles]
"""float64[branches, vocabulary] log-probabilities -> float64[vocabulary] of the next token."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """How tokens are drawn: between `shortest` and `longest` of them, of a nucleus of `top_p`.

    Where the entropy is above `doubt` nats, up to `trials` ways are tried, each to the next
    punctuation, and the likeliest is kept.
    """

    shortest: int = 0
    longest: int = 96
    temperature: float = 1.0
    top_p: float = 0.95
    trials: int = 1
    doubt: float = 2.0


@dataclass(frozen=True)
class Joint:
    """Branches of several models of one vocabulary, written together."""

    parts: Sequence[Branches]

    @property
    def log_probs(self) -> Doubles:
        """float64[branches, vocabulary]: those of all parts, in their order."""
        return np.concatenate([part.log_probs for part in self.parts])

    @property
    def written(self) -> Sequence[int]:
        """The tokens that were accepted."""
        return self.parts[0].written

    @property
    def text(self) -> str:
        """What was written."""
        return self.parts[0].text

    @property
    def ends(self) -> frozenset[int]:
        """Tokens that end a text."""
        return self.parts[0].model.ends

    def says(self, token: int) -> str:
        """The text of a token."""
        return self.parts[0].model.text([token])

    def with_one(self, token: int) -> str:
        """What was written, and a token more."""
        return self.parts[0].model.text([*self.written, token])

    def accept(self, token: int) -> None:
        """Write a token, in all branches."""
        for part in self.parts:
            part.accept(token)

    def fork(self) -> Joint:
        """Another writer that goes on from here."""
        return replace(self, parts=[part.fork() for part in self.parts])


def write(start: Joint, guide: Guide, style: Style, uniform: Callable[[int], float]) -> Joint:
    """The writer when the text has ended; `uniform(n)` is the n-th number that is drawn."""
    made, draws = start, 0

    def token(writer: Joint) -> tuple[int, float]:
        nonlocal draws
        log_probs = _next(writer, guide, style)
        chances = nucleus(log_probs, temperature=style.temperature, top_p=style.top_p)
        found = drawn(chances, uniform(draws))
        draws += 1
        return found, float(log_probs[found])

    while len(made.written) < style.longest:
        count = 1
        if style.trials > 1:
            count = trials(entropy(_next(made, guide, style)), style.doubt, style.trials)
        if count == 1:
            found, _ = token(made)
            if found in made.ends:
                break
            made.accept(found)
            continue
        tried = [_trial(made.fork(), token, style) for _ in range(count)]
        made, _, ended = tried[likeliest([log_probs for _, log_probs, _ in tried])]
        if ended:
            break
    return made


def _next(writer: Joint, guide: Guide, style: Style) -> Doubles:
    """The guide's log-probabilities; too early, the text cannot end."""
    log_probs = guide(writer.log_probs)
    if len(writer.written) < style.shortest:
        open_ended = log_probs.copy()
        open_ended[list(writer.ends)] = -np.inf
        if np.isfinite(open_ended).any():
            return open_ended
    return log_probs


def _trial(
    writer: Joint, token: Callable[[Joint], tuple[int, float]], style: Style
) -> tuple[Joint, list[float], bool]:
    """One way on, to the next punctuation, with its log-probabilities, and whether it is the end.

    Of a text that has ended the token that ends it counts.
    """
    log_probs = []
    while len(writer.written) < style.longest:
        found, log_prob = token(writer)
        log_probs.append(log_prob)
        if found in writer.ends:
            return writer, log_probs, True
        writer.accept(found)
        if ends_trial(writer.says(found)):
            break
    return writer, log_probs, False
