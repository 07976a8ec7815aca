"""negatives: find, judge and pick the negatives that retrieval models learn from.

Names are imported when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from negatives.kinds import KINDS, PUBLIC

if TYPE_CHECKING:
    from negatives import guide as guide
    from negatives.adaptation.adapt import adapt as adapt
    from negatives.api import Collection as Collection
    from negatives.api import Run as Run
    from negatives.api import mine as mine
    from negatives.errors import DataError as DataError
    from negatives.errors import NegativesError as NegativesError
    from negatives.errors import NegativesWarning as NegativesWarning
    from negatives.errors import RecipeError as RecipeError
    from negatives.errors import RunError as RunError
    from negatives.events import silent as silent
    from negatives.learn.bench.bench import bench as bench
    from negatives.learn.compare import compare as compare
    from negatives.learn.train import train as train
    from negatives.listening import show_progress as show_progress
    from negatives.measure.audit import audit as audit
    from negatives.measure.evaluation import evaluate as evaluate
    from negatives.measure.lint import lint as lint
    from negatives.recipe import Recipe as Recipe
    from negatives.recipe import load_recipe as load_recipe
    from negatives.stages import *  # noqa: F403

__version__ = "0.1.0"

_WHERE = {
    "Collection": "negatives.api",
    "DataError": "negatives.errors",
    "NegativesError": "negatives.errors",
    "NegativesWarning": "negatives.errors",
    "Recipe": "negatives.recipe",
    "RecipeError": "negatives.errors",
    "Run": "negatives.api",
    "RunError": "negatives.errors",
    "adapt": "negatives.adaptation.adapt",
    "audit": "negatives.measure.audit",
    "bench": "negatives.learn.bench.bench",
    "compare": "negatives.learn.compare",
    "evaluate": "negatives.measure.evaluation",
    "lint": "negatives.measure.lint",
    "load_recipe": "negatives.recipe",
    "mine": "negatives.api",
    "show_progress": "negatives.listening",
    "silent": "negatives.events",
    "train": "negatives.learn.train",
}
_WHERE |= {
    place.rpartition(":")[2]: place.rpartition(":")[0]
    for section in PUBLIC
    for place in KINDS.get(section, {}).values()
}

_ROOMS = ("guide",)
"""Rooms whose functions are called by the name of the room: neg.guide.cfg."""

__all__ = [*_WHERE, *_ROOMS, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _WHERE:
        raise AttributeError(f"module 'negatives' has no attribute {name!r}")
    value = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
