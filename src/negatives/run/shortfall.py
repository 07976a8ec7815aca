"""Fewer negatives than asked: why, and which setting would fix it."""

from __future__ import annotations

import polars as pl

from negatives.recipe import Recipe
from negatives.run.relabel import RULE
from negatives.store.facts import Shortfall

_OF_NO_JUDGE = {
    "picker": "candidates that the picker may not take",
    "corpus": "every document of the corpus was proposed",
    "candidates": "too few candidates were proposed",
    RULE: "candidates that are positives now",
}


def by_cause(short: pl.DataFrame) -> pl.DataFrame:
    """cause, queries, missing: of the queries of one part that are short."""
    return short.group_by("cause").agg(queries=pl.len(), missing=pl.col("missing").sum())


def explain(causes: pl.DataFrame, recipe: Recipe) -> list[Shortfall]:
    """One entry for each cause: queries, negatives missing, and the setting that would fix it.

    `causes`: of all parts, as `by_cause` gives them.
    """
    known = {name: about for judge in recipe.judge for name, about in judge.rules.items()}
    known |= _OF_NO_JUDGE
    causes = (
        causes.group_by("cause")
        .agg(pl.col("queries", "missing").sum())
        .sort("missing", "cause", descending=[True, False])
    )
    return [
        Shortfall(
            cause=cause,
            about=known.get(cause, f"rejected by {cause}"),
            queries=queries,
            missing=missing,
            fix=_fix(cause, recipe, some=missing < queries * recipe.pick.per_query),
        )
        for cause, queries, missing in causes.iter_rows()
    ]


def _fix(cause: str, recipe: Recipe, some: bool) -> str:
    """What to change; `some`: whether these queries have any negative, so that fewer would do."""
    fewer = []
    if recipe.pick.per_query < 2:
        fewer = ["train without these queries"]
    elif some:
        fewer = [f"ask for fewer than {recipe.pick.per_query} with --per-query"]
    if cause == "corpus":
        return "; or ".join(fewer if some else ["give more documents, with --corpus", *fewer])
    if cause == "picker" and recipe.pick.fix:
        return "; or ".join([recipe.pick.fix, *fewer])
    more = "have more written for each query, or add a [[find]] stage"
    if recipe.find:
        tops = {source.label: getattr(source, "top", None) for source in recipe.find}
        widened = [source.widened for source in recipe.find if source.widened]
        raised = [
            f"{source.label} (now {tops[source.label]})"
            for source in recipe.find
            if tops[source.label] is not None and not source.widened
        ]
        said = [*widened, *([f"raise `top` of {', '.join(raised)}"] if raised else [])]
        more = (
            "; or ".join(said)
            if said
            else f"add a [[find]] stage that finds others: {' and '.join(tops)} "
            f"{'takes' if len(tops) == 1 else 'take'} what the data have"
        )
    for judge in recipe.judge:
        if cause in (judge.rules or {judge.kind}) and judge.fix:
            return f"{judge.fix}; or {more}"
    return "; or ".join([more, *fewer])
