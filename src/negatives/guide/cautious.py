"""Cautious next token prediction: where a model is unsure, try several ways and take the likeliest.

Wang et al. 2025 (Cautious Next Token Prediction): at a token whose distribution has a high entropy,
several continuations are drawn independently, each up to the next punctuation, the more the less
sure the model is, and the one of the lowest perplexity is kept. A reconstruction from the abstract,
which gives no threshold and no formula for their number: here one more for each further half of the
threshold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from negatives.arrays import Doubles
from negatives.errors import DataError

PUNCTUATION: Final = frozenset(".,;:!?\n。、，；：！？")
"""What ends a trial."""


def entropy(log_probs: Doubles) -> float:
    """Of a distribution over the vocabulary, in nats: 0 where one token is sure.

    >>> import numpy as np
    >>> round(entropy(np.log(np.full(4, 0.25))), 4), entropy(np.array([0.0, -np.inf]))
    (1.3863, 0.0)
    """
    possible = log_probs[np.isfinite(log_probs)]
    return float(-(np.exp(possible) * possible).sum()) + 0.0


def trials(uncertainty: float, threshold: float, most: int) -> int:
    """How many continuations are tried where the next token's entropy is `uncertainty`, in nats.

    >>> [trials(nats, 2.0, 5) for nats in (0.5, 2.0, 2.1, 3.1, 9.0)]
    [1, 1, 2, 3, 5]
    """
    if not (0 <= uncertainty < math.inf and 0 < threshold < math.inf):
        raise DataError(
            f"an entropy of {uncertainty:g} nats, and several tries above {threshold:g}",
            fix="give an entropy of 0 or above, and a threshold above 0",
        )
    if uncertainty <= threshold or most < 2:
        return 1
    return min(most, 1 + math.ceil((uncertainty - threshold) / (threshold / 2)))


def likeliest(log_probs: Sequence[Sequence[float]]) -> int:
    """Which of some trials has the lowest perplexity: the highest mean log-probability of a token.

    >>> likeliest([[-1.0, -3.0], [-1.5], [-0.1, -4.0]])
    1
    """
    if not log_probs or not all(len(each) for each in log_probs):
        raise DataError(
            f"of {len(log_probs):,} trials some have no token, or there is none",
            fix="give the log-probabilities of each trial's tokens",
        )
    means = [sum(each) / len(each) for each in log_probs]
    return means.index(max(means))


def ends_trial(text: str) -> bool:
    """Whether a token holds punctuation, at which a trial stops."""
    return any(letter in PUNCTUATION for letter in text)
