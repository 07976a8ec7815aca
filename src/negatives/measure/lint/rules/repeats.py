"""The same thing again: a negative in its row, a row in the file."""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.chance import mix
from negatives.measure.lint.facts import FileFacts
from negatives.measure.lint.findings import LintRule, of_rows


def repeated_row(facts: FileFacts) -> pl.DataFrame:
    """Rows with the query, the positives and the negatives of an earlier one."""
    rows = _fingerprints(facts)
    content = ["query", "query_text", "positives", "negatives"]
    found = rows.with_columns(first=pl.col("row").min().over(content)).filter(
        pl.col("row") != pl.col("first")
    )
    return of_rows(found.sort("row"), pl.format("as row {}", "first"))


def repeated_negative(facts: FileFacts) -> pl.DataFrame:
    """Negatives that their query has already, beside the same positives; not those of whole rows.

    A triplet file repeats a query's negatives for each of its positives: that is no repetition.
    """
    rows = _fingerprints(facts).select("row", "query", "positives")
    listed = facts.negatives.join(rows, on="row", how="left", maintain_order="left")
    listed = listed.join(repeated_row(facts), on="row", how="anti", maintain_order="left")
    listed = listed.with_row_index("at")
    same = ["query", "positives", "text"]
    again = listed.with_columns(first=pl.col("at").min().over(same))
    again = again.filter(pl.col("at") != pl.col("first"))
    first = listed["row"].gather(again["first"])
    return again.select("row", "place", note=pl.format("as in row {}", first))


def alike(facts: FileFacts) -> pl.DataFrame:
    """Rows that have several negatives, all of them the same."""
    counted = facts.negatives.group_by("row").agg(
        listed=pl.len(), distinct=pl.col("text").n_unique()
    )
    found = counted.filter(pl.col("listed") > 1, pl.col("distinct") == 1).sort("row")
    return of_rows(found, pl.format("{} times the same", "listed"))


def _fingerprints(facts: FileFacts) -> pl.DataFrame:
    """row, query, query_text, positives and negatives (a sum of keys, the same in any order)."""
    made = facts.queries
    for name, docs in (("positives", facts.positives), ("negatives", facts.negatives)):
        mixed = docs.select("row", mixed=pl.Series(mix(docs["text"].to_numpy())))
        sums = mixed.group_by("row").agg(pl.col("mixed").sum().alias(name))
        made = made.join(sums, on="row", how="left", maintain_order="left")
    return made.with_columns(pl.col("positives", "negatives").fill_null(0))


RULES: Final = (
    LintRule(
        "repeated-row",
        "warning",
        "rows",
        repeated_row,
        "row repeats an earlier one",
        "rows repeat an earlier one",
        "drop them (--fix): they count twice in training",
        removes="row",
    ),
    LintRule(
        "repeated-negative",
        "warning",
        "negatives",
        repeated_negative,
        "negative is listed again for the same query and positive",
        "negatives are listed again for the same query and positive",
        "take them out (--fix), but for files with a column for each negative",
        removes="negative",
        spares=lambda layout: layout.fixed,
    ),
    LintRule(
        "alike-negatives",
        "warning",
        "rows",
        alike,
        "row has the same negative in all its places",
        "rows have the same negative in all their places",
        "mine again with more candidates: `negatives mine --per-query`",
    ),
)
