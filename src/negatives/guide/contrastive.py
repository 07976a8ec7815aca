"""The next token from several predictions: contrast, negative prompts, guided captions.

    b, f, n   log-probabilities of the next token by the base, the expert and the negative prompt
    l = b + gamma (f - b) - eta (n - b)        over tokens with P_f >= alpha max P_f, renormalised

gamma = 1 and eta = 0 is the expert's own distribution, gamma = 0 the base's; beyond 1 what the
expert adds to the base is amplified. eta pushes away from what the negative prompt would write. The
last condition keeps out tokens of which the expert finds none plausible, whose quotients are
accidents. O'Neill et al. 2023 (arXiv 2308.07645, STEER); a reconstruction: how the two terms are
put together, and the condition, which is that of contrastive decoding, are not in the abstract.

With a weaker model as the base it is contrastive decoding (`contrasted`); with the same model
without its image or prompt as the base, classifier-free guidance of captions and of texts
(`caption_guided`). Branches are over one vocabulary, the last axis, as arrays of numpy or torch.
"""

from __future__ import annotations

import math

import numpy as np

from negatives.arrays import Doubles
from negatives.errors import DataError
from negatives.guide.namespace import Array, finite, largest, namespace, same_shape


def normalised(logits: Array) -> Array:
    """Log-probabilities of logits along the last axis; adding a constant to them changes nothing.

    >>> import numpy as np
    >>> np.exp(normalised(np.log(np.array([1.0, 3.0])))).round(6).tolist()
    [0.25, 0.75]
    """
    xp = namespace(logits)
    shifted = logits - largest(logits)
    with np.errstate(divide="ignore"):
        return shifted - xp.log(xp.exp(shifted).sum(-1)[..., None])


def steered(
    base: Array,
    expert: Array,
    negative: Array | None = None,
    *,
    gamma: float = 1.5,
    eta: float = 0.3,
    alpha: float = 0.1,
) -> Array:
    """float[..., vocabulary] log-probabilities of the next token; -inf of implausible ones.

    base, expert, negative: float[..., vocabulary], logits or log-probabilities of one vocabulary.

    >>> import numpy as np
    >>> base, expert = np.log(np.array([0.5, 0.3, 0.2])), np.log(np.array([0.2, 0.6, 0.2]))
    >>> np.exp(steered(base, expert, gamma=2, eta=0)).round(6).tolist()
    [0.054054, 0.810811, 0.135135]
    """
    refuse_settings(gamma, eta, alpha)
    same_shape(base=base, expert=expert, negative=base if negative is None else negative)
    xp = namespace(expert)
    b, f = normalised(base), normalised(expert)
    n = b if negative is None else normalised(negative)
    plausible = f >= largest(f) + (math.log(alpha) if alpha > 0 else -math.inf)
    with np.errstate(invalid="ignore"):  # what nobody finds possible
        mixed = b + gamma * (f - b) - eta * (n - b)
    mixed = xp.where(plausible & xp.isfinite(mixed), mixed, -math.inf)
    # Where the other branches rule out all that the expert finds plausible, the expert decides.
    nothing = largest(mixed) == -math.inf
    return normalised(xp.where(nothing, xp.where(plausible, f, -math.inf), mixed))


def refuse_settings(gamma: float, eta: float, alpha: float) -> None:
    """Refuse what `steered` cannot steer with."""
    if not 0 <= alpha <= 1:
        raise DataError(f"a cut at {alpha:g}", fix="a share of the expert's best: from 0 to 1")
    finite(gamma=gamma, eta=eta)


def contrasted(
    expert: Array, amateur: Array, *, strength: float = 0.5, alpha: float = 0.1
) -> Array:
    """Contrastive decoding: what an expert finds more probable than an amateur does.

    (1 + strength) f - strength b over the tokens that the expert finds plausible; 0 is the expert.
    Li et al. 2023 (arXiv 2210.15097), who take the difference alone; with a strength, so that it
    is the expert's own distribution that is sharpened, O'Brien and Lewis 2023 (arXiv 2309.09117).

    >>> import numpy as np
    >>> expert, amateur = np.log(np.array([0.5, 0.45, 0.05])), np.log(np.array([0.6, 0.2, 0.2]))
    >>> np.exp(contrasted(expert, amateur, strength=1.0, alpha=0.2)).round(4).tolist()
    [0.2915, 0.7085, 0.0]
    """
    if not strength >= 0:
        raise DataError(f"a strength of {strength:g}", fix="0 or above; 0 is the expert itself")
    return steered(amateur, expert, gamma=1 + strength, eta=0.0, alpha=alpha)


def caption_guided(
    conditional: Array, unconditional: Array, *, scale: float = 2.0, alpha: float = 0.1
) -> Array:
    """Classifier-free guidance of the next token of a caption, or of any text with a condition.

    `unconditional`: by the same model without the image, for which it was trained with the image
    left out of a part of its examples (`guide.drawn_share`). A scale of 1 is the model, above 1
    names what is special to the image. Kornblith et al. 2023 (arXiv 2307.16686) cut nothing off,
    which is alpha = 0.

    >>> import numpy as np
    >>> image, none = np.array([2.0, 0.0, 0.0]), np.array([1.0, 1.0, 0.0])
    >>> np.exp(caption_guided(image, none, scale=2.0, alpha=0.0)).round(6).tolist()
    [0.93624, 0.017148, 0.046613]
    """
    return steered(unconditional, conditional, gamma=scale, eta=0.0, alpha=alpha)


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
