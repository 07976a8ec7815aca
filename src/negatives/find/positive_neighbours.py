"""Documents that are like a positive of the query, by their vectors or by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Floats, Rows
from negatives.find.candidates import from_lists, from_matrix, ranked
from negatives.find.dense import Dense, DenseProposer
from negatives.opening import Context
from negatives.schema import Collection, Needs
from negatives.search.excluded import Excluded
from negatives.settings import ModelName
from negatives.stage import Source
from negatives.text.edit_distance import Names

TITLE = "title"


class NearPositive(Source, kind="near-positive"):
    """The documents nearest to a positive of the query by an encoder's vectors.

    Where documents are labels, these are the labels that are easily taken for the right one (in
    Decorte et al., 2022, one of three strategies), whatever words the query has. Of several
    positives the nearest counts. None of the positives is proposed.

    >>> from negatives import NearPositive, tiny
    >>> tiny.proposed(NearPositive(top=2))["planes"]
    ['stall', 'albatross']
    """

    reads_judgements: ClassVar[bool] = True  # it starts from what is judged relevant
    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 50
    encoder: Annotated[
        ModelName, Meta(description="whose vectors are compared; as for the source dense")
    ] = "static"

    @property
    def needs(self) -> Needs:
        """Texts of both sides, as any encoder."""
        return self._dense.needs

    @property
    def _dense(self) -> Dense:
        return Dense(name=self.label, top=self.top, encoder=self.encoder)

    def open(self, context: Context) -> NearPositiveProposer:
        """Encode the documents, or find their vectors where another source has left them."""
        return NearPositiveProposer(self.top, self._dense.open(context))


@dataclass(frozen=True, slots=True)
class NearPositiveProposer:
    """Dense search that is asked with documents."""

    top: int
    dense: DenseProposer

    @property
    def fingerprint(self) -> str:
        """That of the vectors."""
        return self.dense.fingerprint

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Each query's best of what is near to any of its positives."""
        known = self.dense.positives.filter(
            pl.col("query").is_in(pl.Series(queries, dtype=pl.UInt32).implode())
        )
        asking = known.filter(
            ~pl.col("doc").is_in(pl.Series(self.dense.banned, dtype=pl.UInt32).implode())
        ).with_row_index("asking")
        barred = asking.select("query", "asking").join(known, on="query").sort("asking", "doc")
        vectors = self.dense.doc_vectors[asking["doc"].to_numpy()]
        excluded = Excluded(barred["asking"].to_numpy().astype(np.uint32), barred["doc"].to_numpy())
        docs, scores = self.dense.searcher.search(vectors, self.top, excluded)
        found = from_matrix(np.arange(len(asking), dtype=np.uint32), docs, scores)
        return _best(found.rename({"query": "asking"}).join(asking.drop("doc"), "asking"), self.top)

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """None: a document's score is its likeness to the positive that it is nearest to."""
        return None


class AlikeNames(Source, kind="alike-names"):
    """The documents whose titles are nearest to that of a positive, by the letters to be changed.

    Names that look alike and mean another thing (Java and Jira) teach a model to read to the end
    (in Decorte et al., 2022, one of three strategies). Titles are compared in lower case, by their
    first 64 characters, with the title of each positive: for some tens of thousands of labels. The
    score is the number of edits, below 0.

    >>> from negatives import AlikeNames, tiny
    >>> tiny.proposed(AlikeNames(top=2))["pans"]
    ['plane', 'again']
    """

    reads_judgements: ClassVar[bool] = True  # it starts from what is judged relevant
    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 50
    field: Annotated[str, Meta(description="field that names a document", min_length=1)] = TITLE

    @property
    def needs(self) -> Needs:
        """A name of the documents."""
        return Needs(docs=(self.field,), instead="leave alike-names out, or name another field")

    def open(self, context: Context) -> AlikeNamesProposer:
        """Write the names as numbers."""
        collection = context.collection
        names = collection.corpus[self.field].cast(pl.String)
        nameless = (names.str.strip_chars() == "").fill_null(True)
        barred = nameless.to_numpy().copy()
        barred[collection.empty_docs] = True
        return AlikeNamesProposer(self.top, collection, names, Names.of(names), barred)


@dataclass(frozen=True, slots=True)
class AlikeNamesProposer:
    """The names of all documents; `barred: bool[docs]`: what has none, or no text."""

    top: int
    collection: Collection
    names: pl.Series
    numbered: Names
    barred: np.ndarray[tuple[int], np.dtype[np.bool_]]
    fingerprint: str = "data"

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Each query's best of what is named like any of its positives."""
        known = self.collection.positives.filter(
            pl.col("query").is_in(pl.Series(queries, dtype=pl.UInt32).implode())
        )
        counts = known.group_by("query").len()["len"].to_numpy()
        most = self.top + int(counts.max(initial=0))
        asking = np.unique(known["doc"].to_numpy())
        asking = asking[~self.barred[asking]]
        docs, scores = [], []
        for name in self.names.gather(asking).to_list():
            edits = self.numbered.distances(name)
            edits[self.barred] = np.iinfo(np.int64).max
            near = np.argsort(edits, kind="stable")[:most]  # ties: the first by id
            near = near[~self.barred[near]]
            docs.append(near.astype(np.uint32))
            scores.append(-edits[near].astype(np.float32))
        found = from_lists(asking, docs, scores).rename({"query": "positive"})
        near_any = found.join(known.rename({"doc": "positive"}), on="positive")
        return _best(near_any.join(known, on=["query", "doc"], how="anti"), self.top)

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """None: a name is compared with those of positives only."""
        return None


def _best(found: pl.DataFrame, top: int) -> pl.DataFrame:
    """Of (query, doc, score) the best score of each pair, ranked, `top` of each query."""
    best = found.group_by("query", "doc").agg(pl.col("score").max())
    return ranked(best).filter(pl.col("rank") <= top)
