"""negatives train: a model from negatives."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from negatives.cli.data_options import NOTHING_SAID, DataOptions
from negatives.cli.options import Changes, Flag, changes, refuse_contradictions
from negatives.cli.output import OutFolder
from negatives.cli.resources import EVERYTHING, Resources
from negatives.cli.streams import print_json


def train(
    data: str,
    /,
    *,
    out: OutFolder,
    model: str = "static",
    recipe: str | None = None,
    kind: str | None = None,
    control: Annotated[Literal["none"] | None, Parameter(name="--control")] = None,
    encoder: str | None = None,
    dev: str | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    set_: Changes = None,
    seed: int | None = None,
    resources: Resources = EVERYTHING,
    reading: DataOptions = NOTHING_SAID,
    report_to: str = "none",
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Train an encoder or a reranker with the negatives of a run, a file, or a collection.

    DATA is a run directory, a file of mined negatives with texts (any layout that
    `negatives lint` reads) or a folder of such files, or a collection, which is mined
    first.

    Examples:

        negatives train runs/cranfield --out models/mine --model static

        negatives train beir-folder --out models/mine --model ./MiniLM --epochs 2

        negatives train runs/mine --out models/r --model ./MiniLM --kind reranker

        negatives train tofu@forget01 --out models/f --model ./my-llm --recipe npo

        negatives train runs/mine --out models/gist --set learn.kind=guided \\
            --set learn.guide=./MiniLM

        negatives train umls --out models/kg --kind kg \\
            --set train.architecture=RotatE

    The same command again goes on from where it was stopped. Where the recipe has rounds, they are
    carried out in turn, each in OUT/rounds, and OUT is the model of the last.

    Parameters
    ----------
    data
        A run, a file of mined negatives or a folder of them, or a collection; DATA@train names a
        split.
    out
        The folder of the model to make, or to go on with.
    model
        What to start from: a folder or hub name, or `static`, the table in the package.
    recipe
        How to mine and to learn; a run's own by default, else the usual one of the kind, which is
        `default` for texts. `auto` mines some queries first, and chooses by what is found.
    kind
        What is trained: encoder, static-embedding, sparse, reranker; factors, vectors by id of
        what has no texts; kg, a model of a knowledge graph; or language-model, by right and
        wrong responses as they are. By default what the recipe says, else an encoder, or a
        static embedding where `model` is one. It keeps the recipe's settings, but for those
        that it does not have.
    control
        `none`: train without mined negatives, to know what they are worth.
    encoder
        The dense encoder that a collection is mined with; by default the model itself, or `static`
        where it is no dense encoder.
    dev
        A split to look at on the way; the best look is kept. DATA@dev where there is one.
    epochs
        Passes over the examples.
    steps
        Batches in all, whatever the epochs; of a recipe with rounds, in each of them.
    batch_size
        Examples a batch.
    set_
        Change a setting of the recipe, such as train.learning_rate=1e-4, train.chunk=16,
        learn.temperature=0.02 or batch.kind=topic-aware.
        May be repeated: of two values of one setting the later counts, and that is told.
    seed
        Every random choice derives from it.
    report_to
        Where the trainer reports besides: a name that transformers knows, such as wandb.
    overwrite
        Replace another training in the same folder.
    json
        Print the account as JSON.
    """
    resources.limit_pools()
    from negatives.cli.listen import listening
    from negatives.learn.request import completed, recipe_of, tell_mined_before
    from negatives.learn.source import for_these_data, read_with
    from negatives.learn.train import train as carry_out
    from negatives.machine import Machine
    from negatives.models.sort import encoder_beside
    from negatives.read.quarantine import as_quarantine
    from negatives.run.automatic import AUTO
    from negatives.wording import plural

    trained = {"train.epochs": epochs, "train.steps": steps, "train.batch_size": batch_size}
    aside = as_quarantine(reading.quarantine)
    with listening() as emit:
        refuse_contradictions(set_, {"train.kind": kind, "seed": seed})
        said = changes(set_, trained)
        if recipe == AUTO:
            machine = Machine.checked(resources.threads, resources.memory, resources.device)
            read, named = for_these_data(
                data, encoder or encoder_beside(model), machine, emit, aside, **reading.said()
            )
            chosen = completed(named, model, kind or "", said, emit)
        else:
            chosen = completed(recipe_of(data, recipe, kind or ""), model, kind or "", said, emit)
            tell_mined_before(data, chosen, said, emit, **reading.said())
            read = read_with(data, chosen, aside, **reading.said())
        made = carry_out(
            read,
            out,
            model=model,
            recipe=chosen,
            kind=kind or "",
            mined=control is None,
            encoder=encoder,
            dev=dev,
            seed=seed,
            **asdict(resources),
            quarantine=aside,
            report_to=report_to,
            overwrite=overwrite,
            emit=emit,
        )
    if json:
        print_json(made.account)
        return
    account = made.account
    print(f"{out}: {plural(account['examples'], 'example')}, {plural(account['steps'], 'step')}")
    for entry in account.get("rounds", ()):
        print(_round(entry))
    if account["best"] is not None:
        metric = account.get("metric", "nDCG@10")
        print(
            f"  dev {metric} {account['best']:.4f} at step {account['best_step']:,} (a part of it)"
        )
    for split, found in account.get("measured", {}).items():
        print(f"  {split}: MRR {found['MRR']:.4f}, hits@10 {found['hits@10']:.4f} (filtered)")
    on = getattr(chosen.train, "measured_on", "DATA@dev")
    print(f"  negatives evaluate {out} {on}   says how good it is")


def _round(entry: dict[str, Any]) -> str:
    """What a round did, in a line."""
    told = f"carried out as {entry['kind']}"
    if "averaged" in entry:
        told = f"the mean of {', '.join(entry['averaged'])}"
    elif "steps" in entry:
        told = f"{entry['steps']:,} steps from {entry['began']}"
        told += "" if entry["best"] is None else f", dev nDCG@10 {entry['best']:.4f}"
    return f"  round {entry['round']} {entry['role']}: {told}"
