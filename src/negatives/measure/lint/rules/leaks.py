"""Test sets in training data."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Keys
from negatives.measure.lint.facts import FileFacts
from negatives.measure.lint.findings import OFFENCES, LintRule
from negatives.measure.lint.reference import TestSet
from negatives.measure.lint.text_tables import BLANK

_QUERIES: Final[Callable[[TestSet], Keys]] = attrgetter("queries")
_POSITIVES: Final[Callable[[TestSet], Keys]] = attrgetter("positives")


def queries(facts: FileFacts) -> pl.DataFrame:
    """Rows whose query is one of a test set."""
    return _rows(facts, facts.queries.select("row", text="query_text"), _QUERIES)


def positives(facts: FileFacts) -> pl.DataFrame:
    """Rows whose positive, or whose query, is the text of a document relevant in a test set."""
    asked = facts.queries.select("row", text="query_text")
    listed = pl.concat([asked, facts.positives.select("row", "text")])
    found = _rows(facts, listed, _POSITIVES)
    return found.join(queries(facts), on="row", how="anti", maintain_order="left")


def negatives(facts: FileFacts) -> pl.DataFrame:
    """Negatives that are relevant in a test set."""
    listed = facts.negatives.select("row", "place", "text")
    return _among(facts, listed, _POSITIVES)


def _rows(facts: FileFacts, listed: pl.DataFrame, of: Callable[[TestSet], Keys]) -> pl.DataFrame:
    place = pl.lit(None, dtype=pl.Int32).alias("place")
    found = _among(facts, listed.with_columns(place), of)
    return found.unique("row", keep="first", maintain_order=True).sort("row")


def _among(facts: FileFacts, listed: pl.DataFrame, of: Callable[[TestSet], Keys]) -> pl.DataFrame:
    """Offences: the texts of `listed` (row, place, text) that a test set has too."""
    found = [pl.DataFrame(schema=OFFENCES)]
    listed = listed.filter(pl.col("text") != BLANK)
    normal = facts.texts.normals(listed["text"]).to_numpy()
    for test in facts.tests:
        inside = listed.filter(pl.Series(np.isin(normal, of(test)), dtype=pl.Boolean))
        found.append(inside.select("row", "place", note=pl.lit(f"in {test.name}")))
    return pl.concat(found).unique(["row", "place"], keep="first", maintain_order=True)


RULES: Final = (
    LintRule(
        "test-query",
        "error",
        "rows",
        queries,
        "row trains on a query of a test set",
        "rows train on a query of a test set",
        "drop them (--fix): results on that test set would mean nothing",
        removes="row",
    ),
    LintRule(
        "test-positive",
        "warning",
        "rows",
        positives,
        "row has a positive, or a query, that is a document relevant in a test set",
        "rows have a positive, or a query, that is a document relevant in a test set",
        "usual where training and test share a corpus; else drop them",
    ),
    LintRule(
        "test-positive-as-negative",
        "info",
        "negatives",
        negatives,
        "negative is a document relevant in a test set",
        "negatives are documents relevant in a test set",
        "nothing to fix where training and test share a corpus",
    ),
)
