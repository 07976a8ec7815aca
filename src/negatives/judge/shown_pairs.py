"""Pairs as a language model is shown them: texts, known positives, and documents in lists.

What is shown with a pair depends on the seed and on the ids alone, and never on its own label: so
that a labelled pair is asked about as an unlabelled one is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Doubles, Rows
from negatives.chance import pair_uniforms
from negatives.models.prompt import Filling
from negatives.schema import Collection

Places = NDArray[np.intp]
_PAIR: Final = {"query": pl.UInt32, "doc": pl.UInt32}


@dataclass(frozen=True)
class ShownPairs:
    """Some pairs by row number, and how they are shown.

    `positives`: known ones of the query that are shown with it, at most. `characters`: of a
    document that are shown; 0: all.
    """

    collection: Collection
    query: Rows
    doc: Rows
    seed: int = 0
    positives: int = 0
    characters: int = 0

    def __len__(self) -> int:
        return len(self.query)

    def some(self, places: Places) -> ShownPairs:
        """Those at these places."""
        return replace(self, query=self.query[places], doc=self.doc[places])

    def one_by_one(self) -> list[dict[str, Filling]]:
        """`query`, `document` and `positives` of each."""
        alone = [np.array([place], np.intp) for place in range(len(self))]
        return [
            {"query": asked, "document": text, "positives": others}
            for asked, text, others in zip(
                self.queries, self.documents, self._known(alone), strict=True
            )
        ]

    def in_lists(self, lists: Sequence[Places]) -> list[dict[str, Filling]]:
        """`query`, `documents` and `positives` of each list of places of one query."""
        return [
            {
                "query": self.queries[places[0]],
                "documents": [self.documents[place] for place in places],
                "positives": others,
            }
            for places, others in zip(lists, self._known(lists), strict=True)
        ]

    def lists(self, size: int) -> list[Places]:
        """Places, by query, in lists of about the same length, at most `size`.

        Which documents share a list, and where each stands in it, is drawn by the ids.
        """
        order = np.lexsort((self.chances("list"), self.query))
        ends = np.flatnonzero(np.diff(self.query[order])) + 1
        return [
            part
            for of_query in np.split(order, ends)
            if len(of_query)
            for part in np.array_split(of_query, -(-len(of_query) // size))
        ]

    def chances(self, stream: str) -> Doubles:
        """float64[n] in (0, 1), by the ids of each pair."""
        pairs = pl.DataFrame({"query": self.query, "doc": self.doc}, schema=_PAIR)
        return pair_uniforms(self.collection.ids_of(pairs), self.seed, f"llm/{stream}")

    @cached_property
    def queries(self) -> list[str]:
        """The text of each pair's query."""
        return list(self.collection.query_texts(self.query))

    @cached_property
    def documents(self) -> list[str]:
        """The text of each pair's document, as much of it as is shown."""
        return self._cut(self.doc)

    def _cut(self, docs: Rows) -> list[str]:
        most = self.characters or None
        return [text[:most] for text in self.collection.doc_texts(docs)]

    def _known(self, lists: Sequence[Places]) -> list[list[str]]:
        """The known positives that are shown with each list: without its documents, or copies.

        Without one that is drawn where it is none of them, so that being shown fewer does not give
        a label away.
        """
        if not self.positives:
            return [[] for _ in lists]
        data, texts, drawn = self.collection, self.collection.corpus["text"], self.chances(_LEFT)
        empty = pl.Series(data.lacking("docs", ("text",)), dtype=pl.UInt32)
        known = data.positives.filter(~pl.col("doc").is_in(empty.implode()))
        asked = pl.DataFrame({"query": np.unique(self.query)}, schema={"query": pl.UInt32})
        of_query = {
            key: group["doc"].to_numpy()
            for (key,), group in known.join(asked, on="query", how="semi")
            .sort("doc")
            .group_by("query")
        }
        none, made = np.empty(0, np.uint32), []
        for places in lists:
            others = of_query.get(int(self.query[places[0]]), none)
            own = texts.gather(self.doc[places])
            same = np.flatnonzero(texts.gather(others).is_in(own.implode()).to_numpy())
            chance = float(drawn[places[0]])
            left = same if len(same) else [int(chance * len(others))][: len(others)]
            made.append(self._cut(np.delete(others, left)[: self.positives]))
        return made


_LEFT: Final = "left-out"
