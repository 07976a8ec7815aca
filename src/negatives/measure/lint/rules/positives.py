"""Positives among the negatives: by id, by text, by normalised text, nearly; and the query itself.

A negative is told of once, by the strongest of these.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.measure.lint.copies import near_copies
from negatives.measure.lint.facts import FileFacts
from negatives.measure.lint.findings import OFFENCES, LintRule

_PLACE: Final = ["row", "place"]
_MEND: Final = "take them out (--fix), and mine with the positives excluded by text, not by index"


def by_id(facts: FileFacts) -> pl.DataFrame:
    """Negatives whose id is that of a positive of their query."""
    asked = facts.asked.filter(pl.col("id").is_not_null())
    return _matched(asked, facts.known, ["query", "id"])


def by_text(facts: FileFacts) -> pl.DataFrame:
    """Negatives with the very text of a positive of their query."""
    found = _matched(facts.usable, facts.known, ["query", "text"])
    return _without(found, by_id(facts))


def by_normalised_text(facts: FileFacts) -> pl.DataFrame:
    """Negatives whose text differs from a positive's by case, marks and spaces only."""
    found = _matched(facts.usable, facts.known, ["query", "normal"])
    return _without(found, by_id(facts), by_text(facts))


def near_duplicate(facts: FileFacts) -> pl.DataFrame:
    """Negatives with nearly the words of a positive of their query."""
    same = _matched(facts.usable, facts.known, ["query", "normal"])
    left = facts.usable.join(_all(same, by_id(facts)), on=_PLACE, how="anti", maintain_order="left")
    copies = near_copies(facts, left.select("query", "text").unique(maintain_order=True))
    found = left.join(copies, on=["query", "text"], how="inner", maintain_order="left")
    return found.select(
        *_PLACE, note=pl.format("Jaccard {} with {}", pl.col("similarity").round(2), _source())
    )


def of_other_query(facts: FileFacts) -> pl.DataFrame:
    """Negatives that are a positive of another query with the same normalised text."""
    found = _matched(facts.usable, facts.known, ["query_normal", "normal"])
    own = _matched(facts.usable, facts.known, ["query", "normal"])
    return _without(found, own, by_id(facts))


def query_itself(facts: FileFacts) -> pl.DataFrame:
    """Negatives whose text is the query's own."""
    same = facts.usable.filter(pl.col("normal") == pl.col("query_normal"))
    return same.select(*_PLACE, note=pl.lit(""))


def _matched(asked: pl.DataFrame, known: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Offences: the negatives that a known positive equals in the columns `on`."""
    first = known.select(*on, "of_row").drop_nulls(on).unique(on, keep="first", maintain_order=True)
    found = asked.join(first, on=on, how="inner", maintain_order="left")
    return found.select(*_PLACE, note=_source())


def _source() -> pl.Expr:
    """Where it is said that a document is a positive."""
    of_file = pl.format("the positive of row {}", "of_row")
    return (
        pl.when(pl.col("of_row").is_not_null())
        .then(of_file)
        .otherwise(pl.lit("a positive of the collection"))
    )


def _all(*offences: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=OFFENCES), *offences])


def _without(found: pl.DataFrame, *others: pl.DataFrame) -> pl.DataFrame:
    return found.join(_all(*others), on=_PLACE, how="anti", maintain_order="left")


RULES: Final = (
    LintRule(
        "positive-by-id",
        "error",
        "negatives",
        by_id,
        "negative has the id of a positive of its query",
        "negatives have the id of a positive of their query",
        "take them out (--fix), and exclude judged positives when mining",
        removes="negative",
    ),
    LintRule(
        "positive-by-text",
        "error",
        "negatives",
        by_text,
        "negative has the very text of a positive of its query",
        "negatives have the very text of a positive of their query",
        _MEND,
        removes="negative",
    ),
    LintRule(
        "positive-by-normalised-text",
        "error",
        "negatives",
        by_normalised_text,
        "negative differs from a positive of its query only by case, punctuation or spaces",
        "negatives differ from a positive of their query only by case, punctuation or spaces",
        _MEND,
        removes="negative",
    ),
    LintRule(
        "near-duplicate-of-positive",
        "error",
        "negatives",
        near_duplicate,
        "negative has nearly the words of a positive of its query",
        "negatives have nearly the words of a positive of their query",
        "take them out (--fix), and mine with the judge near-duplicate",
        removes="negative",
    ),
    LintRule(
        "positive-of-same-question",
        "error",
        "negatives",
        of_other_query,
        "negative is a positive of another query that asks the same in the same words",
        "negatives are positives of another query that asks the same in the same words",
        "take them out (--fix), and give queries of one text one id",
        removes="negative",
    ),
    LintRule(
        "query-as-negative",
        "error",
        "negatives",
        query_itself,
        "negative is the text of its own query",
        "negatives are the text of their own query",
        "take them out (--fix), and leave the queries out of the corpus",
        removes="negative",
    ),
)
