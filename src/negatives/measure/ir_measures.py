"""Metrics that the ir-measures library computes: a thin way to it and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.errors import InputError
from negatives.optional import require

EXTRA: Final = "ir"


@dataclass(frozen=True)
class IrMeasure:
    """A measure of the library; `str` of it is its name there."""

    measure: Any

    def __str__(self) -> str:
        return str(self.measure)

    def of_ranking(
        self, ranking: pl.DataFrame, qrels: pl.DataFrame, queries: pl.Series
    ) -> NDArray[np.float64]:
        """float64[queries]: 0 for a query that the ranking lacks.

        `ranking`: query_id, doc_id, rank; `qrels`: query_id, doc_id, relevance. Ranks are handed
        over as scores, so that the library's way with ties does not matter.
        """
        library = require("ir_measures", extra=EXTRA)
        run: dict[str, dict[str, float]] = {}
        for query, doc, rank in ranking.select("query_id", "doc_id", "rank").iter_rows():
            run.setdefault(query, {})[doc] = -float(rank)
        known: dict[str, dict[str, int]] = {}
        for query, doc, relevance in qrels.select("query_id", "doc_id", "relevance").iter_rows():
            known.setdefault(query, {})[doc] = max(0, relevance)
        try:
            made = list(library.iter_calc([self.measure], known, run))
        except (ValueError, RuntimeError) as error:  # no provider for it is installed
            raise InputError(
                f"the metric {self} cannot be computed: {error}",
                mend="see which packages ir-measures asks for, or name another metric",
            ) from None
        values = {each.query_id: float(each.value) for each in made}
        return np.array([values.get(query, 0.0) for query in queries], np.float64)


def ir_measure(name: str) -> IrMeasure:
    """The library's measure of that name; ValueError where it has none."""
    library = require("ir_measures", extra=EXTRA)
    try:
        return IrMeasure(library.parse_measure(name))
    except (NameError, SyntaxError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None


def ir_names() -> list[str]:
    """Names of the library's measures, without parameters."""
    return list(require("ir_measures", extra=EXTRA).measures.registry)
