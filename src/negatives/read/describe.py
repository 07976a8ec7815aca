"""What is in a collection, as plain values that can be written as JSON."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from negatives.schema import Collection
from negatives.text.languages import languages_of_sides

PERCENTILES: Final = (5, 25, 50, 75, 95)


def describe(collection: Collection) -> dict[str, Any]:
    """Counts, positives per query, languages (shares of the letters), lengths of texts, notes."""
    qrels = collection.qrels
    relevant = qrels.filter(pl.col("relevance") > 0)
    per_query = relevant.group_by("query_id").len()["len"]
    grades = qrels["relevance"].value_counts().sort("relevance")
    return {
        "name": collection.name,
        "split": collection.split,
        "documents": len(collection.corpus),
        "queries": len(collection.queries),
        "judgements": len(qrels),
        "positives": len(relevant),
        "judged_negatives": len(qrels) - len(relevant),
        "given_negatives": len(collection.given),
        "grades": {str(grade): count for grade, count in grades.iter_rows()},
        "positives_per_query": _spread(per_query),
        "queries_without_positive": len(collection.queries) - len(per_query),
        "documents_never_judged": len(collection.corpus) - qrels["doc_id"].n_unique(),
        "languages": dict(languages_of_sides(collection.corpus, collection.queries).shares),
        "corpus": _texts(collection.corpus["text"]),
        "query": _texts(collection.queries["text"]),
        "notes": list(collection.notes),
    }


def _texts(texts: pl.Series) -> dict[str, Any]:
    empty = texts == ""
    filled = texts.filter(~empty)
    return {
        "characters": _percentiles(texts.str.len_chars()),
        "words": _percentiles(texts.str.count_matches(r"\S+")),
        "empty": int(empty.sum()),
        "duplicates": len(filled) - filled.n_unique(),
    }


def _spread(counts: pl.Series) -> dict[str, float]:
    if counts.is_empty():
        return {"min": 0, "median": 0, "mean": 0, "max": 0}
    made = {"min": counts.min(), "median": counts.median(), "mean": counts.mean()}
    made["max"] = counts.max()
    return {key: _plain(value) for key, value in made.items()}


def _percentiles(lengths: pl.Series) -> dict[str, float]:
    made: dict[str, Any] = {"min": lengths.min()}
    for percent in PERCENTILES:
        made[f"p{percent}"] = lengths.quantile(percent / 100, interpolation="nearest")
    made["max"] = lengths.max()
    return {key: _plain(value) for key, value in made.items()}


def _plain(value: Any) -> float:
    number = round(float(value), 2)
    return int(number) if number.is_integer() else number
