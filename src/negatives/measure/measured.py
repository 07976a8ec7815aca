"""What is computed of every ranking: a row a query, with each metric and its ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles
from negatives.errors import InputError
from negatives.events import Progress
from negatives.judge.own import own_pairs
from negatives.measure.barred import Bar
from negatives.measure.counted import copies_of_queries, counted, first_of_another_type
from negatives.measure.ir_measures import IrMeasure
from negatives.measure.judged import JudgedPairs, condensed, judge_ranking, perfect
from negatives.measure.means import CEILING
from negatives.measure.metrics import Metric
from negatives.measure.propensity import LabelCounts
from negatives.measure.ranking import Ranker, rankings, tied
from negatives.measure.saved_run import Keep
from negatives.opening import Context

SEEN: Final = Metric("Judged", 10)
CONDENSED: Final = " condensed"
JUDGED: Final = "_judged"
TIED: Final = "_tied"
ITSELF: Final = "_itself"
COPY: Final = "_copy"
ANOTHER: Final = "_another"
"""Columns that are not metrics, and what stands behind the name of one on condensed lists."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is computed of every ranking. `top`: how many of it a reranker has put in order."""

    metrics: Sequence[Metric | IrMeasure]
    top: int | None
    condense: bool
    counts: LabelCounts | None

    @property
    def own(self) -> list[Metric]:
        """The metrics that are computed here."""
        return [metric for metric in self.metrics if isinstance(metric, Metric)]

    def table(
        self, ranker: Ranker, context: Context, depth: int, bar: Bar, keep: Keep
    ) -> pl.DataFrame:
        """A row for each query: positives, retrieved, metrics, ceilings, and what else is asked."""
        collection, rows = context.collection, []
        own = own_pairs(collection)
        total, done = len(collection.mined_queries), 0
        for queries, ranking in rankings(ranker, context, depth=depth, bar=bar):
            keep(ranking)
            ids = collection.queries["query_id"].gather(queries)
            qrels = collection.qrels.filter(pl.col("query_id").is_in(ids.implode()))
            judged = judge_ranking(
                ranking, qrels, ids, documents=len(collection.corpus), counts=self.counts
            )
            columns = self._own(judged)
            columns[TIED] = counted(ranking.filter(tied(ranking)), ids)
            columns[ANOTHER] = counted(first_of_another_type(ranking, collection), ids)
            columns[ITSELF] = counted(ranking.join(own, on=["query_id", "doc_id"]), ids)
            columns[COPY] = counted(copies_of_queries(ranking, collection, own), ids)
            for metric in self.metrics:
                if not isinstance(metric, Metric):
                    columns[str(metric)] = metric.of_ranking(ranking, qrels, ids)
                _refuse_no_number(metric, columns[str(metric)], ids)
            positives = np.bincount(
                judged.known_query[judged.known_relevance > 0], minlength=len(judged)
            )
            head = {"query_id": ids, "positives": positives, "retrieved": judged.retrieved}
            rows.append(pl.DataFrame({**head, **columns}))
            done += len(queries)
            context.emit(Progress("rank", done, total, "queries"))
        order = ["query_id", "positives", "retrieved", *map(str, self.metrics)]
        return pl.concat(rows).select(*order, pl.exclude(order))

    def _own(self, judged: JudgedPairs) -> dict[str, Doubles]:
        best = perfect(judged, self.top)
        columns = {JUDGED: SEEN.of(judged)}
        for metric in self.own:
            columns[str(metric)] = metric.of(judged)
            if metric.has_ceiling:
                columns[f"{CEILING}{metric}"] = metric.of(best)
        if self.condense:
            fewer = condensed(judged)
            columns |= {f"{metric}{CONDENSED}": metric.of(fewer) for metric in self.own}
        return columns


def _refuse_no_number(metric: Metric | IrMeasure, values: Doubles, queries: pl.Series) -> None:
    odd = ~np.isfinite(values)
    if odd.any():
        raise InputError(
            f"the metric {metric} is no number for {odd.sum():,} queries, the first "
            f"{queries[int(odd.argmax())]!r}",
            fix="give other settings, or name another metric, such as nDCG@10",
        )
