"""Optional dependencies: imported where they are used, with one error holding the exact command."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from negatives.errors import MissingExtra


def require(module: str, *, extra: str) -> Any:
    """Import `module`, or raise `MissingExtra` with the pip command of the extra that brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and module.split(".")[0] != error.name.split(".")[0]:
            raise
        raise MissingExtra(
            f"{module} is not installed",
            fix=f"pip install 'negatives[{extra}]'",
        ) from None


class _Torch:
    """The library torch, imported when something of it is first asked for: it takes seconds."""

    def __getattr__(self, name: str) -> Any:
        return getattr(require("torch", extra="train"), name)


torch: Any = _Torch()

if TYPE_CHECKING:
    from torch import Tensor as Tensor
else:
    Tensor = Any
