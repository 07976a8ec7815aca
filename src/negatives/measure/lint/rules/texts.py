"""Texts that are empty, or cut off."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.measure.lint.facts import FileFacts
from negatives.measure.lint.findings import LintRule, of_rows
from negatives.measure.lint.text_tables import BLANK, TextTable

PILE: Final = 10
"""Fewer distinct texts than this of the greatest length are no pile."""
PILE_SHARE: Final = 0.01
"""A smaller share of the distinct texts than this is no pile."""
CHUNKS: Final = 0.5
"""A larger share than this is a corpus of pieces of one length, and no pile."""
PILE_RATIO: Final = 5
"""So many times the texts of the lengths just below make a pile."""
SHORT: Final = 20
"""Characters, or words, below which texts pile up by themselves."""


def empty_query(facts: FileFacts) -> pl.DataFrame:
    """Rows without a query."""
    return of_rows(facts.queries.filter(pl.col("query_text") == BLANK))


def empty_positive(facts: FileFacts) -> pl.DataFrame:
    """Rows with a positive without a text, or, where rows have positives, without any."""
    found = facts.positives.filter(pl.col("text") == BLANK).select("row")
    if facts.mined.layout.shape == "wide":
        without = facts.queries.join(facts.positives, on="row", how="anti").select("row")
        found = pl.concat([found, without])
    return of_rows(found.unique().sort("row"))


def empty_negative(facts: FileFacts) -> pl.DataFrame:
    """Negatives without a text."""
    found = facts.negatives.filter(pl.col("text") == BLANK)
    return found.select("row", "place", note=pl.lit(""))


def cut_off(facts: FileFacts) -> pl.DataFrame:
    """Rows with the beginning of a longer document; without a collection, with a text of a pile."""
    found = []
    for docs, place in (
        (facts.negatives, pl.col("place")),
        (facts.positives, pl.lit(None, dtype=pl.Int32)),
    ):
        cut, note = facts.texts.cut, "the beginning of a longer document"
        if facts.mined.known is None:
            cut, note = piled(facts.texts, docs["text"])
        keys = pl.DataFrame({"text": facts.texts.keys[cut]}, schema={"text": pl.UInt64})
        some = docs.join(keys, on="text", how="semi")
        found.append(some.select("row", place=place, note=pl.lit(note)))
    worst = pl.concat(found).sort("row", "place", nulls_last=True)
    return worst.unique("row", keep="first", maintain_order=True)


def piled(texts: TextTable, keys: pl.Series) -> tuple[NDArray[np.bool_], str]:
    """Which of the texts with these keys have exactly the greatest length, if suspiciously many do;
    and what length that is.
    """
    document = np.zeros(len(texts.keys), bool)
    document[texts.at(keys.unique())] = True
    total = int(document.sum())
    for name, lengths in (("characters", texts.chars), ("words", texts.words)):
        counts = np.bincount(lengths[document], minlength=2)
        longest = len(counts) - 1
        below = counts[max(longest - 10, 0) : longest]
        if (
            longest >= SHORT
            and max(PILE, PILE_SHARE * total) <= counts[longest] <= CHUNKS * total
            and counts[longest] >= PILE_RATIO * max(below.mean(), 1)
        ):
            return document & (lengths == longest), f"exactly {longest:,} {name}, as many others"
    return np.zeros(len(texts.keys), bool), ""


RULES: Final = (
    LintRule(
        "empty-query",
        "error",
        "rows",
        empty_query,
        "row has no query",
        "rows have no query",
        "drop them (--fix)",
        removes="row",
    ),
    LintRule(
        "empty-positive",
        "error",
        "rows",
        empty_positive,
        "row has no positive, or an empty one",
        "rows have no positive, or an empty one",
        "drop them (--fix): nothing can be learnt from them",
        removes="row",
    ),
    LintRule(
        "empty-negative",
        "error",
        "negatives",
        empty_negative,
        "negative is an empty text",
        "negatives are empty texts",
        "take them out (--fix), and leave empty documents out of the corpus",
        removes="negative",
    ),
    LintRule(
        "truncated-text",
        "warning",
        "rows",
        cut_off,
        "row has a document that seems to be cut off",
        "rows have documents that seem to be cut off",
        "export whole texts, and let the trainer cut them to the model's length",
    ),
)
