"""What is in a collection, as plain values that can be written as JSON."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from negatives.schema import CONTENT, Collection, Side
from negatives.text.languages import languages_of_sides

PERCENTILES: Final = (5, 25, 50, 75, 95)


def describe(collection: Collection) -> dict[str, Any]:
    """Counts, positives per query, languages (shares of the letters), lengths of texts, notes.

    Languages and lengths only of what has texts; what documents and queries have besides is listed
    as their `fields`, and `identity` is said where it is the id.
    """
    qrels = collection.qrels
    relevant = qrels.filter(pl.col("relevance") > 0)
    per_query = relevant.group_by("query_id").len()["len"]
    grades = qrels["relevance"].value_counts().sort("relevance")
    sides: tuple[tuple[Side, str], ...] = (("docs", "corpus"), ("queries", "query"))
    texts: dict[str, Any] = {
        what: _texts(collection.frame(side)["text"])
        for side, what in sides
        if collection.has(side, "text")
    }
    if texts:
        sampled = languages_of_sides(collection.corpus, collection.queries)
        texts = {"languages": dict(sampled.shares), **texts}
    for side, what in sides:
        if named := _fields(collection.frame(side)):
            texts[f"{what}_fields"] = named
    return {
        "name": collection.name,
        "split": collection.split,
        **({"identity": "id"} if collection.identity == "id" else {}),
        "documents": len(collection.corpus),
        "queries": len(collection.queries),
        "judgements": len(qrels),
        "positives": len(relevant),
        "judged_negatives": int((qrels["relevance"] == 0).sum()),
        "given_negatives": len(collection.given),
        "grades": {str(grade): count for grade, count in grades.iter_rows()},
        "positives_per_query": _spread(per_query),
        "queries_without_positive": len(collection.queries) - len(per_query),
        "documents_never_judged": len(collection.corpus) - qrels["doc_id"].n_unique(),
        **({"times": _times(collection)} if len(collection.times) else {}),
        **texts,
        "notes": list(collection.notes),
    }


def _times(collection: Collection) -> str:
    """Of how many judgements it is known when they came to be, and from when to when."""
    when = collection.times["time"].to_numpy()
    span = f"{when.min():.10g} to {when.max():.10g}"
    return f"{len(when):,} of {len(collection.qrels):,}, {span}"


def _fields(frame: pl.DataFrame) -> dict[str, str]:
    """What a side has besides ids and texts, of how many of its rows, and from what to what."""
    made = {}
    for name in frame.columns:
        if name in ("doc_id", "query_id", "text", "row"):
            continue
        values = frame[name].filter(frame[name] != "") if name in CONTENT else frame[name]
        there = values.drop_nulls()
        span = "" if frame[name].dtype == pl.String else f", {there.min()!s} to {there.max()!s}"
        made[name] = f"{len(there):,} of {len(frame):,}{span}"
    return made


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
