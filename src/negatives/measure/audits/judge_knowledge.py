"""A judge that is a language model, apart where it knows the answer and where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Bools
from negatives.measure.audits.closed_book import PARTS, Knowledge
from negatives.measure.audits.judge_leaning import Moved, Rates, apart
from negatives.measure.audits.judge_ways import FEWEST

WHERE: Final[Mapping[Knowledge, str]] = {
    "not known": "where it does not know the answer, not where it does",
    "wrong": "where it has a wrong answer of its own, not where it knows the right one",
}


def parts_of(knows: Mapping[str, Knowledge], queries: pl.Series) -> dict[Knowledge, Bools]:
    """Part -> bool[pairs]: those of queries that are in it; nothing where nothing was asked."""
    if not knows:
        return {}
    of = np.array([knows.get(query, "") for query in queries.to_list()])
    return {part: of == part for part in PARTS}


def by_knowledge(parts: Mapping[Knowledge, Rates], confidence: float, at_once: int) -> list[Moved]:
    """How it leans where it does not know the answer, or knows a wrong one, not where it does."""
    enough = {part: rates for part, rates in parts.items() if rates.enough}
    if "known" not in enough:
        return []
    usual = enough.pop("known").leaning(confidence, at_once)
    return [
        apart(WHERE[part], rates.leaning(confidence, at_once), usual)
        for part, rates in enough.items()
    ]


def told_of(parts: Mapping[Knowledge, Rates]) -> str:
    """How many queries are in each part, and whether that is enough to compare them."""
    if not parts:
        return ""
    known, not_known, wrong = (parts[part].relevant.clusters for part in PARTS)
    enough = parts["known"].enough and (parts["not known"].enough or parts["wrong"].enough)
    lacks = f", and {FEWEST} that it knows and {FEWEST} of another sort are needed to compare them"
    return (
        f"; without a document it knows the answer of {known} queries, has a wrong one of {wrong} "
        f"and says of {not_known} that it does not know{'' if enough else lacks}"
    )
