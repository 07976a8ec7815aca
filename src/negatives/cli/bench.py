"""negatives bench: which recipe for these data, with equal means for all."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from cyclopts import Parameter

from negatives.cli.data_options import NOTHING_SAID, DataOptions
from negatives.cli.options import Changes, Flag, changes, refuse_contradictions
from negatives.cli.output import OutFolder
from negatives.cli.resources import EVERYTHING, Resources
from negatives.cli.streams import print_json


def bench(
    data: str,
    /,
    *,
    out: OutFolder,
    recipes: Annotated[list[str], Parameter(consume_multiple=True, negative="")],
    measure: Literal["auto", "trained", "hidden"] = "auto",
    model: str = "static",
    kind: str | None = None,
    on: str | None = None,
    encoder: str | None = None,
    seeds: int = 3,
    per_query: int = 5,
    steps: int | None = None,
    batch_size: int | None = None,
    budget: int | None = None,
    stop_after: float | None = None,
    use: Annotated[list[str] | None, Parameter(negative="")] = None,
    set_: Changes = None,
    resources: Resources = EVERYTHING,
    reading: DataOptions = NOTHING_SAID,
    json: Flag = False,
) -> None:
    """Measure every recipe that applies to DATA, side by side, with equal means.

    No mined negatives, random ones, the most similar ones and the miner of
    sentence-transformers are always among them.

    Examples:

        negatives bench beir-folder --recipes all --steps 250 --out bench/mine

        negatives bench cranfield --recipes mining --measure hidden --out bench/c

    The same command again goes on from where it was stopped; with more recipes or
    seeds it adds to what is there.

    Parameters
    ----------
    data
        The collection to mine and to train with; DATA@train names a split.
    out
        The folder of the figures: bench.md, bench.svg, bench.json.
    recipes
        Names, .toml files, or groups: all, mining, training, or a word by which
        `negatives recipes list` groups, such as false-negatives.
    measure
        `trained` judges a trained model on a dev split; `hidden` hides half of the
        positives and counts them among the negatives. `auto` trains where it can.
    model
        What is trained: a folder or hub name, or `static`.
    kind
        What is trained: encoder, static-embedding, sparse or reranker; by default
        what is usual for the model.
    on
        The split to judge on; DATA@dev by default.
    encoder
        The dense encoder to mine with; by default the model itself, or `static` where it is no
        dense encoder.
    seeds
        Trainings, or hidings, of each recipe.
    per_query
        Negatives a query, at most, for every recipe.
    steps
        Batches of each training; by default what one epoch has.
    batch_size
        Examples a batch.
    budget
        Seconds of one training, at most: the same for every recipe.
    stop_after
        Begin no other recipe after so many minutes.
    use
        NAME=OTHER: another model in place of one that recipes name, such as
        http://127.0.0.1:8080/v1#model=http://127.0.0.1:9000/v1#mine.
    set_
        Change a setting of every training, such as train.learning_rate=1e-4.
        May be repeated: of two values of one setting the later counts, and that is told.
    json
        Print the figures as JSON.
    """
    resources.limit_pools()
    from negatives.cli.listen import listening
    from negatives.learn.bench.bench import bench as carry_out
    from negatives.learn.bench.bench import exchanges
    from negatives.learn.bench.in_turn import refuse_all_failed
    from negatives.read.quarantine import as_quarantine
    from negatives.show.bench import bench_table

    trained = {"train.steps": steps, "train.seconds": budget, "train.batch_size": batch_size}
    aside = as_quarantine(reading.quarantine)
    refuse_contradictions(set_, {"train.kind": kind, "pick.per_query": per_query})
    with listening() as emit:
        made = carry_out(
            reading.load(data, quarantine=aside),
            recipes,
            out,
            measure=measure,
            on=on,
            model=model,
            kind=kind or "",
            encoder=encoder,
            seeds=seeds,
            per_query=per_query,
            changes=changes(set_, trained),
            use=exchanges(use or []),
            stop_after=60 * (stop_after or 0.0),
            **asdict(resources),
            quarantine=aside,
            emit=emit,
        )
    if json:
        print_json(made.figures)
    else:
        print(bench_table(made.figures))
        print(f"  {out / 'bench.md'}")
    refuse_all_failed(made.figures)
