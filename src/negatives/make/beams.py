"""Beam search that listens to a critic: what comes next is probable, and pleases it.

At every token a beam is worth `share` times the log-probability of its tokens, summed, and 1 -
`share` times what the critic said of the text after each of them, summed: the weighted product of
experts with a classifier in the loop of ToxiGen (Hartvigsen et al. 2022, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from negatives.arrays import Doubles
from negatives.make.stepwise import Joint

Critic = Callable[[Sequence[str]], Doubles]
"""Texts as they are so far -> float64[n]: the logarithm of how probably each is as it should be."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """How wide and how long is searched.

    `tokens`: the most probable next ones of a beam, which the critic is asked about. A run of
    `unrepeated` tokens comes once in a text; 0: as often as it likes.
    """

    beams: int = 4
    tokens: int = 20
    share: float = 0.5
    shortest: int = 0
    longest: int = 32
    unrepeated: int = 3


@dataclass(frozen=True)
class Beam:
    """A text so far, and what it is worth."""

    writer: Joint
    worth: float
    ended: bool = False

    @property
    def mean(self) -> float:
        """Its worth a token, by which texts of several lengths are compared."""
        return self.worth / (len(self.writer.written) + self.ended)


def searched(start: Joint, critic: Critic, search: Search) -> list[Beam]:
    """The texts of the last beams, and those that ended on the way, the best first."""
    open_beams, ended = [Beam(start, 0.0)], list[Beam]()
    for _ in range(search.longest):
        steps = [(beam, token, gain) for beam in open_beams for token, gain in _next(beam, search)]
        if not steps:
            break
        texts = [
            beam.writer.text if token in beam.writer.ends else beam.writer.with_one(token)
            for beam, token, _ in steps
        ]
        worth = np.array([beam.worth for beam, _, _ in steps])
        worth += search.share * np.array([gain for *_, gain in steps])
        worth += (1 - search.share) * critic(texts)
        best = np.argsort(-worth, kind="stable")[: search.beams]
        open_beams = []
        for place in best.tolist():
            beam, token, _ = steps[place]
            if token in beam.writer.ends:
                ended.append(Beam(beam.writer, float(worth[place]), ended=True))
                continue
            writer = beam.writer.fork()
            writer.accept(token)
            open_beams.append(Beam(writer, float(worth[place])))
    found = [beam for beam in (*ended, *open_beams) if beam.writer.written]
    return sorted(found, key=lambda beam: -beam.mean)


def _next(beam: Beam, search: Search) -> list[tuple[int, float]]:
    """The most probable next tokens that may come, with their log-probabilities."""
    writer = beam.writer
    log_probs = writer.log_probs[0].copy()
    if len(writer.written) < max(search.shortest, 1):
        log_probs[list(writer.ends)] = -np.inf
    log_probs[_repeating(writer.written, search.unrepeated)] = -np.inf
    order = np.argsort(-log_probs, kind="stable")[: search.tokens]
    return [
        (int(token), float(log_probs[token])) for token in order if np.isfinite(log_probs[token])
    ]


def _repeating(written: Sequence[int], run: int) -> list[int]:
    """The tokens with which a run of so many would come again.

    >>> from negatives.make.beams import _repeating
    >>> _repeating([1, 2, 3, 1, 2], 3), _repeating([1, 2, 3, 1, 2], 0)
    ([3], [])
    """
    if not run or len(written) < run:
        return []
    head = list(written[len(written) - run + 1 :])
    starts = range(len(written) - run + 1)
    return sorted({written[at + run - 1] for at in starts if [*written[at : at + run - 1]] == head})
