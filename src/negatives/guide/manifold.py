"""CFG++ and the step of DDIM: what a guided prediction makes of a noisy sample.

    x0 = (x - sqrt(1 - a) e) / sqrt(a)          the clean sample that a prediction e of noise means
    DDIM    next x = sqrt(a') x0(e) + sqrt(1 - a') e
    CFG++   next x = sqrt(a') x0(e) + sqrt(1 - a') u,  e = u + lambda (c - u), 0 <= lambda <= 1

a, a' are the shares of signal (alpha-bar) before and after the step. CFG++ adds the noise of the
unconditional prediction back, so that what is guided is the clean sample alone. A step of CFG++ is
one of classifier-free guidance whose scale grows with the noise: `equivalent_scale`. Chung et al.
2025 (arXiv 2406.08070).
"""

from __future__ import annotations

import math

from negatives.errors import DataError
from negatives.guide.directions import cfg
from negatives.guide.namespace import Array, same_shape


def clean_sample(noisy: Array, noise: Array, signal: float) -> Array:
    """The clean sample that a prediction of noise means (Tweedie's formula).

    >>> import numpy as np
    >>> clean_sample(np.array([[1.0, 0.0]]), np.array([[0.44, -0.02]]), 0.5).round(6).tolist()
    [[0.974214, 0.02]]
    """
    _share(signal, lowest=True)
    same_shape(noisy=noisy, noise=noise)
    return (noisy - math.sqrt(1 - signal) * noise) / math.sqrt(signal)


def ddim_step(
    noisy: Array, noise: Array, signal: float, next_signal: float, *, renoise: Array | None = None
) -> Array:
    """The less noisy sample: the clean one that `noise` means, with noise of its new share.

    `renoise`: the prediction that is added back, where it is another than `noise`.

    >>> import numpy as np
    >>> x, e = np.array([[1.0, 0.0]]), np.array([[0.44, -0.02]])
    >>> ddim_step(x, e, 0.5, 1.0).round(6).tolist() == clean_sample(x, e, 0.5).round(6).tolist()
    True
    """
    _share(next_signal)
    back = noise if renoise is None else renoise
    same_shape(noise=noise, renoise=back)
    clean = clean_sample(noisy, noise, signal)
    return math.sqrt(next_signal) * clean + math.sqrt(1 - next_signal) * back


def cfg_plus_plus(
    noisy: Array,
    unconditional: Array,
    conditional: Array,
    strength: float,
    signal: float,
    next_signal: float,
) -> Array:
    """A step of CFG++: guided between two predictions, with the noise of the unconditional one.

    `strength` (lambda) is from 0, the unconditional step, to 1; .4 to .8 are usual. The scales of
    `cfg`, which are above 1, are refused. A negative prediction in place of the unconditional one
    makes it a negative prompt.

    >>> import numpy as np
    >>> x, u, c = np.array([[[1.0, 0.0]], [[0.2, 0.1]], [[0.6, -0.1]]])
    >>> cfg_plus_plus(x, u, c, 0.6, signal=0.5, next_signal=0.8).round(6).tolist()
    [[0.960806, 0.06261]]
    """
    if not 0 <= strength <= 1:
        raise DataError(
            f"CFG++ with a strength of {strength:g}",
            fix="it is from 0 to 1, .4 to .8 as a rule; a scale above 1 is one of cfg",
        )
    guided = cfg(unconditional, conditional, strength)
    return ddim_step(noisy, guided, signal, next_signal, renoise=unconditional)


def equivalent_scale(strength: float, signal: float, next_signal: float) -> float:
    """The scale of `cfg` with which a step of DDIM is this step of CFG++.

    >>> round(equivalent_scale(0.6, 0.5, 0.8), 6), equivalent_scale(0.6, 0.5, 1.0)
    (1.2, 0.6)
    """
    _share(signal, lowest=True)
    _share(next_signal)
    kept = math.sqrt(next_signal) * math.sqrt(1 - signal) / math.sqrt(signal)
    lost = kept - math.sqrt(1 - next_signal)
    if lost <= 0:
        raise DataError(
            f"a step from {signal:g} to {next_signal:g} takes no noise away",
            fix="the share of signal grows from step to step",
        )
    return strength * kept / lost


def _share(signal: float, *, lowest: bool = False) -> None:
    if not 0 <= signal <= 1 or (lowest and not signal):
        raise DataError(
            f"a share of signal (alpha-bar) of {signal:g}", fix="it is above 0 and at most 1"
        )
