"""What is odd about pairs of ids, and about the splits that they are in: in words of their domain.

Triples have notes of their own besides: `triple_notes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from negatives.schema import PAIR, Collection
from negatives.wording import plural

_SHOWN: Final = 3
"""Ids that a note names."""


@dataclass(frozen=True)
class Words:
    """What a domain calls its queries, its pairs, and having all documents for positives."""

    query: str
    pair: str
    has_all: tuple[str, str]
    """One query that does, and several."""


INTERACTIONS: Final = Words("user", "interaction", ("user has every item", "users have every item"))
EDGES: Final = Words(
    "source", "edge", ("source is joined to every target", "sources are joined to every target")
)
TRIPLES: Final = Words(
    "question",
    "triple",
    ("question has every entity for an answer", "questions have every entity for an answer"),
)
LABELS: Final = Words("text", "label", ("text has every label", "texts have every label"))
DOCUMENTS: Final = Words(
    "query",
    "judgement",
    ("query has every document for a positive", "queries have every document for a positive"),
)
"""Of whatever it is, in words of retrieval."""


def without_negatives(made: Collection, words: Words) -> list[str]:
    """A note of queries whose positives are all documents there are, so that nothing is left."""
    counts = made.positives.group_by("query").len()
    full = counts.filter(pl.col("len") >= len(made.corpus))["query"].sort()
    if full.is_empty():
        return []
    ids = made.queries["query_id"].gather(full)
    said = words.has_all[0] if len(full) == 1 else words.has_all[1]
    return [f"{len(full):,} {said}, so that there is no negative: {_first(ids, repr_=True)}"]


def of_splits(here: pl.DataFrame, split: str, others: Mapping[str, pl.DataFrame], words: Words,
              both_ways: bool = False) -> list[str]:  # fmt: skip
    """Notes of how train and the other splits stand to each other.

    `here` and each of `others`: query_id, doc_id of the pairs of a split. Only what concerns train
    is told: pairs of another split that it has too, and queries of which it has none. `both_ways`:
    a pair may say the same as the one from its document to its query, which is told of as well.
    """
    splits = {**others, split: here}
    learned = splits.pop("train", None)
    tested = splits if split == "train" else {split: here}
    if learned is None:
        return []
    told = []
    for name, rows in tested.items():
        pairs = rows.select(PAIR).unique()
        again = len(pairs.join(learned, on=PAIR, how="semi"))
        if again:
            are = "is" if again == 1 else "are"
            told.append(
                f"leak: {again:,} of {plural(len(pairs), words.pair)} of {name} {are} in train too"
            )
        unseen = pairs.join(learned, on=PAIR, how="anti")
        turned = unseen.select(query_id="doc_id", doc_id="query_id")
        back = len(turned.join(learned, on=PAIR, how="semi")) if both_ways else 0
        if back:
            stand = "stands" if back == 1 else "stand"
            told.append(
                f"{back:,} of {plural(len(pairs), words.pair)} of {name} {stand} in train the "
                f"other way round: a leak, unless an {words.pair} has a direction"
            )
        ids = pairs.select("query_id").unique()
        new = ids.join(learned, on="query_id", how="anti")["query_id"].sort()
        if len(new):
            are, them = ("is", "it") if len(new) == 1 else ("are", "them")
            told.append(
                f"{plural(len(new), words.query)} {are} of {name} and in no {words.pair} of train "
                f"({_first(new)}): a model of ids knows nothing of {them}"
            )
    return told


def _first(ids: pl.Series, *, repr_: bool = False) -> str:
    shown = map(repr, ids[:_SHOWN]) if repr_ else ids[:_SHOWN]
    return ", ".join(shown) + (", ..." if len(ids) > _SHOWN else "")
