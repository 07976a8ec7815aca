"""negatives data: check a collection, say what is in it, turn it into a BEIR folder, plant."""

from __future__ import annotations

from typing import Any

import cyclopts

from negatives.cli.options import Corpus, Flag, QuarantineFile
from negatives.cli.output import OutFolder
from negatives.cli.streams import print_json

app = cyclopts.App(
    name="data",
    help="Check a collection, say what is in it, turn it into a BEIR folder, plant in it.",
)


@app.command
def validate(data: str, /, *, corpus: Corpus = None, json: Flag = False) -> int:
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

    found = read.validate(data, corpus=corpus)
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
    corpus: Corpus = None,
    quarantine: QuarantineFile = None,
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

    found = read.describe(read.load(data, quarantine=quarantine, corpus=corpus))
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
    corpus: Corpus = None,
    quarantine: QuarantineFile = None,
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

    print(read.convert(read.load(data, quarantine=quarantine, corpus=corpus), out))


@app.command
def plant(
    data: str,
    /,
    *,
    out: OutFolder,
    share: float = 0.1,
    seed: int = 0,
    quarantine: QuarantineFile = None,
) -> None:
    """Write DATA as a BEIR folder with unlabelled copies of some positives: known false negatives.

    Mine the folder, and `negatives audit RUN --planted` says what found them.

    Example:

        negatives data plant cranfield -o planted-cranfield

    Parameters
    ----------
    data
        The collection; see `negatives --help`.
    out
        The folder to make; it must not exist, or be empty.
    share
        Of the documents that are a positive of some query, above 0, at most 1.
    seed
        Which they are, and how they are changed.
    """
    from negatives import read
    from negatives.measure.plant import plant as grow

    planted, truth = grow(read.load(data, quarantine=quarantine), seed, share)
    print(read.convert(planted, out))
    kinds = ", ".join(sorted(truth["kind"].unique()))
    print(f"planted: {truth['doc_id'].n_unique():,} documents ({kinds}), {len(truth):,} pairs")


def _placed(problem: dict[str, Any]) -> list[str]:
    """Where a problem is, and how it is fixed, as in the message of an error."""
    places = [problem["where"]] if problem.get("where") else []
    for row in problem.get("first", ()):
        unit = "line" if "line" in row else "row"
        places.append(f"{row['file']}, {unit} {row[unit]}: {row['reason']}")
    lines = [f"  {'where:' if at == 0 else '':<7}{place}" for at, place in enumerate(places)]
    return [*lines, f"  fix:   {problem['fix']}"] if problem["fix"] else lines


def _print(table: dict[str, Any], indent: str = "") -> None:
    width = max((len(name) for name in table), default=0)
    for name, value in table.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            _print(value, indent + "  ")
        else:
            print(f"{indent}{name:<{width}}  {_text(value)}")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_text(item) for item in value)
    return f"{value:,}" if isinstance(value, int) else str(value)
