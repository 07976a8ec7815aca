"""Which kinds of source say something about relevance when they propose or rank a pair."""

from __future__ import annotations

from typing import Final

from negatives.recipe import Recipe

_UNRANKED: Final = {"random", "popularity", "given", "judged"}
_SECOND_HAND: Final = {"fused"}


def ranking(recipe: Recipe) -> set[str]:
    """Labels of the sources whose ranks mean something: not drawn at random, not merely given."""
    return {source.label for source in recipe.find if source.kind not in _UNRANKED}


def independent(recipe: Recipe) -> set[str]:
    """Labels of the sources whose proposing a pair is evidence of its own."""
    return {s.label for s in recipe.find if s.kind not in _UNRANKED | _SECOND_HAND}
