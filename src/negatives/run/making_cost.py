"""What generators that ask a language model would cost, and how a budget is kept to.

The mechanism is one for `negatives make`, for the [[make]] stages of `negatives mine` and for
`negatives adapt`: a budget, of questions or of tokens, says of how many documents (or queries) is
written, and those are drawn by their ids. So what is made depends on the budget alone, and a larger
budget writes of the same ones and of more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from negatives.errors import InputError
from negatives.events import Emit, silent
from negatives.generator import Generator, Written
from negatives.machine import MODEST, Machine
from negatives.needs import refuse_unmet
from negatives.opening import NOTHING, Context, Foreseen
from negatives.recipe import Recipe
from negatives.run.making import blocks, opened_contexts, refuse_other
from negatives.run.spending import Budget
from negatives.schema import Collection

_SAMPLE: Final = 64
"""Documents, or queries, whose cost says about how many a budget of tokens is for."""


def making_cost(
    collection: Collection,
    generators: Generator | Sequence[Generator],
    *,
    generates: Written = "queries",
    seed: int = 0,
    machine: Machine = MODEST,
    emit: Emit = silent,
) -> Foreseen:
    """What these generators of queries (or documents) would cost, about and at most.

    Nobody is asked anything.
    """
    generators = (generators,) if isinstance(generators, Generator) else tuple(generators)
    refuse_other(generates, generators)
    refuse_unmet(generators, collection)
    cost = NOTHING
    with opened_contexts(generators, collection, seed, machine, emit) as contexts:
        for generator, context in zip(generators, contexts, strict=True):
            generator.ready(context)
            cost += _foreseen(generator, context)
    return cost


def budgeted(
    generators: Sequence[Generator],
    budget: int | str,
    collection: Collection | None = None,
    *,
    among: int = 0,
    seed: int = 0,
    machine: Machine = MODEST,
    emit: Emit = silent,
) -> list[Generator]:
    """The generators, those that ask a model kept to their even shares of a budget.

    A budget is a number of questions, "500-calls" or "200k-tokens". `collection`: of what is
    written; only a budget of tokens needs it. `among`: how many generators share the budget, where
    these are not all of them. Raises `InputError` for a budget that is not enough for one document.
    """
    said = read_budget(budget)
    asking = among or sum(1 for each in generators if each.calls_each)
    if not asking:
        raise InputError(
            "a budget is given, and no generator asks a language model",
            where=", ".join(each.label for each in generators),
            fix="leave it out, or set `most`, the documents that are written of at most",
        )
    made = []
    for each in generators:
        if not each.calls_each:
            made.append(each)
            continue
        if said.unit == "calls":
            most = said.most // asking // each.calls_each
            needed = asking * each.calls_each
        elif collection is None:
            raise InputError("a budget of tokens needs the texts", fix="give a budget of calls")
        else:
            with opened_contexts([each], collection, seed, machine, emit) as (context,):
                each.ready(context)
                most, needed = _within(each, context, said.most // asking)
            needed *= asking
        if not most:
            what = "questions" if said.unit == "calls" else said.unit
            raise InputError(
                f"a budget of {said.most} {what} is less than one document takes",
                where=each.label,
                fix=f"give at least {needed}",
            )
        made.append(msgspec.structs.replace(each, most=min(most, each.most or most)))
    return made


def budgeted_recipe(
    recipe: Recipe,
    budget: int | str,
    collection: Collection,
    *,
    machine: Machine = MODEST,
    emit: Emit = silent,
) -> Recipe:
    """A recipe whose [[make]] stages keep to a budget on this collection."""
    made = budgeted(recipe.make, budget, collection, seed=recipe.seed, machine=machine, emit=emit)
    return replace(recipe, make=tuple(made))


def read_budget(said: int | str) -> Budget:
    """A budget of questions or tokens; raises `InputError`."""
    found = Budget.read(said, plain="calls")
    if found.unit == "pairs":
        raise InputError(
            f"{said!r} is a budget of pairs, and what is written is asked for in questions",
            fix="write 500 (questions), 500-calls or 200k-tokens",
        )
    return found


def _foreseen(generator: Generator, context: Context) -> Foreseen:
    cost = NOTHING
    for rows in blocks(generator, context):
        cost += generator.foresee(context, rows)
    return cost


def _within(generator: Generator, context: Context, tokens: int) -> tuple[int, int]:
    """Of how many it can write within so many tokens, and the tokens that one takes.

    Tokens are foreseen: those read by the length of what is asked, those written as if every reply
    was as long as it may be. The most that fits is sought between what a sample says and all.
    """

    def cost(most: int) -> int:
        # Whole, replies that are known already too: what is made depends on the budget alone.
        told = _foreseen(msgspec.structs.replace(generator, most=most), context)
        each = (told.read + told.written) / max(1, told.calls)
        return round(each * told.asked)

    whole = sum(len(rows) for rows in blocks(generator, context))
    few = min(_SAMPLE, whole)
    each = cost(few) / max(1, few)
    if not each or cost(whole) <= tokens:
        return whole, round(each)
    low, high = 0, whole  # of `low` it can, of `high` it cannot
    guess = int(np.clip(tokens / each, 1, whole - 1)) if whole > 1 else 0
    while high - low > 1:
        middle = guess if low < guess < high else (low + high) // 2
        low, high = (middle, high) if cost(middle) <= tokens else (low, middle)
        guess = 0
    return low, max(cost(1), 1)
