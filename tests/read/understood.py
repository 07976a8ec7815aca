"""What each command understands of a file: queries, positives and negatives; or why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from negatives.errors import DataError
from negatives.learn.request import mined_at
from negatives.measure.lint import lint
from negatives.read import load, validate
from negatives.read.mined.training import read_mined_file
from negatives.schema import Collection

Counts = tuple[int, int, int]
"""Queries, positives, and negatives that are no positive of their query."""


def _of(collection: Collection) -> Counts:
    judged = collection.qrels.select("query_id", "doc_id", good=pl.col("relevance") > 0)
    positives = judged.filter("good").drop("good")
    zeros = collection.qrels.filter(pl.col("relevance") == 0).select("query_id", "doc_id")
    negatives = pl.concat([zeros, collection.given]).unique()
    negatives = negatives.join(positives, on=["query_id", "doc_id"], how="anti")
    return len(collection.queries), len(positives), len(negatives)


def of_mine(file: Path, known: Collection | None) -> Counts:
    """What `mine`, `data` and `compare` load."""
    return _of(load(file, corpus=known))


def of_validate(file: Path, known: Collection | None) -> Counts:
    """What `data validate` says."""
    found = validate(file, corpus=known)
    for problem in found["problems"]:
        raise DataError(problem["what"])
    said = found["description"]
    return said["queries"], said["positives"], of_mine(file, known)[2]


def of_lint(file: Path, known: Collection | None) -> Counts:
    """What `lint` counts, each text once a query; positives of the collection count too."""
    facts = lint(file, data=known).facts
    place, pair = ["row", "query"], ["query", "text"]
    sides = [
        side.join(facts.queries.select(place), on="row").select(pair).unique()
        for side in (facts.positives, facts.negatives)
    ]
    positives = pl.concat([sides[0], facts.judged.select(pair)]).unique()
    negatives = sides[1].join(positives, on=pair, how="anti")
    return facts.distinct_queries, len(positives), len(negatives)


def of_train(file: Path, known: Collection | None) -> Counts:
    """What `train` takes its examples from."""
    if mined_at(file) is None:
        return of_mine(file, known)
    collection, negatives = read_mined_file(file, known)
    return (*_of(collection)[:2], len(negatives))


COMMANDS: dict[str, Callable[[Path, Collection | None], Counts]] = {
    "validate": of_validate,
    "mine": of_mine,
    "lint": of_lint,
    "train": of_train,
}


def understood(file: Path, known: Collection | None = None) -> dict[str, Counts | str]:
    """By command: the counts, or the first line of the refusal."""
    made: dict[str, Counts | str] = {}
    for name, read in COMMANDS.items():
        try:
            made[name] = read(file, known)
        except DataError as error:
            made[name] = error.what
    return made
