"""What the verdicts mean, with examples: known positives and judged negatives of the collection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.bounded import read_small
from negatives.chance import pair_uniforms
from negatives.errors import DataError
from negatives.schema import PAIR, Collection
from negatives.show.review.pictures import Pictures
from negatives.show.review.words import SHORT, Texts, piece, visible

EXAMPLES: Final = 3
"""Of each grade."""
MOST_GRADES: Final = 5
_SEEN: Final = 100_000
_LARGEST: Final = 8 * 2**20
"""Bytes of instructions: more is no page that anybody reads."""


@dataclass(frozen=True)
class Guideline:
    """`grades`: the grades that the collection gives, highest first, each with examples.

    `instructions`: what somebody wrote, or had written, for those who judge.
    """

    grades: list[dict[str, Any]]
    judged_negatives: bool
    instructions: str


def guideline(collection: Collection, pictures: Pictures, instructions: str) -> Guideline:
    """Examples of every grade, of different queries, drawn by hash."""
    texts = Texts(collection)
    qrels = collection.qrels.filter(pl.col("relevance") >= 0)
    grades = qrels["relevance"].unique().sort(descending=True).to_list()
    shown = []
    for grade in [*grades[: MOST_GRADES - 1], *grades[MOST_GRADES - 1 :][-1:]]:
        found = qrels.filter(pl.col("relevance") == grade).head(_SEEN)
        drawn = pl.Series("_drawn", pair_uniforms(found, 0, "review/guideline"))
        few = (
            found.with_columns(drawn)
            .sort("_drawn", *PAIR)
            .unique("query_id", keep="first", maintain_order=True)
            .head(EXAMPLES)
        )
        shown.append(
            {
                "grade": grade,
                "relevant": grade > 0,
                "examples": [
                    _example(texts, pictures, *pair) for pair in few.select(PAIR).iter_rows()
                ],
            }
        )
    return Guideline(shown, 0 in grades, visible(instructions))


def read_instructions(path: Path) -> str:
    """The text of a file of instructions; `DataError` where it cannot be read or says nothing."""
    text = read_small(path, _LARGEST).strip()
    if not text:
        raise DataError(
            "the instructions are empty", where=str(path), fix="write them, or leave the file out"
        )
    return text


def _example(texts: Texts, pictures: Pictures, query: str, doc: str) -> dict[str, Any]:
    return {
        "query_id": visible(query),
        "doc_id": visible(doc),
        "query_picture": pictures.of("query", query),
        "doc_picture": pictures.of("doc", doc),
        "query": piece(texts.whole("query", query), 0, SHORT),
        "doc": piece(texts.whole("doc", doc), 0, SHORT),
    }
