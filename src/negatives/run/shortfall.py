"""Fewer negatives than asked: why, and which setting would mend it."""

from __future__ import annotations

import polars as pl

from negatives.recipe import Recipe
from negatives.store.facts import Shortfall

_KNOWN = {
    "picker": "candidates that the picker may not take",
    "corpus": "every document of the corpus was proposed",
    "candidates": "too few candidates were proposed",
    "same-text": "copies of a positive",
    "same-normalised-text": "copies of a positive but for case and punctuation",
    "near-duplicate": "near-duplicates of a positive",
    "relabelled": "candidates that are positives now",
    "same-question": "positives of another query that asks the same",
    "query-as-document": "documents that are the query itself",
    "own-document": "documents of the query's own id",
    "repeat": "copies of another candidate",
}


def explain(short: pl.DataFrame, recipe: Recipe) -> list[Shortfall]:
    """One entry for each cause: queries, negatives missing, and the setting that would mend it."""
    causes = (
        short.group_by("cause")
        .agg(queries=pl.len(), missing=pl.col("missing").sum())
        .sort("missing", "cause", descending=[True, False])
    )
    return [
        Shortfall(
            cause=cause,
            about=_KNOWN.get(cause, f"rejected by {cause}"),
            queries=queries,
            missing=missing,
            mend=_mend(cause, recipe),
        )
        for cause, queries, missing in causes.iter_rows()
    ]


def _mend(cause: str, recipe: Recipe) -> str:
    fewer = f"ask for fewer than {recipe.pick.per_query} with --per-query"
    if cause == "corpus":
        return fewer
    if cause == "picker" and recipe.pick.mend:
        return f"{recipe.pick.mend}; or {fewer}"
    more = "raise `top` of " + ", ".join(
        f"{source.label} (now {getattr(source, 'top', 'fixed')})" for source in recipe.find
    )
    for judge in recipe.judge:
        if judge.kind == cause and judge.mend:
            return f"{judge.mend}; or {more}"
    return f"{more}; or {fewer}"
