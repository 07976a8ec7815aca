"""negatives compare: which negatives make the better model, and how sure that is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from cyclopts import Parameter

from negatives.cli.data_options import NOTHING_SAID, DataOptions
from negatives.cli.options import Changes, Flag, changes, refuse_contradictions
from negatives.cli.output import OutFolder
from negatives.cli.resources import EVERYTHING, Resources
from negatives.cli.streams import print_json


def compare(
    data: str,
    /,
    *,
    out: OutFolder,
    recipes: Annotated[list[str], Parameter(consume_multiple=True, negative="")],
    model: str = "static",
    kind: str | None = None,
    on: str | None = None,
    control: Literal["none", "off"] = "none",
    encoder: str | None = None,
    seeds: int = 5,
    steps: int | None = None,
    seconds: int | None = None,
    batch_size: int | None = None,
    metric: Annotated[list[str] | None, Parameter(negative="")] = None,
    set_: Changes = None,
    keep_models: Flag = False,
    resources: Resources = EVERYTHING,
    reading: DataOptions = NOTHING_SAID,
    json: Flag = False,
) -> None:
    """Train the same model with different negatives, and test the difference.

    Every arm has the same start, steps, batch size and settings. The first is what
    the others are tested against.

    Examples:

        negatives compare beir-folder --recipes default nv-retriever --out cmp/mine

        negatives compare beir-folder --recipes default theirs.parquet --seeds 3 \\
            --model ./MiniLM --steps 400 --out cmp/theirs

    The same command again goes on from where it was stopped.

    Parameters
    ----------
    data
        The collection to mine and to train with; DATA@train names a split.
    out
        The folder of the figures: compare.html, compare.json, and a table a seed.
    recipes
        The arms: recipes (names or .toml files), run directories, or files of mined
        negatives with texts.
    model
        What every arm starts from: a folder or hub name, or `static`.
    kind
        What is trained: encoder, static-embedding, sparse or reranker. By default what the
        recipe says, else an encoder, or a static embedding where `model` is one. It keeps
        the recipe's settings, but for those that it does not have.
    on
        The split to judge on; DATA@dev by default.
    control
        `none` adds an arm without mined negatives; `off` adds nothing.
    encoder
        The dense encoder to mine with; by default the model itself, or `static` where it is no
        dense encoder.
    seeds
        Trainings of each arm.
    steps
        Batches of each training; by default what one epoch has.
    seconds
        Stop each training after so long: the same time for every arm, where arms cost
        differently, such as a loss with a guide.
    batch_size
        Examples a batch.
    metric
        Named as in ir-measures; the first is the one that counts.
    set_
        Change a setting of every arm, such as train.learning_rate=1e-4.
        May be repeated: of two values of one setting the later counts, and that is told.
    keep_models
        Keep every trained model.
    json
        Print the figures as JSON.
    """
    resources.limit_pools()
    from negatives.cli.listen import listening
    from negatives.learn.compare import METRICS
    from negatives.learn.compare import compare as carry_out
    from negatives.read.quarantine import as_quarantine
    from negatives.show.comparison import comparison_page, comparison_table
    from negatives.store.atomic import write_text

    trained = {"train.steps": steps, "train.seconds": seconds, "train.batch_size": batch_size}
    aside = as_quarantine(reading.quarantine)
    refuse_contradictions(set_, {"train.kind": kind})
    with listening() as emit:
        made = carry_out(
            reading.load(data, quarantine=aside),
            recipes,
            out,
            on=on,
            model=model,
            kind=kind or "",
            changes=changes(set_, trained),
            control="" if control == "off" else control,
            encoder=encoder,
            seeds=seeds,
            metrics=metric or METRICS,
            keep_models=keep_models,
            **asdict(resources),
            quarantine=aside,
            emit=emit,
        )
    write_text(out / "compare.html", comparison_page(made.figures))
    if json:
        print_json(made.figures)
        return
    print(comparison_table(made.figures))
    print(f"  {out / 'compare.html'}")
