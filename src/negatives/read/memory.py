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
rows are the same collection. The index of a pandas frame is left out, unless its name is one that a
column may have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from negatives.errors import DataError
from negatives.read.any_table import FORMS, gathered_once, is_columns, is_table, table_of
from negatives.read.by_id import collected_by_id
from negatives.read.fields import fields_of, typed
from negatives.read.file_options import AS_NAMED, FileOptions
from negatives.read.findings import Findings
from negatives.read.frames import from_frames
from negatives.read.gathered import Tables, gather
from negatives.read.mappings import (
    PARTS,
    judgements,
    judgements_of_mapping,
    parts_in,
    texts_of_mapping,
)
from negatives.read.mined.layout import INTERACTIONS
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
    data = gathered_once(data)
    of_splits = {each: gathered_once(rows, each) for each, rows in _split_tables(data).items()}
    triples = _triples(data, of_splits or {split: data}, split, name, findings)
    if triples:
        return graph_of(name or "triples", split, triples, Names(), findings)
    file = mined_table(of_splits.get(split, data), known, options, name)
    called = name or str(file.path)
    if file.layout.name == INTERACTIONS and known is None:
        others = {
            other: [mined_table(rows, None, options, name)]
            for other, rows in of_splits.items()
            if other != split
        }
        return collected_by_id(called, split, [file], others, findings)
    return collected(called, split, [file], findings)[0]


def _triples(
    data: Any, of_splits: Mapping[str, Any], split: str, name: str, findings: Findings
) -> dict[str, pl.DataFrame]:
    """The triples of each split of a knowledge graph; empty: the data is none."""
    found = {}
    own = {each: findings if each == split else Findings(set_aside=True) for each in (split,)}
    theirs = factories(data)
    for each, factory in theirs.items():
        found[each] = of_factory(factory, name or each, own.get(each, Findings(set_aside=True)))
    if theirs:
        return found
    for each, rows in of_splits.items():
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
    if left and all(is_table(each) or isinstance(each, list) for each in left.values()):
        return left
    raise DataError(
        f"a dictionary that is not understood: its keys are {', '.join(map(repr, [*left][:5]))}",
        where="the data",
        fix=FORMS,
    )
