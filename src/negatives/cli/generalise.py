"""negatives generalise: does what was learned help with queries unlike those of training?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from negatives.cli.data_options import NOTHING_SAID, DataOptions
from negatives.cli.options import Changes, Flag, changes, refuse_contradictions
from negatives.cli.output import OutFolder
from negatives.cli.resources import EVERYTHING, Resources
from negatives.cli.streams import print_json


def generalise(
    data: str,
    /,
    *,
    on: str,
    out: OutFolder,
    recipes: Annotated[list[str], Parameter(consume_multiple=True, negative="")],
    protocol: Literal["folds", "samples"] = "folds",
    buckets: int = 5,
    size: int = 0,
    similar_by: str = "static",
    model: str = "static",
    kind: str | None = None,
    control: Literal["none", "off"] = "none",
    steps: int | None = None,
    batch_size: int | None = None,
    metric: Annotated[list[str] | None, Parameter(negative="")] = None,
    set_: Changes = None,
    seed: int = 0,
    resources: Resources = EVERYTHING,
    reading: DataOptions = NOTHING_SAID,
    json: Flag = False,
) -> None:
    """Train on some kinds of queries, and test on those and on the kinds that were left out.

    Queries are clustered; each cluster is left out of training once (`folds`), or training
    queries near the test queries are held against far ones (`samples`). Test queries like
    those of training interpolate, the others extrapolate.

    Example:

        negatives generalise DATA@train --on DATA@test --recipes default \\
            nv-retriever --out generalise/mine

    The same command again goes on from where it was stopped.

    Parameters
    ----------
    data
        The training queries; DATA@train names a split.
    on
        The test queries, such as DATA@test.
    out
        The folder of the figures, generalise.json, and of every trained model.
    recipes
        Recipes by name, or .toml files.
    protocol
        `folds`: as many trainings as clusters. `samples`: two, for few test queries.
    buckets
        Clusters, for `folds`.
    size
        Queries of each training, for `samples`; 0: a quarter of those there are.
    similar_by
        The encoder that says which queries are alike; not the one that is trained.
    model
        What every training starts from: a folder or hub name, or `static`.
    kind
        What is trained: encoder, static-embedding, sparse or reranker.
    control
        `none` adds a training without mined negatives; `off` adds nothing.
    steps
        Batches of each training; by default what the recipe's epochs have.
    batch_size
        Examples a batch.
    metric
        Named as in ir-measures.
    set_
        Change a setting of every recipe, such as train.learning_rate=1e-4.
        May be repeated: of two values of one setting the later counts, and that is told.
    seed
        Of clusters, samples and trainings.
    json
        Print the figures as JSON.
    """
    resources.limit_pools()
    from negatives.cli.listen import listening
    from negatives.learn.generalise import METRICS
    from negatives.learn.generalise import generalise as carry_out

    refuse_contradictions(set_, {"train.kind": kind, "seed": seed})
    with listening() as emit:
        found = carry_out(
            reading.load(data),
            recipes,
            out,
            on=on,
            protocol=protocol,
            buckets=buckets,
            size=size,
            similar_by=similar_by,
            model=model,
            kind=kind or "",
            changes=changes(set_, {"train.steps": steps, "train.batch_size": batch_size}),
            control="" if control == "off" else control,
            metrics=metric or METRICS,
            seed=seed,
            **asdict(resources),
            emit=emit,
        )
    if json:
        print_json(found)
        return
    _show(found)
    print(f"\n  {out / 'generalise.json'}")


def _show(figures: dict[str, Any]) -> None:
    count = len(figures["trainings"])
    print(f"{figures['model']} trained on {figures['data']}, tested on {figures['on']}")
    print(f"{figures['protocol']}: {count} trainings of each recipe")
    shared = figures["relevant in training too"]
    print(f"{shared:.1%} of the test queries share a relevant document with a training query")
    for metric, rows in figures["metrics"].items():
        width = max(len(metric), *(len(row["arm"]) for row in rows))
        print(f"\n{metric:<{width}}  interpolation   extrapolation   lost")
        for row in rows:
            cells = "   ".join(_cell(row[side]) for side in ("interpolation", "extrapolation"))
            print(f"{row['arm']:<{width}}  {cells}   {row['lost']:+.3f}")


def _cell(side: dict[str, Any]) -> str:
    gain = f" {side['gain']:+.3f}" if "gain" in side else ""
    return f"{side['value']:.3f}{gain}".ljust(13)
