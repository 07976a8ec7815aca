"""Contrastive expert guidance and negative prompting: the next token, from three predictions.

    b, f, n   log-probabilities of the next token by the base, the expert and the negative prompt
    l = b + gamma (f - b) - eta (n - b)        over tokens with P_f >= alpha max P_f, renormalised

gamma = 1 and eta = 0 is the expert's own distribution, gamma = 0 the base's; beyond 1 what the
expert adds to the base is amplified. eta pushes away from what the negative prompt would write. The
last condition keeps out tokens of which the expert finds none plausible, whose quotients are
accidents. O'Neill et al. 2023 (arXiv 2308.07645, STEER); a reconstruction: how the two terms are
put together, and the condition, which is that of contrastive decoding, are not in the abstract.
"""

from __future__ import annotations

import numpy as np

from negatives.arrays import Doubles


def normalised(logits: Doubles) -> Doubles:
    """Log-probabilities of logits along the last axis; adding a constant to them changes nothing.

    >>> import numpy as np
    >>> np.exp(normalised(np.log(np.array([1.0, 3.0])))).round(6).tolist()
    [0.25, 0.75]
    """
    highest = logits.max(-1, keepdims=True)
    shifted = logits - highest
    with np.errstate(divide="ignore"):
        made: Doubles = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return made


def steered(
    base: Doubles,
    expert: Doubles,
    negative: Doubles | None = None,
    *,
    gamma: float = 1.5,
    eta: float = 0.3,
    alpha: float = 0.1,
) -> Doubles:
    """float64[vocabulary] log-probabilities of the next token; -inf of those that are implausible.

    base, expert, negative: float64[vocabulary], logits or log-probabilities of one vocabulary.

    >>> import numpy as np
    >>> base, expert = np.log(np.array([0.5, 0.3, 0.2])), np.log(np.array([0.2, 0.6, 0.2]))
    >>> np.exp(steered(base, expert, gamma=2, eta=0)).round(6).tolist()
    [0.054054, 0.810811, 0.135135]
    """
    b, f = normalised(base), normalised(expert)
    n = b if negative is None else normalised(negative)
    plausible = f >= f.max() + (np.log(alpha) if alpha > 0 else -np.inf)
    with np.errstate(invalid="ignore"):  # what nobody finds possible
        mixed = b + gamma * (f - b) - eta * (n - b)
    mixed = np.where(plausible & np.isfinite(mixed), mixed, -np.inf)
    if not np.isfinite(mixed).any():
        mixed = np.where(plausible, f, -np.inf)
    return normalised(mixed)


def nucleus(log_probs: Doubles, *, temperature: float = 1.0, top_p: float = 0.95) -> Doubles:
    """float64[vocabulary] probabilities: sharpened, then of the fewest that make up `top_p`.

    >>> import numpy as np
    >>> nucleus(np.log(np.array([0.5, 0.3, 0.2])), top_p=0.7).round(6).tolist()
    [0.625, 0.375, 0.0]
    """
    chances = np.exp(normalised(log_probs / temperature))
    order = np.argsort(-chances, kind="stable")
    before = np.cumsum(chances[order]) - chances[order]
    kept = order[before < top_p]
    made = np.zeros(len(chances))
    made[kept] = chances[kept]
    made /= made.sum()
    return made


def drawn(probabilities: Doubles, uniform: float) -> int:
    """The token that a number in (0, 1) falls on.

    >>> import numpy as np
    >>> [drawn(np.array([0.25, 0.0, 0.75]), u) for u in (0.2, 0.3)]
    [0, 2]
    """
    ends = np.cumsum(probabilities)
    found = int(np.searchsorted(ends, uniform * ends[-1], side="right"))
    return min(found, int(np.flatnonzero(probabilities)[-1]))
