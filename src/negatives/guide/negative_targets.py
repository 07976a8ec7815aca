"""Negative targets in training, so that a negative condition means something (S3Diff).

A model that makes its output in one step has never seen what a negative prompt names. So with a
small probability an example is trained on under the negative condition, with the bad output that is
at hand, the degraded input itself, as its target. At generation the negative condition is then what
is moved away from: `guide.negative_prompt(bad, good, 1.07)`; the scales of many steps, such as 7.5,
overshoot by far. Zhang et al. 2024 (arXiv 2409.17058).

Leaving the condition out of a part of the examples, which `cfg` and guided captions need, is the
same draw.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from negatives.arrays import Bools
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import DataError
from negatives.guide.namespace import Array, like_samples, namespace, same_shape


def drawn_share(ids: Sequence[str | int], share: float, *, seed: int = 0, epoch: int = 0) -> Bools:
    """bool[ids]: the examples of an epoch that are trained on in the other way, drawn one by one.

    The draw depends on the seed, the epoch and the id alone, never on the batch.

    >>> drawn_share(["a", "b"], 0.0).tolist(), drawn_share(["a", "b"], 1.0).tolist()
    ([False, False], [True, True])
    """
    if not 0 <= share <= 1:
        raise DataError(f"a share of {share:g}", fix="from 0 to 1; .05 is usual for negatives")
    drawn: Bools = (
        uniforms(
            id_hashes(pl.Series([*map(str, ids)], dtype=pl.String)),
            stream_key(seed, f"guide/negative/{epoch}"),
        )
        < share
    )
    return drawn


def mixed_targets(targets: Array, degraded: Array, negative: Array) -> Array:
    """What each example is trained towards: its degraded form where it is a negative one.

    targets, degraded: float[samples, ...]; negative: bool[samples], as `drawn_share` draws them,
    which is also the condition that the model is given.

    >>> import numpy as np
    >>> mixed_targets(np.ones((2, 1)), np.zeros((2, 1)), np.array([False, True])).tolist()
    [[1.0], [0.0]]
    """
    same_shape(targets=targets, degraded=degraded)
    if len(negative) != len(targets):
        raise DataError(
            f"{len(negative):,} draws for {len(targets):,} targets", fix="one for each sample"
        )
    return namespace(targets).where(like_samples(negative, targets), degraded, targets)
