"""The texts behind ids. Rows share the collection's strings; none is copied."""

from __future__ import annotations

import polars as pl

from negatives.errors import DataError
from negatives.schema import Collection


class Texts:
    """The queries and documents of a collection, found by id."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def queries(self, ids: pl.Series) -> pl.Series:
        """Texts of the queries with these ids."""
        table = self.collection.queries
        return table["text"].gather(self._rows(table["query_id"], ids))

    def docs(self, ids: pl.Series) -> pl.Series:
        """Texts of the documents with these ids."""
        table = self.collection.corpus
        return table["text"].gather(self._rows(table["doc_id"], ids))

    def _rows(self, known: pl.Series, ids: pl.Series) -> pl.Series:
        """Where `ids` are in `known`, which is sorted: no hash table over the whole corpus."""
        rows = known.search_sorted(ids).clip(0, len(known) - 1)
        strange = known.gather(rows) != ids
        if strange.any():
            raise DataError(
                f"no text for the ids {', '.join(map(repr, ids.filter(strange).unique()[:5]))}",
                where=f"collection {self.collection.name!r}",
                mend="export ids instead of texts",
            )
        return rows


def blank(texts: pl.Expr) -> pl.Expr:
    """Whether a text is only white space: nothing to learn from, and no text at all in CSV."""
    return texts.str.strip_chars().str.len_bytes() == 0
