"""The texts behind ids; of images, their paths. Rows share the collection's strings."""

from __future__ import annotations

import polars as pl

from negatives.errors import DataError
from negatives.schema import Collection, Side


class ExportTexts:
    """The queries and documents of a collection, found by id."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def queries(self, ids: pl.Series) -> pl.Series:
        """Texts of the queries with these ids; paths where they are images."""
        return self._of("queries", ids)

    def docs(self, ids: pl.Series) -> pl.Series:
        """Texts of the documents with these ids; paths where they are images."""
        return self._of("docs", ids)

    def _of(self, side: Side, ids: pl.Series) -> pl.Series:
        rows = self._rows(self.collection.ids(side), ids)
        if self.collection.has(side, "text"):
            return self.collection.frame(side)["text"].gather(rows)
        if not self.collection.has(side, "image"):
            raise DataError(
                f"the {'documents' if side == 'docs' else side} have no texts to export",
                where=f"collection {self.collection.name!r}",
                fix="export ids instead of texts: --ids",
            )
        return self.collection.image_paths(side).gather(rows)

    def _rows(self, known: pl.Series, ids: pl.Series) -> pl.Series:
        """Where `ids` are in `known`, which is sorted: no hash table over the whole corpus."""
        rows = known.search_sorted(ids).clip(0, len(known) - 1)
        strange = known.gather(rows) != ids
        if strange.any():
            raise DataError(
                f"no text for the ids {', '.join(map(repr, ids.filter(strange).unique()[:5]))}",
                where=f"collection {self.collection.name!r}",
                fix="export ids instead of texts",
            )
        return rows


def blank(texts: pl.Expr) -> pl.Expr:
    """Whether a text is only white space: nothing to learn from, and no text at all in CSV."""
    return texts.str.strip_chars().str.len_bytes() == 0
