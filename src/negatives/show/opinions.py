"""Which kinds of source say something about relevance when they propose or rank a pair."""

from __future__ import annotations

from negatives.recipe import Recipe


def ranking(recipe: Recipe) -> set[str]:
    """Labels of the sources whose ranks mean something: not drawn at random, not merely given."""
    return {source.label for source in recipe.find if source.ranks_by_relevance}


def independent(recipe: Recipe) -> set[str]:
    """Labels of the sources whose proposing a pair is evidence of its own."""
    return {
        source.label
        for source in recipe.find
        if source.ranks_by_relevance and not source.repeats_others
    }
