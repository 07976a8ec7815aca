"""How what users hold shows itself in a notebook."""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.card import Card
from negatives.schema import PAIR, Collection
from negatives.show.first_screen import first_screen
from negatives.show.texts import shortened
from negatives.store.run import Run

_SHOWN: Final = 200
"""Characters of a text that is shown as an example."""


def run_html(run: Run) -> str:
    """What its report says first."""
    return first_screen(run)


def collection_card(collection: Collection) -> Card:
    """How much there is of what, a query with one of its positives, and what is unusual."""
    positive = collection.qrels.filter(pl.col("relevance") > 0)
    with_one = positive["query_id"].n_unique()
    rows = [
        ("documents", f"{len(collection.corpus):,}"),
        ("queries", f"{len(collection.queries):,}, of which {with_one:,} have a positive"),
        ("positives", f"{len(positive):,}"),
    ]
    if judged := int((collection.qrels["relevance"] == 0).sum()):
        rows.append(("negatives", f"{judged:,} judged"))
    if len(positive) and collection.identity == "text":
        query, doc = positive.select(PAIR).row(0)
        asked = collection.queries.filter(pl.col("query_id") == query)["text"]
        told = collection.corpus.filter(pl.col("doc_id") == doc)["text"]
        rows += [("a query", shortened(text, _SHOWN)) for text in asked]
        rows += [("a positive", shortened(text, _SHOWN)) for text in told]
    rows += [("note", note) for note in collection.notes]
    split = f" ({collection.split})" if collection.split else ""
    return Card(f"{collection.name}{split}", tuple(rows))
