"""The same guide on numpy arrays and on torch tensors: one answer, each of its own sort."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from negatives.arrays import Doubles


def arrays(*shape: int, least: float = -8, most: float = 8) -> st.SearchStrategy[Doubles]:
    """Ordinary numbers in a shape."""
    return hnp.arrays(np.float64, shape, elements=st.floats(least, most).map(lambda x: round(x, 3)))


def both(guide: Callable[..., Any], *given: Any, **settings: Any) -> Doubles:
    """What a guide makes of arrays, once it has made the same of tensors."""
    import torch

    def as_tensor(value: Any) -> Any:
        if isinstance(value, list):
            return [as_tensor(each) for each in value]
        return torch.tensor(value) if isinstance(value, np.ndarray) else value

    made = guide(*given, **settings)
    tensor = guide(
        *map(as_tensor, given), **{name: as_tensor(each) for name, each in settings.items()}
    )
    assert isinstance(made, np.ndarray)
    assert isinstance(tensor, torch.Tensor)
    assert tensor.dtype == torch.tensor(made).dtype
    assert np.allclose(tensor.numpy(), made, rtol=1e-6, atol=1e-6, equal_nan=True)
    return made
