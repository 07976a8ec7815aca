"""A table of any library, of rows or of columns, as blocks of polars.

A column whose values are of no one type is refused where its name says that it is read, and else
kept as Python's objects, which whoever reads a table passes over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import polars as pl

from negatives.errors import DataError
from negatives.read import datasets
from negatives.read.files import telling
from negatives.read.frames import POLARS, ROWS, with_lists
from negatives.read.mappings import id_of, is_unicode
from negatives.read.mined.names import plain, role_of

FORMS: Final = (
    "give a frame of pandas or polars, a dataset of the library datasets, a list of rows, or "
    '{"queries": ..., "corpus": ..., "qrels": ...}'
)
_INSTEAD: Final = {
    "Series": "name it: give a frame with columns such as query and positive, or, of texts by "
    "their ids, series.to_dict()",
    "ndarray": 'name its columns: {"query": array[:, 0], "positive": array[:, 1]}',
    "DatasetDict": "give one of its splits, such as data['train']",
    "Iterator": "give list(...) of it: rows are gone through more than once",
}
"""What to give in place of data of a kind."""
_CANNOT: Final = "the table cannot be read"
_INDEX_IDS: Final = ("_id", "id", "docid", "docno", "user_id", "item_id")
_AS_TUPLES: Final = ("query", "positive", "negative")
_TEXTS: Final = ("query", "positive", "negative", "document", "title")
"""Roles and names of columns that hold texts, or ids, and not both."""


@dataclass(frozen=True)
class Table:
    """A table handed over: its name for messages, its columns' types, and its rows, blockwise."""

    name: str
    schema: dict[str, Any]
    frames: Callable[[], Iterator[pl.DataFrame]]


def table_of(data: Any, name: str = "") -> Table:
    """A table in any form; `DataError` where it is none that is known."""
    if _is_of(data, "datasets", "Dataset"):
        title = name or str(getattr(data.info, "dataset_name", None) or "dataset")
        schema = dict(next(datasets.tables(data, title)).schema)
        return Table(title, schema, lambda: islice(datasets.tables(data, title), 1, None))
    if _is_of(data, "datasets", "IterableDataset"):
        raise DataError(
            "a dataset that is streamed can be gone through only as it comes",
            fix="load it without streaming=True",
        )
    title = name or "data frame"
    data = gathered_once(data, title)
    with telling(_CANNOT, title, FORMS, (*POLARS, TypeError, ValueError)):
        frame = _frame(data, title)
    if frame.is_empty():
        fix = "check that what made it came to an end"
        raise DataError("the table holds no rows", where=title, fix=fix)
    frame = _plain_columns(frame, title)
    return Table(title, dict(frame.schema), lambda: frame.iter_slices(ROWS))


def gathered_once(data: Any, title: str = "data frame") -> Any:
    """What can be gone through only once, or anew at a cost, as a frame; all else as it is."""
    if isinstance(data, pl.LazyFrame):
        fix = "see to it that collect() of it gives a frame"
        with telling("the lazy frame cannot be collected", title, fix, POLARS):
            return data.collect()
    if not _is_arrow(data):
        return data
    names = [*getattr(getattr(data, "schema", None), "names", ())]
    _refuse_twice(names, title)
    with telling(_CANNOT, title, FORMS, (*POLARS, TypeError, ValueError)):
        return pl.DataFrame(data)


def is_table(data: object) -> bool:
    """Whether something is a table of a library, one that cannot be read among them."""
    return (
        isinstance(data, pl.DataFrame | pl.LazyFrame)
        or hasattr(data, "__arrow_c_stream__")
        or _is_of(data, "pandas", "DataFrame")
        or any(_is_of(data, "datasets", each) for each in ("Dataset", "IterableDataset"))
    )


def is_columns(data: Mapping[Any, Any]) -> bool:
    """Whether a dictionary is of columns: lists or arrays, some of them named as such."""
    if not data or not all(_is_list(each) for each in data.values()):
        return False
    names = [key for key in data if isinstance(key, str)]
    return len(names) == len(data) and any(_is_name(name) for name in names)


# ---- tables by what they are made of -------------------------------------------------------------


def _frame(data: Any, title: str) -> pl.DataFrame:
    if isinstance(data, pl.DataFrame):
        return data
    if _is_of(data, "pandas", "DataFrame"):
        return _of_pandas(data, title)
    if isinstance(data, Mapping) and is_columns(data):
        return _of_columns(data, title)
    if isinstance(data, Sequence) and not isinstance(data, str | bytes) and data:
        return _of_rows(data, title)
    kind = type(data).__name__
    empty = isinstance(data, Mapping | Sequence) and not data
    what = f"an empty {kind}" if empty else f"data cannot be read from {kind}"
    like = "Iterator" if isinstance(data, Iterator) else kind
    raise DataError(what, where=title, fix=_INSTEAD.get(like, FORMS))


def _of_columns(columns: Mapping[Any, Any], title: str) -> pl.DataFrame:
    lengths = {key: len(values) for key, values in columns.items()}
    first = next(iter(lengths))
    for key, length in lengths.items():
        if length != lengths[first]:
            raise DataError(
                f"columns of different lengths: {first!r} has {lengths[first]:,}, "
                f"and {key!r} {length:,}",
                where=title,
                fix="give every column a value for every row, None where there is none",
            )
    return pl.DataFrame(
        {
            key: _of_array(key, values, title)
            if _is_of(values, "pandas", "Series")
            else _series(key, getattr(values, "tolist", lambda v=values: [*v])(), title)
            for key, values in columns.items()
        }
    )


def _of_rows(rows: Sequence[Any], title: str) -> pl.DataFrame:
    named = [isinstance(row, Mapping) for row in rows]
    if all(named):
        names = dict.fromkeys(str(name) for row in rows for name in row)
        return pl.DataFrame(
            {name: _series(name, [row.get(name) for row in rows], title) for name in names}
        )
    widths = {len(row) if isinstance(row, tuple | list) else 0 for row in rows}
    if widths <= {2} or (
        widths <= {3} and all(isinstance(each, str) for row in rows for each in row)
    ):
        columns = zip(*rows, strict=True)
        return pl.DataFrame(
            {name: _series(name, [*values], title) for name, values in zip(_AS_TUPLES, columns)}  # noqa: B905
        )
    if any(named):
        at = named.index(False)
        raise DataError(
            f"row {at + 1} is {rows[at]!r:.60}, and others are dictionaries",
            where=title,
            fix="give dictionaries with the same names, or leave it out",
        )
    raise DataError(
        f"rows without names, such as {rows[0]!r:.60}",
        where=title,
        fix="give pairs (query, positive), triples (query, positive, negative), or dictionaries "
        "with names",
    )


def _of_pandas(data: Any, title: str) -> pl.DataFrame:
    """A frame of pandas, its columns one by one; levels of its index that are named as ones too."""
    columns: dict[str, Any] = {}
    for level, name in enumerate(data.index.names):
        if isinstance(name, str) and _is_name(name):
            columns[name] = data.index.get_level_values(level)
    for at, name in enumerate(data.columns):
        if not isinstance(name, str):
            raise DataError(
                f"column {at + 1} is called {name!r}, and that is no name",
                where=title,
                fix="name the columns, such as query and positive",
            )
        if name in columns:
            raise DataError(
                f"two columns are called {name!r} (the index counts where its name is a column's)",
                where=title,
                fix="rename one, or leave it out",
            )
        columns[name] = data.iloc[:, at]
    return pl.DataFrame({name: _of_array(name, each, title) for name, each in columns.items()})


def _refuse_twice(names: Collection[str], title: str) -> None:
    """`DataError` where two columns have one name."""
    seen = set[str]()
    for name in names:
        if name in seen:
            fix = "rename one, or leave it out"
            raise DataError(f"two columns are called {name!r}", where=title, fix=fix)
        seen.add(name)


# ---- columns -------------------------------------------------------------------------------------


def _of_array(name: str, values: Any, title: str) -> pl.Series:
    """A column of pandas: numbers as they lie, anything else value by value."""
    kind = getattr(values.dtype, "kind", "O")
    if kind in "iub" and hasattr(values.dtype, "itemsize") and not values.isna().any():
        return pl.Series(name, values.to_numpy())
    if kind == "f":
        return pl.Series(
            name, values.to_numpy(dtype="float64", na_value=float("nan")), nan_to_null=True
        )
    there = values.notna()
    found = [one if ok else None for one, ok in zip(values, there, strict=True)]
    return _series(name, found, title)


def _series(name: str, values: list[Any], title: str) -> pl.Series:
    """A column of Python's values; ids of several kinds become texts, whole or not at all."""
    try:
        made = pl.Series(name, values, strict=True)
    except UnicodeEncodeError:
        raise _no_unicode(name, values, title) from None
    except (TypeError, OverflowError, *POLARS):
        return _ids(name, values, title)
    return _ids(name, values, title) if made.dtype == pl.Object else made


def _ids(name: str, values: list[Any], title: str) -> pl.Series:
    """Ids that are no single type, such as UUIDs, or whole numbers among texts."""
    found = [None if value is None else id_of(value) for value in values]
    texts = any(isinstance(value, str) for value in values) and _holds_texts(name)
    for at, (value, own) in enumerate(zip(values, found, strict=True), 1):
        if value is None or value == "" or (own is not None and not (texts and own != value)):
            continue
        if not _is_name(name):
            return pl.Series(name, values, dtype=pl.Object)
        said = "not a text, as others are" if own is not None else "neither a text nor an id"
        raise DataError(
            f"column {name!r} holds {value!r:.60} in row {at}: {said}",
            where=title,
            fix="give texts as str, ids as str, int or UUID",
        )
    return pl.Series(
        name, [own if value != "" else "" for own, value in zip(found, values, strict=True)]
    )


def _no_unicode(name: str, values: list[Any], title: str) -> DataError:
    """What is said of a column in which a text holds half a character."""
    at = next((at for at, value in enumerate(values, 1) if not _is_unicode(value)), 0)
    return DataError(
        f"column {name!r} holds a text that is no Unicode in row {at}",
        where=title,
        fix="write it without unpaired surrogates, such as text.encode('utf-8', 'replace')",
    )


def _is_unicode(value: object) -> bool:
    if isinstance(value, str):
        return is_unicode(value)
    inside = value.values() if isinstance(value, Mapping) else value
    return not isinstance(inside, Collection) or all(map(_is_unicode, inside))


def _plain_columns(frame: pl.DataFrame, title: str) -> pl.DataFrame:
    """A frame of polars without Python objects that are read, and with lists instead of arrays."""
    objects = [name for name, dtype in frame.schema.items() if dtype == pl.Object]
    with telling(_CANNOT, title, FORMS, (TypeError,)):
        frame = frame.with_columns(_ids(name, frame[name].to_list(), title) for name in objects)
    return with_lists(frame)


# ---- which form it is ----------------------------------------------------------------------------


def _is_of(data: object, library: str, name: str) -> bool:
    """Whether something is of a class of a library, which is not imported for that."""
    return any(
        each.__name__ == name and each.__module__.split(".")[0] == library
        for each in type(data).__mro__
    )


def _is_arrow(data: object) -> bool:
    """Whether something hands Arrow's columns over and is not of a library that is read itself."""
    return (
        hasattr(data, "__arrow_c_stream__")
        and not isinstance(data, pl.DataFrame | pl.Series)
        and not any(_is_of(data, "pandas", each) for each in ("DataFrame", "Series"))
        and not _is_of(data, "datasets", "Dataset")
    )


def _is_list(values: object) -> bool:
    """Whether something may be a column: a list, or an array of one dimension."""
    if isinstance(values, list | tuple | pl.Series) or _is_of(values, "pandas", "Series"):
        return True
    return _is_of(values, "numpy", "ndarray") and getattr(values, "ndim", 0) == 1


def _is_name(name: str) -> bool:
    return role_of(name) is not None or plain(name) in ("text", "title", *_INDEX_IDS)


def _holds_texts(name: str) -> bool:
    return role_of(name) in _TEXTS or plain(name) in _TEXTS
