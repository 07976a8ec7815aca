"""Which recipe is carried out: what was asked for, known pairs judged first, on what there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from negatives.errors import RecipeError
from negatives.misplaced import stages_of
from negatives.opening import Context
from negatives.recipe import Recipe, load_recipe
from negatives.stage import Estimator, Judge, Picker, Source, build


def refuse_idle(recipe: Recipe) -> None:
    """Raise `RecipeError` where a recipe trains without mined negatives: there is nothing to mine.

    One that writes queries says of them itself what to do.
    """
    if recipe.draws:
        raise RecipeError(
            f"the recipe {recipe.name!r} draws its negatives while a model is trained, anew at "
            "every step: there is nothing to mine",
            where=f"train.kind = {recipe.train.kind!r}" if recipe.train else "",
            fix=f"negatives train DATA --recipe {recipe.name} --out MODEL; or, for draws that stay "
            "as they are, --recipe popularity",
        )
    if not recipe.mines and not recipe.make:
        raise RecipeError(
            f"the recipe {recipe.name!r} trains without mined negatives: there is nothing to mine",
            where="train.negatives = 0",
            fix=f"negatives train DATA --recipe {recipe.name} --out MODEL; or, to mine what it "
            "finds all the same, --set train.negatives=7",
        )


def resolved(
    recipe: Recipe | str | Path | None,
    sources: Sequence[Source] | None,
    judges: Sequence[Judge] | None,
    estimate: Estimator | None,
    pick: Picker | None,
    seed: int | None,
) -> Recipe:
    """The recipe to carry out, with what is known judged first."""
    if recipe is None and sources is not None:
        picker = pick or cast("Picker", build("pick", {"kind": "top"}))
        recipe = Recipe(find=stages_of("find", sources), pick=picker)
    elif not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe or "default")
    return replace(
        recipe,
        find=recipe.find if sources is None else stages_of("find", sources),
        judge=_known_first(recipe.judge if judges is None else stages_of("judge", judges)),
        estimate=estimate or recipe.estimate,
        pick=pick or recipe.pick,
        seed=recipe.seed if seed is None else seed,
    )


def fitting(recipe: Recipe, context: Context) -> tuple[Recipe, list[str]]:
    """The recipe with others in the place of sources that are unfit for a collection; and why."""
    find: list[Source] = []
    unfit, told = set[str](), list[str]()
    for source in recipe.find:
        reason = source.unfit(context)
        instead = source.substitute() if reason else source
        find += [instead] if instead is not None else []
        if reason:
            unfit.add(source.label)
            place = (
                "is left out"
                if instead is None
                else f"is replaced by {instead.label} ({instead.kind})"
            )
            told.append(
                f"{source.label} {place}: {reason}; name one that reads them with --encoder"
            )
    if not unfit:
        return recipe, []
    reference = "" if recipe.reference in unfit else recipe.reference
    return replace(recipe, find=tuple(find), reference=reference), told


def _known_first(judges: Sequence[Judge]) -> tuple[Judge, ...]:
    """What is known is judged before everything else, in every run."""
    named = [judge for judge in judges if judge.tells_what_is_known]
    known = named[0] if named else cast("Judge", build("judge", {"kind": "known"}))
    return (known, *(judge for judge in judges if not judge.tells_what_is_known))
