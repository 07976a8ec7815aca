"""negatives data instructions: what labels mean, for whoever is to judge by them."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from negatives.cli.data_options import NOTHING_SAID, DataOptions
from negatives.cli.options import Flag
from negatives.cli.output import STANDARD, OutFile, beside, output
from negatives.cli.resources import EVERYTHING, Resources


def instructions(
    data: str,
    /,
    *,
    out: OutFile,
    encoder: str = "static",
    label: Annotated[list[str] | None, Parameter(negative="")] = None,
    least: int = 10,
    examples: int = 3,
    words: int = 5,
    near: int = 3,
    seed: int = 0,
    json: Flag = False,
    resources: Resources = EVERYTHING,
    reading: DataOptions = NOTHING_SAID,
) -> None:
    """Write what each label of DATA means: examples, words, and near misses, told from its items.

    A label is a document that many queries have, as in extreme classification, and its items are
    those queries. Chosen are the examples and words that find the others best; how well they do is
    measured on a fifth of the items, which are never shown. Look the file through, then
    `negatives review RUN --instructions FILE` shows it to whoever judges.

    Examples:

        negatives data instructions labels@train -o instructions.md

        negatives data instructions labels@train -o told.md --label 135 --label 387

    Parameters
    ----------
    data
        The collection; see `negatives --help`.
    out
        The Markdown file to write; `-` for standard output.
    encoder
        By which items are found; any that `negatives evaluate` takes.
    label
        The id of a document; may be repeated. By default all with enough items.
    least
        Items that a label must have, which differ from one another.
    examples
        Of each label, at most.
    words
        Of each label, at most.
    near
        Items shown that are most like the label, and labelled otherwise.
    seed
        Which items are looked at, and which are held out.
    json
        Print the figures and what was chosen as JSON.
    """
    resources.limit_pools()
    from dataclasses import asdict

    from negatives.cli.listen import listening
    from negatives.cli.streams import print_json
    from negatives.machine import Machine
    from negatives.measure.instructions import Wanted
    from negatives.measure.instructions import instructions as told
    from negatives.show.instructions import figures, markdown
    from negatives.store.atomic import write_text

    wanted = Wanted(least=least, examples=examples, words=words, near=near, seed=seed)
    machine = Machine.checked(**asdict(resources))
    with output(out, ".md", json=json) as file:
        collection = reading.load(data)
        with listening() as emit:
            made = told(collection, encoder, wanted, labels=label or (), machine=machine, emit=emit)
        write_text(file, markdown(made))
    found = figures(made)
    if json:
        print_json({"out": str(out), **found})
        return
    where = beside(out)
    if str(out) != STANDARD:
        print(out)
    said = [f"{count:,}: {why}" for why, count in found["left out"].items()]
    print(f"labels: {found['labels']:,}", file=where)
    if said:
        print(f"left out: {'; '.join(said)}", file=where)
    print("average precision on items held out, mean of the labels:", file=where)
    for name, mean in found["average precision on items held out"].items():
        between = "" if mean["low"] is None else f"  ({mean['low']:.3f} to {mean['high']:.3f})"
        print(f"  {mean['value']:.3f}{between}  {name}", file=where)
