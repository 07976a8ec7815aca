"""A collection as users hold it: read in any form, split, and with queries written for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import polars as pl

from negatives import schema
from negatives.arguments import checked
from negatives.events import Emit
from negatives.listening import shown, watched
from negatives.schema import Lost

if TYPE_CHECKING:
    from negatives.generator import Generator
    from negatives.opening import Foreseen
    from negatives.read.quarantine import Quarantine
    from negatives.read.split import By

Data = Any
"""What `Collection.load` takes."""


class Reading(TypedDict, total=False):
    """How data is read; see `Collection.load`."""

    split: str
    corpus: Data
    queries: Data
    query_column: str
    positive_column: str
    negative_column: str | Sequence[str]
    relevant_from: float | None
    name: str
    quarantine: str | Path | Quarantine | None
    lost: Lost


class Collection(schema.Collection):
    """Corpus, queries and judgements of one split; `Collection.load` reads one.

    >>> from negatives import Collection
    >>> data = Collection.load("cranfield")
    >>> len(data.corpus), len(data.queries), len(data.positives)
    (1400, 225, 1837)
    >>> data.queries.row(4)
    ('102', 'basic dynamic characteristics of structures continuous over many spans .', 101)
    """

    @staticmethod
    def load(data: Data, **options: Unpack[Reading]) -> Collection:
        """Read a collection: a path, `cranfield`, `ir_datasets:NAME` or a hub name; `@SPLIT` last.

        Or data at hand: a frame of pandas or polars, an Arrow table, a dataset, a list of rows, or
        a dictionary of queries, corpus and qrels. Raises `DataError` listing the first five
        offenders with file and row; with `quarantine`, bad rows are set aside in that file instead,
        and counted in `notes`. `lost`: whether judgements of documents that the corpus lacks are
        bad rows too, or are kept in `qrels`, so that a measure counts them as not found. `split` is
        what `@SPLIT` is. `corpus` has the texts of ids, and more documents; `queries` the texts of
        the queries' ids. `query_column`, `positive_column` and `negative_column` name columns whose
        names do not tell what they are, and from `relevant_from` on a score is relevant.
        """
        from negatives.read import load

        return _held(load(data, **options))

    @staticmethod
    def from_pandas(frame: Any, **options: Unpack[Reading]) -> Collection:
        """The collection of a frame of pandas: a query and its positive a row, or more columns.

        The names of its columns tell what they are, as in a file (see the table in the docs), or
        `query_column`, `positive_column` and `negative_column` do. Texts or ids; where it has ids,
        `corpus` and `queries` have the texts. The index is left out unless it is named as a column
        is. Options are those of `load`.

        >>> import pandas as pd
        >>> from negatives import Collection
        >>> faq = pd.DataFrame({"question": ["Why?", "Who?"], "answer": ["It is so.", "It was I."]})
        >>> data = Collection.from_pandas(faq, corpus=[{"text": "Nobody asked this."}])
        >>> len(data.corpus), len(data.queries), len(data.positives)
        (3, 2, 2)
        """
        return Collection.load(frame, **options)

    @staticmethod
    def from_polars(frame: pl.DataFrame | pl.LazyFrame, **options: Unpack[Reading]) -> Collection:
        """The collection of a frame of polars; see `from_pandas`."""
        return Collection.load(frame, **options)

    @staticmethod
    def from_dataset(dataset: Any, **options: Unpack[Reading]) -> Collection:
        """The collection of a `datasets.Dataset`, or of one split of a `DatasetDict`.

        A `DatasetDict` of corpus, queries and judgements is read as such. Options are those of
        `load`, such as `split`; see `from_pandas` for columns.
        """
        return Collection.load(dataset, **options)

    @staticmethod
    def from_pairs(
        queries: Any,
        corpus: Any,
        qrels: Any,
        *,
        name: str = "pairs",
        split: str = "train",
        quarantine: str | Path | Quarantine | None = None,
        lost: Lost = "refuse",
    ) -> Collection:
        """The collection of queries, documents, and which of them belong together.

        Each is a dictionary by ids, as evaluators of retrieval take it, a table in any form, or a
        file. `qrels`: `{query_id: doc_ids}`, `{query_id: {doc_id: relevance}}`, tuples of a query,
        a document and perhaps a relevance, or a table of such columns; without a relevance every
        pair is a positive. An id is a text, a whole number or a UUID.

        >>> from negatives import Collection
        >>> Collection.from_pairs({1: "why"}, {7: "It is so.", 8: "No."}, {1: {7}}).positives.rows()
        [(0, 0)]
        """
        from negatives.read import load_parts

        made = load_parts(
            queries, corpus, qrels, name=name, split=split, quarantine=quarantine, lost=lost
        )
        return _held(made)

    @staticmethod
    @watched
    def from_documents(
        docs: Data,
        *,
        length: int | None = None,
        encoding: str = "utf-8",
        name: str = "",
        emit: Emit = shown,
    ) -> Collection:
        """The passages of documents, without queries: a folder of files, or a document a row.

        Files are .txt, .md, .html, .rst and .pdf; a table is a file or a frame of texts, with ids
        and titles where there are some. They are parted at their headings, and a long section into
        passages of at most `length` characters (None: 1000). `title` is what stands above a
        passage, and `parent` its document. `encoding`: of files that are not UTF-8. What is passed
        over is told. `made` writes queries for them.

        >>> from negatives import Collection
        >>> manual = [{"id": "pump", "title": "Pumps", "text": "A pump lifts water. It hums."}]
        >>> Collection.from_documents(manual).corpus["doc_id", "text", "parent"].row(0)
        ('pump#1', 'Pumps A pump lifts water. It hums.', 'pump')
        """
        from negatives.read.documents import read_passages

        return _held(read_passages(docs, length=length, encoding=encoding, name=name, emit=emit))

    @checked
    def split_queries(
        self, dev: float = 0.1, test: float = 0.0, *, seed: int = 0, by: By = "texts"
    ) -> dict[str, Collection]:
        """Its queries as train, dev and, where a share is given, test; each with all documents.

        Queries that ask the same, or (`by` "texts") that share the text of a positive, are on one
        side. Which side depends on their ids and on `seed` alone.

        >>> from negatives import Collection
        >>> sides = Collection.load("cranfield").split_queries(dev=0.1, by="query")
        >>> {name: len(side.mined_queries) for name, side in sides.items()}
        {'train': 203, 'dev': 22}
        """
        from negatives.read.split import split

        return {name: _held(each) for name, each in split(self, dev, test, seed, by).sides.items()}

    def _repr_html_(self) -> str:
        from negatives.show.notebook import collection_card

        return collection_card(self)._repr_html_()

    @watched
    def made(self, *generators: Generator, seed: int = 0, emit: Emit = shown) -> Collection:
        """The documents with queries that generators, such as `Heading`, write from them."""
        from negatives.run.making import made_queries

        return _held(made_queries(self, generators, seed=seed, emit=emit))

    @watched
    def making_cost(self, *generators: Generator, seed: int = 0, emit: Emit = shown) -> Foreseen:
        """What `made` by the same generators would cost; nobody is asked anything."""
        from negatives.run.making_cost import making_cost

        return making_cost(self, generators, seed=seed, emit=emit)


def _held(found: schema.Collection) -> Collection:
    """A collection as users hold it."""
    return Collection(**{each.name: getattr(found, each.name) for each in fields(found)})
