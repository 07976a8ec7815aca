"""Columns of the type `ClassLabel` of `datasets`: numbers that stand for names.

A label is a grade only by its name: class 0 may be `entailment`. So the name is what is read: whole
numbers, or words for relevant and not relevant; classes of other names are refused. The names come
with a dataset, and with every Parquet file that `datasets` wrote; labels may lie in lists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.errors import DataError
from negatives.read.grades import whole_number
from negatives.read.mined.names import role_of

_LISTS: Final = ("Sequence", "List", "LargeList")
"""What types of lists are called by one or the other version of `datasets`."""

RELEVANT: Final = (
    *("pos", "positive", "yes", "true", "relevant", "related", "match", "similar", "same"),
    *("duplicate", "equivalent", "entailment", "paraphrase", "answer"),
)
NOT_RELEVANT: Final = (
    *("neg", "negative", "no", "false", "irrelevant", "unrelated", "different", "dissimilar"),
    *("contradiction", "mismatch"),
)


def graded(frame: pl.DataFrame, features: Mapping[str, Any], where: str) -> pl.DataFrame:
    """`frame` with the grades that its class labels stand for; -1, which means none, is null.

    `features`: the types of the columns, as `Features.to_dict` of `datasets` and its files have
    them. Only columns that hold grades by their name are read; classes of others mean nothing here.
    """
    for column, dtype in frame.schema.items():
        names, depth = _classes(features.get(column))
        if not names or role_of(column) not in ("label", "score") or not _is_whole(dtype):
            continue
        grades = {at: _grade(name) for at, name in enumerate(names)}
        if None in grades.values():
            raise DataError(
                f"column {column!r} has the classes {', '.join(names)}: which of them are "
                "relevant cannot be told",
                where=where,
                fix="name the classes by whole numbers, or relevant and irrelevant",
            )
        inner = pl.element() if depth else pl.col(column)
        grade = inner.replace_strict(grades, default=None, return_dtype=pl.Int64)
        for level in range(depth, 0, -1):
            grade = (pl.col(column) if level == 1 else pl.element()).list.eval(grade)
        frame = frame.with_columns(grade)
    return frame


def features_of(path: Path) -> Mapping[str, Any]:
    """The types that `datasets` noted in a Parquet file that it wrote; none where it wrote none."""
    noted = pl.read_parquet_metadata(path).get("huggingface", "{}")
    try:
        features = json.loads(noted)["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def _classes(feature: Any) -> tuple[list[str], int]:
    """The names of the classes of a column, and how many lists its labels lie in."""
    depth = 0
    while True:
        if isinstance(feature, list) and len(feature) == 1:
            feature = feature[0]
        elif isinstance(feature, dict) and feature.get("_type") in _LISTS:
            feature = feature.get("feature")
        else:
            break
        depth += 1
    if not isinstance(feature, dict) or feature.get("_type") != "ClassLabel":
        return [], 0
    return [*map(str, feature.get("names") or [])], depth


def _is_whole(dtype: Any) -> bool:
    while isinstance(dtype, pl.List):
        dtype = dtype.inner
    return bool(dtype.is_integer())


def _grade(name: str) -> int | None:
    word = name.strip().lower().replace("-", "_").replace(" ", "_")
    bare = word.removeprefix("not_").removeprefix("non_").removeprefix("not")
    if word in RELEVANT:
        return 1
    if word in NOT_RELEVANT or (bare != word and bare in RELEVANT):
        return 0
    return whole_number(name)
