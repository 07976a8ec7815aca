"""How `--recipe auto` fares on the stages of benchmark `recipes`: filled once it chooses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def section(kept: dict[str, Any]) -> Iterator[str]:
    """Nothing yet."""
    yield from ()
