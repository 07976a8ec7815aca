"""Arrays of numpy and of torch alike: the functions of an array's own library, and its shape.

A guide computes with the operators that both libraries share, and asks here for the few functions
that they do not. Nothing is imported: whoever has a tensor has imported torch.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from negatives.errors import DataError

Array = Any
"""A numpy array or a torch tensor of floating-point numbers; what comes out is of the same sort."""


def namespace(array: Array) -> Any:
    """The library whose functions take `array`: numpy, torch, or another with the same functions.

    >>> namespace(np.zeros(2)).__name__
    'numpy'
    """
    if isinstance(array, np.ndarray | np.generic):
        return np
    library = sys.modules.get(type(array).__module__.partition(".")[0])
    if hasattr(library, "where") and hasattr(array, "shape"):
        return library
    raise DataError(
        f"a {type(array).__name__} is no array",
        fix="give an array of numpy or a tensor of torch: numpy.asarray(...)",
    )


def one_library(**arrays: Array) -> None:
    """Refuse arrays of numpy beside tensors of torch."""
    found = {name: namespace(array).__name__ for name, array in arrays.items()}
    if len(set(found.values())) > 1:
        said = ", ".join(f"{name} of {library}" for name, library in found.items())
        raise DataError(
            f"the arrays are of several libraries: {said}",
            fix="give all as tensors, torch.as_tensor(...), or all as arrays, numpy.asarray(...)",
        )


def same_shape(**arrays: Array) -> None:
    """Refuse arrays of several shapes, which would be stretched to one another in silence."""
    one_library(**arrays)
    shapes = {name: tuple(array.shape) for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        said = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise DataError(
            f"the predictions have several shapes: {said}",
            fix="all branches predict for the same samples",
        )


def per_sample(array: Array, name: str = "predictions") -> Array:
    """float[samples, values]: each sample as one row; refuses what has no axis of samples."""
    if len(array.shape) < 2:
        raise DataError(
            f"{name} has the shape {tuple(array.shape)}, in which no axis is of samples",
            fix="give float[samples, ...]; one sample x is x[None]",
        )
    return array.reshape(array.shape[0], -1)


def like_samples(numbers: Array, array: Array) -> Array:
    """A number a sample, in a shape that multiplies `array` sample by sample."""
    return numbers.reshape(-1, *(1,) * (len(array.shape) - 1))


def largest(array: Array) -> Array:
    """The largest along the last axis, which is kept with length 1."""
    return namespace(array).amax(array, -1)[..., None]


def finite(**numbers: float | Array) -> None:
    """Refuse a strength, or one a sample, that is no finite number: predictions would be none."""
    for name, number in numbers.items():
        if getattr(number, "ndim", 0):
            if not bool(namespace(number).isfinite(number).all()):
                raise DataError(f"{name} holds what is no finite number", fix="give finite numbers")
        elif not math.isfinite(number):
            raise DataError(f"{name} is {number:g}", fix="give a finite number")


def as_weights(weights: Any, number: int, of: str) -> list[float]:
    """A finite weight, 0 or above, for each of so many; one number is that of each."""
    several = isinstance(weights, Sequence) or getattr(weights, "ndim", 0) > 0
    each = [*map(float, weights)] if several else [float(weights)] * number
    if len(each) != number:
        raise DataError(
            f"{len(each):,} weights for {number:,} {of}", fix="one number, or one for each"
        )
    for weight in each:
        if not 0 <= weight < float("inf"):
            raise DataError(
                f"a weight of {weight:g}", fix="weights are 0 or above; the sign is the guide's own"
            )
    return each
