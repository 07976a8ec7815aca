"""negatives data: check a collection, say what is in it, turn it into a BEIR folder, split it."""

from __future__ import annotations

from typing import Any, Literal

import cyclopts

from negatives.cli.data_figures import figures
from negatives.cli.data_instructions import instructions
from negatives.cli.data_options import NOTHING_SAID, DataOptions
from negatives.cli.data_planting import canaries, plant
from negatives.cli.options import Flag
from negatives.cli.output import OutFolder
from negatives.cli.streams import print_json

app = cyclopts.App(
    name="data",
    help="Check a collection, say what is in it, turn it into a BEIR folder, split it, plant in "
    "it; say what its labels mean; cut documents into passages.",
)
app.command(plant)
app.command(canaries)
app.command(figures)
app.command(instructions)


@app.command
def validate(data: str, /, *, reading: DataOptions = NOTHING_SAID, json: Flag = False) -> int:
    """Everything that is wrong with DATA: exit code 0 if nothing is, 2 if something is.

    Example:

        negatives data validate my-beir-folder@train

    Parameters
    ----------
    data
        The collection; see `negatives --help`.
    json
        Print the problems as JSON.
    """
    from negatives import read
    from negatives.errors import InputError

    if reading.quarantine is not None:
        raise InputError(
            "every bad row is listed already, and none is set aside",
            where="--quarantine",
            fix="leave it out; describe, convert and mine set bad rows aside",
        )
    found = read.validate(data, **reading.said())
    if json:
        print_json(found)
    elif found["ok"]:
        print(f"{data}: nothing is wrong")
        _print(found["description"])
    else:
        for problem in found["problems"]:
            print(f"{problem['what']}")
            print("\n".join(_placed(problem)))
    return 0 if found["ok"] else 2


@app.command
def describe(
    data: str,
    /,
    *,
    reading: DataOptions = NOTHING_SAID,
    json: Flag = False,
) -> None:
    """Counts, positives per query, lengths, and what is unusual.

    Example:

        negatives data describe cranfield --json

    Parameters
    ----------
    data
        The collection; see `negatives --help`.
    json
        Print the description as JSON.
    """
    from negatives import read

    found = read.describe(reading.load(data))
    if json:
        print_json(found)
    else:
        _print(found)


@app.command
def convert(
    data: str,
    /,
    *,
    out: OutFolder,
    reading: DataOptions = NOTHING_SAID,
) -> None:
    """Write DATA as a BEIR folder: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv.

    Example:

        negatives data convert pairs.parquet -o my-beir-folder

    Parameters
    ----------
    data
        The collection; see `negatives --help`.
    out
        The folder to make; it must not exist, or be empty.
    """
    from negatives import read

    print(read.convert(reading.load(data), out))


@app.command
def split(
    data: str,
    /,
    *,
    out: OutFolder,
    dev: float = 0.1,
    test: float = 0.0,
    seed: int = 0,
    by: Literal["texts", "query", "parent", "pairs", "last", "time"] = "texts",
    reading: DataOptions = NOTHING_SAID,
    json: Flag = False,
) -> None:
    """Part the queries of DATA into train, dev and test, so that nothing leaks: a BEIR folder.

    Queries that ask the same, or that share the text of a positive, are on one side. Which side
    depends on their ids and the seed alone. All sides share the whole corpus.

    Examples:

        negatives data split pairs.csv --dev 0.1 -o my-beir-folder

        negatives data split my-data@train --dev 0.1 --test 0.1 -o my-beir-folder

        negatives data split plays.csv --by last --test 1 -o my-beir-folder

    Parameters
    ----------
    data
        The collection; see `negatives --help`. DATA@train names the split that is parted.
    out
        The folder to make; it must not exist, or be empty.
    dev
        Share of the queries that go to dev: to look at while training, and to compare on.
    test
        Share of the queries that go to test.
    seed
        Which queries they are.
    by
        `query`: only the same queries stay together, and a positive may be on several sides. For
        data in which shared positives link most queries. `parent`: queries whose positives are
        passages of one document stay together too, so that no document is on two sides. Three
        part the positives of every query, and not the queries: `pairs` by chance; `last`, where
        the last positive of each query is of test and the one before it of dev (whatever share
        above 0 they have); `time`, where the newest shares of all are.
    json
        Print the figures as JSON.
    """
    from negatives import read
    from negatives.read.convert import refuse_to_replace
    from negatives.read.split import Split, write_split
    from negatives.read.split import split as part
    from negatives.read.split_pairs import PairSplit, split_pairs

    refuse_to_replace(out)
    collection = reading.load(data)
    made: Split | PairSplit
    if by == "pairs" or by == "last" or by == "time":
        made = split_pairs(collection, by, dev, test, seed)
    else:
        made = part(collection, dev, test, seed, by)
    write_split(made, out)
    figures = made.figures()
    others = [name for name in read.splits(data) if name != collection.split]
    if others:
        figures["notes"].append(
            f"made of {collection.split}; not in it: {', '.join(others)} of {data}"
        )
    if json:
        print_json({"out": str(out), **figures})
        return
    print(out)
    for name, side in figures["sides"].items():
        queries = f"{side['queries']:,} quer{'y' if side['queries'] == 1 else 'ies'}"
        positives = f"{side['positives']:,} positive{'s' * (side['positives'] != 1)}"
        print(f"  {name:<5}  {queries}, {positives}")
    for note in figures["notes"]:
        print(f"  note   {note}")


@app.command
def passages(
    docs: str,
    /,
    *,
    out: OutFolder,
    length: int | None = None,
    encoding: str = "utf-8",
    json: Flag = False,
) -> None:
    """Read documents as you have them, and cut them into passages: a folder with corpus.jsonl.

    DOCS is a folder of .txt, .md, .html, .rst and .pdf files (PDF needs negatives[pdf]), one such
    file, or a JSONL, CSV or Parquet file with a document a row. They are parted at their
    headings, and long sections into passages that do not overlap. Each passage has its
    headings as its `title`, and its document's name as its `parent`.

    Examples:

        negatives data passages handbook/ -o passages

        negatives data passages articles.jsonl -o passages --length 600

    What cannot be read is passed over, counted and told; hidden files are, too, and links to
    folders are not followed. `negatives make` writes queries for the passages.

    Parameters
    ----------
    docs
        The folder or file of the documents.
    out
        The folder to make; it must not exist, or be empty.
    length
        Characters of a passage, at most, its title aside; 1000 where none is given.
    encoding
        What files are written in that are not UTF-8 and do not say it, such as cp1252.
    json
        Print what was read as JSON.
    """
    from negatives.cli.listen import listening
    from negatives.read.documents import write_passages
    from negatives.wording import plural

    with listening() as emit:
        made = write_passages(docs, out, length=length, encoding=encoding, emit=emit)
    if json:
        print_json({"out": str(out), **made.figures()})
        return
    print(f"{out}\n{plural(made.passages, 'passage')} of {plural(made.documents, 'document')}")
    if len(made.skipped):
        print(f"passed over: {made.skipped.told()}")


@app.command
def mentions(
    entities: str,
    texts: str,
    /,
    *,
    out: OutFolder,
    window: int = 64,
    prototypes: int = 3,
    dev: float = 0.1,
    replace: float = 0.0,
    seed: int = 0,
    json: Flag = False,
) -> None:
    """Look for the names of ENTITIES in TEXTS: queries with positives that nobody has labelled.

    ENTITIES is an ontology: JSONL, CSV, TSV or Parquet with an id and a name in each row, and
    perhaps aliases (a list, or with | between them), type, parent and description. A name that
    several entities have is left out. Each mention is a query; its positives are the reference
    text of its entity and some of its mentions in other texts.

    Example:

        negatives data mentions diseases.jsonl abstracts.jsonl -o mentions

    `negatives train mentions@train --recipe kriss` learns from it.

    Parameters
    ----------
    entities
        The file of the ontology.
    texts
        A file of documents, or a folder with corpus.jsonl.
    out
        The folder to make; it must not exist, or be empty.
    window
        Words around a mention.
    prototypes
        Mentions of each entity that are documents, at most.
    dev
        Share of the texts whose mentions are the split dev.
    replace
        How probably the name in a query of train is exchanged for another of its entity.
    seed
        Of what is drawn.
    json
        Print the counts as JSON.
    """
    from negatives.errors import InputError
    from negatives.read.ontology import Mentions, write_mentions

    for name, value, right in (
        ("--window", window, window >= 2),
        ("--prototypes", prototypes, prototypes >= 0),
        ("--dev", dev, 0 <= dev < 0.6),
        ("--replace", replace, 0 <= replace <= 1),
    ):
        if not right:
            raise InputError(
                f"{value} is no {name[2:]}",
                where=name,
                fix="a window of 2 words or more, prototypes from 0, dev below 0.6, replace to 1",
            )
    how = Mentions(window=window, prototypes=prototypes, dev=dev, replace=replace, seed=seed)
    figures = write_mentions(entities, texts, out, how)
    if json:
        print_json({"out": str(out), **figures})
        return
    print(out)
    _print(figures, "  ")


def _placed(problem: dict[str, Any]) -> list[str]:
    """Where a problem is, and how it is fixed, as in the message of an error."""
    places = [problem["where"]] if problem.get("where") else []
    for row in problem.get("first", ()):
        unit = next((each for each in ("line", "row") if each in row), None)
        number = "" if unit is None else f", {unit} {row[unit]}"
        places.append(f"{row['file']}{number}: {row['reason']}")
    lines = [f"  {'where:' if at == 0 else '':<7}{place}" for at, place in enumerate(places)]
    return [*lines, f"  fix:   {problem['fix']}"] if problem["fix"] else lines


def _print(table: dict[str, Any], indent: str = "") -> None:
    width = max((len(name) for name in table), default=0)
    for name, value in table.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            _print(value, indent + "  ")
        else:
            beneath = f"\n{indent}{'':<{width}}  "
            told = beneath.join(value or ["none"]) if name == "notes" else _text(value)
            print(f"{indent}{name:<{width}}  {told}")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_text(item) for item in value)
    return f"{value:,}" if isinstance(value, int) else str(value)
