"""Columns of the type `ClassLabel` of `datasets`: numbers that stand for names.

A label is a grade only by its name: class 0 may be `entailment`. So the name is what is read: whole
numbers, or words for relevant and not relevant; classes of other names are refused.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from negatives.errors import DataError
from negatives.read.grades import whole_number

COLUMNS: Final = ("label", "labels", "relevance", "score", "rel", "grade")
"""Columns that hold grades; the classes of other columns mean nothing here."""

RELEVANT: Final = (
    *("pos", "positive", "yes", "true", "relevant", "related", "match", "similar", "same"),
    *("duplicate", "equivalent", "entailment", "paraphrase", "answer"),
)
NOT_RELEVANT: Final = (
    *("neg", "negative", "no", "false", "irrelevant", "unrelated", "different", "dissimilar"),
    *("contradiction", "mismatch"),
)


def graded(frame: pl.DataFrame, features: Any, where: str) -> pl.DataFrame:
    """`frame` with the grades that its class labels stand for; -1, which means none, is null."""
    for column in COLUMNS:
        names = getattr(features.get(column), "names", None)
        if names and column in frame.columns:
            grades = {at: _grade(name) for at, name in enumerate(names)}
            if None in grades.values():
                raise DataError(
                    f"column {column!r} has the classes {', '.join(names)}: which of them are "
                    "relevant cannot be told",
                    where=where,
                    fix="name the classes by whole numbers, or relevant and irrelevant",
                )
            grade = pl.col(column).replace_strict(grades, default=None, return_dtype=pl.Int64)
            frame = frame.with_columns(grade)
    return frame


def _grade(name: str) -> int | None:
    word = name.strip().lower().replace("-", "_").replace(" ", "_")
    bare = word.removeprefix("not_").removeprefix("non_").removeprefix("not")
    if word in RELEVANT:
        return 1
    if word in NOT_RELEVANT or (bare != word and bare in RELEVANT):
        return 0
    return whole_number(name)
