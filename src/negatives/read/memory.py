"""Data that is handed over in Python: tables of any library, dictionaries by id, and splits.

| form                                              | read as                                    |
|---------------------------------------------------|--------------------------------------------|
| a frame of pandas or polars, an Arrow table, a    | rows of pairs, as a file of the same       |
| dataset of `datasets`, a list of rows, a          | columns                                    |
| dictionary of columns                             |                                            |
| a dictionary of such tables                       | splits by their names                      |
| a frame with columns of heads, relations and      | triples, as a file of them                 |
| tails; a factory or a dataset of PyKEEN           |                                            |
| `{"queries": ..., "corpus": ..., "qrels": ...}`   | a collection of three tables, each in one  |
| (or relevant_docs), or an object that has them    | of these forms or by ids (`mappings.py`)   |

What a table means is decided where it is decided for files, so that a frame and a file of the same
rows are the same collection. The index of a pandas frame is left out, unless its name is that of an
id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.errors import DataError
from negatives.read import datasets
from negatives.read.by_id import collected_by_id
from negatives.read.fields import fields_of, typed
from negatives.read.file_options import AS_NAMED, FileOptions
from negatives.read.files import telling
from negatives.read.findings import Findings
from negatives.read.frames import POLARS, ROWS, from_frames
from negatives.read.gathered import Tables, gather
from negatives.read.mappings import (
    PARTS,
    id_of,
    judgements,
    judgements_of_mapping,
    parts_in,
    texts_of_mapping,
)
from negatives.read.mined.layout import INTERACTIONS
from negatives.read.mined.names import plain, role_of
from negatives.read.mined.rows import MinedFile, understood
from negatives.read.mined.source import tables as as_source
from negatives.read.pair_files import collected
from negatives.read.pykeen_triples import factories, of_factory
from negatives.read.qrels import named, read_qrels, typed_qrels
from negatives.read.texts import read_texts, text_fields, with_titles
from negatives.read.triple_files import named_parts, typed_triples
from negatives.read.triple_names import Names
from negatives.read.triples import collected as graph_of
from negatives.schema import Collection

FORMS: Final = (
    "give a frame of pandas or polars, a dataset of the library datasets, a list of rows, or "
    '{"queries": ..., "corpus": ..., "qrels": ...}'
)
_INDEX_IDS: Final = ("_id", "id", "docid", "docno", "user_id", "item_id")
_AS_TUPLES: Final = ("query", "positive", "negative")


@dataclass(frozen=True)
class Table:
    """A table handed over: its name for messages, its columns' types, and its rows, blockwise."""

    name: str
    schema: dict[str, Any]
    frames: Callable[[], Iterator[pl.DataFrame]]


def is_named(data: object) -> bool:
    """Whether data is named by a path or an address, and not handed over."""
    return isinstance(data, str | Path)


def splits_of(data: Any) -> list[str]:
    """The splits of data that is handed over, in name order; train where it has none."""
    return sorted(factories(data) or _split_tables(data)) or ["train"]


def read_memory(
    data: Any,
    split: str,
    findings: Findings,
    known: Collection | None = None,
    options: FileOptions = AS_NAMED,
    name: str = "",
) -> Collection:
    """The collection of one split of data that is handed over."""
    parts = three_parts(data)
    if parts is None and _has_parts(data):
        parts = (data["queries"], data["corpus"], _split_tables(data)[split])
    if parts is not None:
        if known is not None or options != AS_NAMED:
            raise DataError(
                "a corpus, and names of columns, go with pairs, and this has a corpus of its own",
                where=name or "the data",
                fix="leave them out",
            )
        return of_parts(*parts, name=name or "data", split=split, findings=findings)
    triples = _triples(data, split, name, findings)
    if triples:
        return graph_of(name or "triples", split, triples, Names(), findings)
    of_splits = _split_tables(data)
    file = mined_table(of_splits.get(split, data), known, options, name)
    called = name or str(file.path)
    if file.layout.name == INTERACTIONS and known is None:
        others = [mined_table(of_splits[other]) for other in of_splits if other != split]
        return collected_by_id(called, split, [file], others, findings)
    return collected(called, split, [file], findings)[0]


def _triples(data: Any, split: str, name: str, findings: Findings) -> dict[str, pl.DataFrame]:
    """The triples of each split of a knowledge graph; empty: the data is none."""
    found = {}
    own = {each: findings if each == split else Findings(set_aside=True) for each in (split,)}
    theirs = factories(data)
    for each, factory in theirs.items():
        found[each] = of_factory(factory, name or each, own.get(each, Findings(set_aside=True)))
    if theirs:
        return found
    for each, rows in (_split_tables(data) or {split: data}).items():
        if isinstance(rows, Mapping) and not is_columns(rows):
            return {}
        table = table_of(rows, name)
        if named_parts([*table.schema]) is None:
            return {}
        aside = own.get(each, Findings(set_aside=True))
        found[each] = typed_triples(table.frames(), [*table.schema], table.name, aside)
    return found


def of_parts(
    queries: Any, corpus: Any, qrels: Any, *, name: str, split: str, findings: Findings
) -> Collection:
    """The collection of queries, corpus and judgements, each in any form."""
    tables = Tables(
        corpus=side_of(corpus, "doc_id", findings),
        queries=side_of(queries, "query_id", findings),
        qrels=qrels_of(qrels, findings),
    )
    findings.done()
    return gather(name, split, tables, findings)


def three_parts(data: Any) -> tuple[Any, Any, Any] | None:
    """Queries, corpus and judgements, where data has them by their names."""
    if isinstance(data, Mapping):
        return parts_in(data)
    found = tuple(getattr(data, name, None) for name in ("queries", "corpus", "relevant_docs"))
    return found if all(isinstance(each, Mapping) for each in found) else None  # type: ignore[return-value]


def mined_table(
    data: Any,
    known: Collection | None = None,
    options: FileOptions = AS_NAMED,
    name: str = "",
) -> MinedFile:
    """A table as a file of pairs or of negatives, understood."""
    table = table_of(data, name)
    return understood(as_source(table.name, table.schema, table.frames), known, options)


def side_of(data: Any, key: str, findings: Findings, *, made: bool = False) -> pl.DataFrame:
    """`key`, text, row, file, line of documents or queries in any form.

    `made`: rows without ids get some from their texts.
    """
    where = "corpus" if key == "doc_id" else "queries"
    if is_named(data):
        return read_texts(Path(data), key, findings, made=made)
    if isinstance(data, Mapping) and not is_columns(data):
        found = texts_of_mapping(data, key, where, findings)
        findings.done()
        return found
    table = table_of(data, where)
    columns = [*table.schema]
    fields = text_fields(columns, key, made=made) | fields_of(columns)
    blocks = from_frames(table.frames(), columns, fields, where, findings)
    found = with_titles(blocks, key)
    findings.done()
    return typed(found, findings)


def qrels_of(data: Any, findings: Findings) -> pl.DataFrame:
    """query_id, doc_id, relevance, file, line of judgements in any form.

    Without grades every pair is a positive.
    """
    if is_named(data):
        found = read_qrels(Path(data), findings)
    elif isinstance(data, Mapping) and not is_columns(data):
        found = judgements_of_mapping(data, "qrels", findings)
    elif isinstance(data, Sequence) and not (data and isinstance(data[0], Mapping)):
        found = judgements(data, "qrels", findings)
    else:
        table = table_of(data, "qrels")
        columns, frames = [*table.schema], table.frames()
        if named(columns)[2] is None:
            columns.append("score")
            frames = (frame.with_columns(score=pl.lit(1)) for frame in frames)
        found = typed_qrels(frames, columns, "qrels", findings)
    findings.done()
    return found


# ---- tables of any library -----------------------------------------------------------------------


def table_of(data: Any, name: str = "") -> Table:
    """A table in any form; `DataError` where it is none that is known."""
    if isinstance(data, pl.LazyFrame):
        data = data.collect()
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
    with telling("the table cannot be read", title, FORMS, (*POLARS, TypeError, ValueError)):
        frame = _frame(data, title)
    if frame.is_empty():
        fix = "check that what made it came to an end"
        raise DataError("the table holds no rows", where=title, fix=fix)
    frame = _plain_columns(frame, title)
    return Table(title, dict(frame.schema), lambda: frame.iter_slices(ROWS))


def _frame(data: Any, title: str) -> pl.DataFrame:
    if isinstance(data, pl.DataFrame):
        return data
    if _is_of(data, "pandas", "DataFrame"):
        return _of_pandas(data, title)
    if hasattr(data, "__arrow_c_stream__") and type(data).__name__ != "Series":
        return pl.DataFrame(data)
    if isinstance(data, Mapping) and is_columns(data):
        return pl.DataFrame({str(key): _series(str(key), [*data[key]]) for key in data})
    if isinstance(data, Sequence) and not isinstance(data, str | bytes) and data:
        return _of_rows(data, title)
    kind = type(data).__name__
    empty = isinstance(data, Mapping | Sequence) and not data
    what = f"an empty {kind}" if empty else f"data cannot be read from {kind}"
    raise DataError(what, where=title, fix=FORMS)


def _of_rows(rows: Sequence[Any], title: str) -> pl.DataFrame:
    if all(isinstance(row, Mapping) for row in rows):
        names = dict.fromkeys(str(name) for row in rows for name in row)
        return pl.DataFrame(
            {name: _series(name, [row.get(name) for row in rows]) for name in names}
        )
    widths = {len(row) if isinstance(row, tuple | list) else 0 for row in rows}
    texts = all(isinstance(each, str) for row in rows for each in row)
    if widths <= {2} or (widths <= {3} and texts):
        columns = zip(*rows, strict=True)
        return pl.DataFrame(
            {name: _series(name, [*values]) for name, values in zip(_AS_TUPLES, columns)}  # noqa: B905
        )
    raise DataError(
        f"rows without names, such as {rows[0]!r:.60}",
        where=title,
        fix="give pairs (query, positive), triples (query, positive, negative), or dictionaries "
        "with names",
    )


def _of_pandas(data: Any, title: str) -> pl.DataFrame:
    """A frame of pandas, its columns one by one; levels of its index that are named as ids too."""
    columns: dict[str, Any] = {}
    for level, name in enumerate(data.index.names):
        if isinstance(name, str) and _is_id(name):
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
                f"two columns are called {name!r} (the index counts where its name is an id's)",
                where=title,
                fix="rename one, or leave it out",
            )
        columns[name] = data.iloc[:, at]
    return pl.DataFrame({name: _of_array(name, values) for name, values in columns.items()})


def _of_array(name: str, values: Any) -> pl.Series:
    """A column of pandas: numbers as they lie, anything else value by value."""
    kind = getattr(values.dtype, "kind", "O")
    if kind in "iub" and hasattr(values.dtype, "itemsize") and not values.isna().any():
        return pl.Series(name, values.to_numpy())
    if kind == "f":
        return pl.Series(
            name, values.to_numpy(dtype="float64", na_value=float("nan")), nan_to_null=True
        )
    there = values.notna()
    return _series(name, [one if ok else None for one, ok in zip(values, there, strict=True)])


def _series(name: str, values: list[Any]) -> pl.Series:
    """A column of Python's values; ids of several kinds become texts, whole or not at all."""
    try:
        made = pl.Series(name, values, strict=True)
    except (TypeError, *POLARS):
        return _ids(name, values)
    return _ids(name, values) if made.dtype == pl.Object else made


def _ids(name: str, values: list[Any]) -> pl.Series:
    """Ids that are no single type, such as UUIDs, or whole numbers among texts."""
    found = [None if value is None else id_of(value) for value in values]
    for at, (value, own) in enumerate(zip(values, found, strict=True), 1):
        if own is None and value is not None and value != "":
            raise DataError(
                f"column {name!r} holds {value!r:.60} in row {at}: neither a text nor an id",
                fix="give texts as str, ids as str, int or UUID",
            )
    return pl.Series(
        name, [own if value != "" else "" for own, value in zip(found, values, strict=True)]
    )


def _plain_columns(frame: pl.DataFrame, title: str) -> pl.DataFrame:
    """A frame of polars without Python objects, and with lists in the place of arrays."""
    objects = [name for name, dtype in frame.schema.items() if dtype == pl.Object]
    with telling("the table cannot be read", title, FORMS, (TypeError,)):
        frame = frame.with_columns(_ids(name, frame[name].to_list()) for name in objects)
    arrays = [name for name, dtype in frame.schema.items() if dtype == pl.Array]
    return frame.with_columns(pl.col(arrays).arr.to_list()) if arrays else frame


# ---- which form it is ----------------------------------------------------------------------------


def _is_of(data: object, library: str, name: str) -> bool:
    """Whether something is of a class of a library, which is not imported for that."""
    return any(
        each.__name__ == name and each.__module__.split(".")[0] == library
        for each in type(data).__mro__
    )


def _is_table(data: object) -> bool:
    return (
        isinstance(data, pl.DataFrame | pl.LazyFrame)
        or hasattr(data, "__arrow_c_stream__")
        or any(_is_of(data, *each) for each in (("pandas", "DataFrame"), ("datasets", "Dataset")))
    )


def is_columns(data: Mapping[Any, Any]) -> bool:
    """Whether a dictionary is of columns: lists, some of them named as such."""
    if not data or not all(isinstance(each, list | tuple | pl.Series) for each in data.values()):
        return False
    names = [key for key in data if isinstance(key, str)]
    return len(names) == len(data) and any(_is_name(name) for name in names)


def _is_name(name: str) -> bool:
    return role_of(name) is not None or plain(name) in ("text", "title", *_INDEX_IDS)


def _is_id(name: str) -> bool:
    role = role_of(name) or ""
    return role.endswith("_id") or plain(name) in _INDEX_IDS


def _has_parts(data: Any) -> bool:
    return isinstance(data, Mapping) and all(name in data for name in PARTS)


def _split_tables(data: Any) -> dict[str, Any]:
    """The tables of a dictionary of splits; of judgements, where corpus and queries are there."""
    if not isinstance(data, Mapping) or three_parts(data) is not None or is_columns(data):
        return {}
    left = {str(name): each for name, each in data.items()}
    if _has_parts(data):
        left = {name: each for name, each in left.items() if name not in PARTS}
        return {"train" if name == "default" else name: each for name, each in left.items()}
    if left and all(_is_table(each) or isinstance(each, list) for each in left.values()):
        return left
    raise DataError(
        f"a dictionary that is not understood: its keys are {', '.join(map(repr, [*left][:5]))}",
        where="the data",
        fix=FORMS,
    )
