"""negatives make: queries, written from documents."""

from __future__ import annotations

from typing import cast

from negatives.cli.options import Changes, Flag
from negatives.cli.output import OutFolder
from negatives.cli.resources import EVERYTHING, Resources


def make(
    data: str,
    /,
    *,
    out: OutFolder,
    kind: str = "inverse-cloze",
    set_: Changes = None,
    seed: int = 0,
    resources: Resources = EVERYTHING,
    json: Flag = False,
) -> None:
    """Write queries from the documents of DATA: a BEIR folder, to be mined or trained with.

    Examples:

        negatives make cranfield --out made

        negatives make corpus.jsonl --out made --set keep=0

    Queries and judgements that DATA has are not used.

    Parameters
    ----------
    data
        A collection (see `negatives --help`), a BEIR folder without judgements, or a file
        of documents.
    out
        The folder to make; it must not exist, or be empty.
    kind
        The generator.
    set_
        Change a setting of the generator, such as keep=0.5.
    seed
        Every random choice derives from it.
    json
        Print what was made as JSON.
    """
    resources.limit_pools()
    from negatives.cli.listen import listening
    from negatives.cli.streams import print_json
    from negatives.generator import Generator
    from negatives.machine import Machine
    from negatives.read import convert, known_texts
    from negatives.read.convert import refuse_to_replace
    from negatives.recipe_changes import assignment
    from negatives.run.making import made_queries
    from negatives.stage import build

    settings = {"kind": kind} | dict(assignment(text) for text in set_ or [])
    generator = cast("Generator", build("make", settings, "make"))
    refuse_to_replace(out)
    machine = Machine.checked(resources.threads, resources.memory, resources.device)
    with listening() as emit:
        collection = known_texts(data)
        made = made_queries(collection, generator, seed=seed, machine=machine, emit=emit)
        folder = convert(made, out)
    queries, documents = len(made.queries), len(made.corpus)
    if json:
        counts = {"queries": queries, "documents": documents, "without": documents - queries}
        print_json({"out": str(folder), **counts, "seed": seed, **generator.settings()})
        return
    without = f"{documents - queries:,} give none" if documents > queries else "one each"
    print(f"{folder}\n{queries:,} queries, of {documents:,} documents: {without}")
