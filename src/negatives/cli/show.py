"""negatives show: pairs of a run with their texts and evidence, in the terminal."""

from __future__ import annotations

from negatives.cli.options import Flag, RunFolder
from negatives.cli.streams import own_colours, print_json


def show(
    run: RunFolder,
    /,
    *,
    query: str = "",
    doc: str = "",
    worst: int | None = None,
    random: int | None = None,
    limit: int | None = None,
    characters: int = 400,
    seed: int = 0,
    json: Flag = False,
) -> None:
    """Read pairs of a run: query, positives and negatives with their texts and evidence.

    Without an option the ten negatives that are likeliest to be false.

    Examples:

        negatives show runs/cranfield

        negatives show runs/cranfield --worst 20

        negatives show runs/cranfield --query 102

        negatives show runs/cranfield --query "structures continuous over"

        negatives show runs/cranfield --doc 51 --json

        negatives show runs/cranfield --query 1 --doc 184

    Parameters
    ----------
    query
        The negatives of one query: its id, or its text, or enough of its text.
    doc
        The queries that have a document as a negative: its id, or words of its text. With
        --query: what became of that pair, picked or not.
    worst
        So many negatives that are likeliest to be false; the hardest where that is not known.
    random
        So many negatives, drawn at random.
    limit
        Pairs of --query, or of --doc, at most; 100 by default.
    characters
        Of each text, at most; 0: all.
    seed
        Which are drawn at random.
    json
        Print the pairs as JSON.
    """
    from negatives.errors import InputError
    from negatives.show.examples import examples
    from negatives.show.pair_text import print_examples
    from negatives.store.run import Run

    ways = {
        "--worst": worst is not None,
        "--random": random is not None,
        "--query or --doc": bool(query or doc),
    }
    if sum(ways.values()) > 1:
        given = ", ".join(name for name, said in ways.items() if said)
        raise InputError(
            f"{given} ask for different pairs", fix="give one of them; --limit says how many"
        )
    if characters < 0:
        raise InputError(f"{characters} characters of a text", fix="0 for all")
    found = examples(
        Run(run),
        next((number for number in (worst, random, limit) if number is not None), None),
        order="worst" if random is None else "random",
        query=query,
        doc=doc,
        seed=seed,
        longest=characters,
    )
    if json:
        print_json(found.as_dict())
        return
    print_examples(found, own_colours())
