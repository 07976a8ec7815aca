"""The local engine: shards one after another; each stage uses the threads it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_local(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Results of `function` in the order of `items`, each as soon as it is there."""
    return map(function, items)
