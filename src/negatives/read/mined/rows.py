"""A file to be read, and its rows in one form, whatever its layout.

Rows are numbered from 1 in the order of the file, a header not counted; `line` is the number by
which a message names a row. `place` is where in its row a document stands (0-based, among the
documents of its columns), so that it can be found again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.file_options import AS_NAMED, FileOptions
from negatives.read.mined.layout import Layout, layout_of
from negatives.read.mined.source import MinedSource, source
from negatives.schema import Collection

QUERIES: Final = pl.Schema(
    {"row": pl.UInt32, "file": pl.UInt32, "line": pl.UInt32, "id": pl.String, "text": pl.String}
)
DOCS: Final = pl.Schema(
    {
        "row": pl.UInt32,
        "place": pl.Int32,
        "id": pl.String,
        "text": pl.String,
        "score": pl.Float64,
        "relevance": pl.Int32,
    }
)
MOMENTS: Final = pl.Schema({"row": pl.UInt32, "time": pl.Float64})


@dataclass(frozen=True)
class MinedBlock:
    """Some consecutive rows: `queries` (as QUERIES), and the documents of three sides (as DOCS).

    Ids are null where the file has none; a document without id and text is not listed. A text that
    is null was null in the file, of a query or a document that it names. `score` is a teacher's,
    and `relevance` a label of the file; null where it has none. `unjudged`: documents with a label
    below 0, which is no judgement. `times`: row, time (float64), where the layout has some.
    """

    queries: pl.DataFrame
    positives: pl.DataFrame
    negatives: pl.DataFrame
    unjudged: pl.DataFrame
    times: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=MOMENTS))


@dataclass(frozen=True)
class MinedFile:
    """A file to be read: its source, its layout, and the collection that knows its ids.

    `texts`: whether its ids have texts; where they have none, every text is empty.
    """

    source: MinedSource
    layout: Layout
    known: Collection | None = None
    texts: bool = True

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.source.path

    @property
    def collection(self) -> Collection:
        """The collection that knows the texts of ids; `DataError` where none is named."""
        if self.known is None:
            raise DataError(
                "the file holds ids of queries or documents, and no texts",
                where=str(self.path),
                fix="name what has them: --corpus DATA, a collection or a file of documents (and "
                "--queries FILE where it has no queries); or, where nothing has texts, read it as "
                f"ids: ids:{self.path}",
            )
        return self.known


def mined_file(
    file: str | Path, known: Collection | None = None, options: FileOptions = AS_NAMED
) -> MinedFile:
    """The file at a path, understood; `DataError` where it is not."""
    return understood(source(file, options.columns), known, options)


def understood(
    src: MinedSource, known: Collection | None = None, options: FileOptions = AS_NAMED
) -> MinedFile:
    """An opened file, its layout decided."""
    ids = frozenset(_ids_of(src, known)) if known is not None else frozenset[str]()
    layout, *others = (layout_of(file.columns, str(file.path), options, ids) for file in src.files)
    for file, other in zip(src.files[1:], others, strict=True):
        if other != layout:
            first = src.files[0].path.name
            raise DataError(
                f"the files are not of one form: {first} is {layout.name} with the columns "
                f"{', '.join(layout.columns)}, {file.path.name} is {other.name} with "
                f"{', '.join(other.columns)}",
                where=str(src.path),
                fix="name those of one form, by a pattern or in a folder of their own",
            )
    return MinedFile(src, layout, known)


def _ids_of(src: MinedSource, known: Collection) -> Iterator[str]:
    """Columns of words that are ids of what is named beside the file, and none of its texts."""
    for name, column in src.columns.items():
        if column.holds != "text" or column.is_worded or not column.sample:
            continue
        sample = pl.Series(column.sample)
        for frame, key in ((known.corpus, "doc_id"), (known.queries, "query_id")):
            texts = frame["text"] if "text" in frame.columns else frame[key].clear()
            named = sample.is_in(frame[key].implode()).sum()
            if named > sample.is_in(texts.implode()).sum():
                yield name
