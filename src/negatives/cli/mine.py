"""negatives mine: find, judge and pick."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from negatives.cli.clock import Clock
from negatives.cli.costs import tell_cost
from negatives.cli.data_options import NOTHING_SAID, DataOptions
from negatives.cli.engine_options import HERE, EngineOptions
from negatives.cli.options import Changes, Flag
from negatives.cli.output import OptionalOutFolder
from negatives.cli.resources import EVERYTHING, Resources
from negatives.cli.telling import telling


def mine(
    data: str,
    /,
    *,
    out: OptionalOutFolder = None,
    recipe: str = "default",
    per_query: int | None = None,
    max_false: float | None = None,
    max_p: float | None = None,
    strict: Flag = False,
    encoder: str | None = None,
    relabel: float | None = None,
    set_: Changes = None,
    budget: str | None = None,
    dry_run: Flag = False,
    seed: int | None = None,
    resources: Resources = EVERYTHING,
    engine: EngineOptions = HERE,
    corpus_shard: int = 0,
    reading: DataOptions = NOTHING_SAID,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Find, judge and pick negatives for every query of DATA that has a positive.

    Examples:

        negatives mine cranfield

        negatives mine my-beir-folder@train --out runs/mine --encoder model.onnx

        negatives mine cranfield --out runs/safe --per-query 7 --max-false 0.02

        negatives mine pairs.parquet --out runs/nv --recipe nv-retriever

        negatives mine cranfield --out runs/deep --set find.dense.top=200

        negatives mine cranfield --out runs/written --recipe my-recipe.toml \\
            --budget 200k-tokens --dry-run

        negatives mine faq.csv --out runs/faq --corpus articles.csv \\
            --query-column Frage --positive-column Antwort

        negatives mine cranfield --out runs/shared --engine processes --workers 2

    The same command again goes on from where it was stopped. No number of
    threads or workers changes a byte of the result.

    Parameters
    ----------
    data
        The collection; see `negatives --help`. DATA@dev names a split.
    out
        The run directory to make, or to go on with; by default runs/NAME, by what the data
        is called (and the split, and the recipe, where they are named).
    recipe
        A recipe that comes with the package (`negatives recipes list`), or a .toml file;
        `auto` mines some queries first, chooses by what is found, and says why.
    per_query
        Negatives asked for each query; what the recipe says by default (`default`: 7).
    max_false
        Expected share of false negatives, at most, such as 0.02: as hard as that allows.
        What the recipe says by default (`default`: 0.05).
    max_p
        Take no negative that is more probably relevant than this; by default, 0.5.
    strict
        Keep to --max-false at any cost in hardness, even where it cannot be promised.
    encoder
        `static`, a .onnx file, a sentence-transformers model, onnx:MODEL to export
        one to ONNX once, or http://host/v1#model. What the recipe says by default, mostly
        `static`.
    relabel
        Take candidates for positives, as many as are right with this precision, such
        as 0.9. Needs a recipe with an [estimate] stage.
    set_
        Change a setting of the recipe, such as find.bm25.top=200 or pick.by=dense_score.
        May be repeated: of two values of one setting the later counts, and that is told.
    budget
        Let the recipe's [[make]] stages ask a language model so many questions at most, or
        spend 200k-tokens at most, for queries drawn by their ids; for all by default.
    dry_run
        Say what the [[make]] stages would cost, and find nothing.
    seed
        Every random choice derives from it; what the recipe says by default (`default`: 0).
    corpus_shard
        Documents that exact dense search takes at a time, by one worker; 0: all.
    overwrite
        Replace another run in the same folder.
    json
        Print what was found as JSON.
    """
    clock = Clock()
    resources.limit_pools()
    from negatives.api import mine as carry_out
    from negatives.cli.listen import listening
    from negatives.cli.naming import default_folder
    from negatives.cli.summary import show_run
    from negatives.machine import Machine
    from negatives.recipe import load_recipe
    from negatives.recipe_changes import adjusted
    from negatives.run.automatic import AUTO
    from negatives.run.making_cost import budgeted_recipe, making_cost, read_budget
    from negatives.run.mine import automatically

    machine = Machine.checked(resources.threads, resources.memory, resources.device)
    if budget is not None:
        read_budget(budget)
    with listening() as shown:
        emit = clock.hearing(shown)
        with clock.stage("read"):
            collection = reading.load(data)
        chosen = adjusted(
            automatically(collection, machine, encoder, emit)
            if recipe == AUTO
            else load_recipe(recipe),
            set_ or (),
            per_query=per_query,
            relabel=relabel,
            encoder=encoder,
            max_false=max_false,
            max_p=max_p,
            strict=strict or None,
            seed=seed,
            emit=emit,
        )
        if budget is not None:
            chosen = budgeted_recipe(chosen, budget, collection, machine=machine, emit=emit)
        if dry_run:
            cost = making_cost(
                collection,
                chosen.make,
                generates="documents",
                seed=chosen.seed,
                machine=machine,
                emit=emit,
            )
            tell_cost(cost, {"make": [each.settings() for each in chosen.make]}, json=json)
            return
        if out is None:
            out = default_folder(data, collection, chosen)
            if not telling().quiet:
                print(f"run: {out}", file=sys.stderr)
        before = _finished(out)
        run = carry_out(
            collection,
            out,
            recipe=chosen,
            seed=seed,
            **asdict(resources),
            **asdict(engine),
            corpus_shard=corpus_shard,
            overwrite=overwrite,
            emit=emit,
        )
    if run.manifest.hash == before and not overwrite and not telling().quiet:
        print(f"note: {out} was finished before; --overwrite mines it again", file=sys.stderr)
    show_run(run, json=json, clock=clock)


def _finished(run: Path) -> str:
    """The hash of a finished run's manifest; empty where there is none, or none can be read."""
    from negatives.errors import RunError
    from negatives.store.manifest import DONE, decode_manifest

    with suppress(RunError):
        found = decode_manifest(run)
        return found.hash if found is not None and found.status == DONE else ""
    return ""
