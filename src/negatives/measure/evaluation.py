"""evaluate(): how good a model or a run is on a collection, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import polars as pl

from negatives.arrays import Doubles
from negatives.errors import DataError, InputError
from negatives.events import Emit, Event, Progress, Warned
from negatives.judge.own import own_pairs
from negatives.listening import shown, watched
from negatives.machine import Machine
from negatives.measure.barred import Bar, any_of
from negatives.measure.counted import counted, first_of_another_type, positives_lost
from negatives.measure.elsewhere import Elsewhere
from negatives.measure.estimate import rounded
from negatives.measure.evaluation_card import EvaluationShown
from negatives.measure.ir_measures import IrMeasure
from negatives.measure.judged import JudgedPairs, condensed, judge_ranking, perfect
from negatives.measure.judgements import is_judgements, judged_alone, refuse_judgements
from negatives.measure.means import CEILING, means, sliced
from negatives.measure.metric_names import parse_metrics
from negatives.measure.metrics import Metric
from negatives.measure.propensity import LabelCounts, label_counts
from negatives.measure.protocols import Known as Known
from negatives.measure.protocols import Setting as Setting
from negatives.measure.protocols import WithoutSelf as WithoutSelf
from negatives.measure.protocols import with_known
from negatives.measure.ranking import (
    RANKED,
    Model,
    Ranker,
    called,
    open_ranker,
    opened_reranker,
    rankings,
    reranking,
    run_of,
    tied,
)
from negatives.measure.saved_run import Keep, keeping, refuse_unkept
from negatives.measure.significance import Comparison, compare
from negatives.measure.slices import Groupings, groupings
from negatives.measure.trained_with import told_of_training
from negatives.models.reranker import Reranker
from negatives.opening import Context
from negatives.read import as_collection
from negatives.read.loading import Data
from negatives.read.memory import is_named
from negatives.read.quarantine import Quarantine
from negatives.schema import Collection
from negatives.stats.bootstrap import check_confidence
from negatives.store.run import Run
from negatives.store.scratch import scratch_folder

METRICS: Final = ("nDCG@10", "RR@10", "R@100", "AP")
CONFIDENCE: Final = 0.95
_SEEN: Final = Metric("Judged", 10)


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation(EvaluationShown):
    """`figures`: all there is to tell, JSON-able. `per_query`: query_id, positives, retrieved, and
    a column for each metric. `slices`: by, group, queries, metric, value, low, high.
    """

    figures: dict[str, Any]
    per_query: pl.DataFrame
    slices: pl.DataFrame

    def against(self, other: Evaluation, metric: str = METRICS[0]) -> Comparison:
        """Whether this is better than `other` by `metric` on the same queries, or seems so."""
        return compare(
            self.per_query, other.per_query, metric, confidence=self.figures["confidence"]
        )


@watched
def evaluate(
    model: Model | Reranker,
    data: Data,
    *,
    metrics: Sequence[str] = METRICS,
    depth: int = 1000,
    rerank: Model | None = None,
    top: int = 100,
    protocols: Sequence[Setting] = (),
    known: Known | None = None,
    condense: bool = False,
    slices: bool | Groupings = False,
    run: Run | str | Path | None = None,
    trained_on: Data = None,
    confidence: float = CONFIDENCE,
    seed: int = 0,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    quarantine: str | Path | Quarantine | None = None,
    save_run: Path | None = None,
    emit: Emit = shown,
) -> Evaluation:
    """Rank a collection's documents for every query with a positive, and measure the ranking.

    `model`: `bm25`; what an encoder may be (`static`, a .onnx file, a sentence-transformers folder
    or name, an endpoint, or a `Dense` with its prompts or vectors); a TREC run's file; a frame of
    query_id, doc_id, score. With `rerank`, one of those, it is a cross-encoder that puts the `top`
    best of that ranking in order. `metrics`: names as in ir-measures. `depth`: documents ranked for
    each query, 0 for all; what is not ranked counts as not found. Each value comes with a bootstrap
    interval over queries that holds with `confidence`, and with its ceiling: what the same lists
    would score in the best order. `condense` adds each metric on the lists without what nobody
    judged. `slices`: by the queries' length and positives and, with `run`, by where its negatives
    came from; or your own frames of query_id and group, by name. `protocols`: see `InTime`, `Like`
    and `WithoutSelf`. `known` says whether documents that another split of the data calls relevant
    to a query are ranked for it; they are left out where documents go by their ids, and ranked
    elsewhere, unless it is given (see `WithoutKnown`). `trained_on`: what the model was trained on,
    for metrics that ask how often each document is a positive there (PSP@5); without it the split
    train of the same data. `quarantine`: a file in which bad rows of `data` are set aside.
    `save_run`: a file for the ranking, as TREC's. Judgements of documents that the corpus lacks
    count as not found, as for trec_eval.

    `data` may be a file of judgements alone (TREC's or BEIR's qrels) where `model` is a run:
    nothing of the corpus is needed then. Equal scores are put in trec_eval's order, the last id
    first, and it is told how many documents are tied.

    Raises `InputError` for an unknown metric, `DataError` where no query has a positive, most
    documents that a run names are not in the corpus, or a model cannot be loaded.
    """
    machine = Machine.checked(threads, memory, device)
    check_confidence(confidence)
    if depth < 0 or top < 1:
        raise InputError("a depth below 0, or a top below 1", fix="give the documents to rank")
    asked = parse_metrics(metrics)
    refuse_unkept(save_run)
    if model is None or isinstance(model, int | float):
        fix = "give bm25, the name or folder of an encoder, an object that encodes, or a run"
        raise InputError(f"model cannot be {model!r}", where="evaluate()", fix=fix)
    named = _named(model)
    alone = False
    if not is_named(data):
        collection = as_collection(data, quarantine=quarantine, lost="count")
    elif rerank is None and is_judgements(data) and (given := run_of(cast("Model", model))):
        _refuse_without_texts(bool(slices), protocols)
        model, alone = given, True
        collection = judged_alone(data, given.table)
    else:
        refuse_judgements(named, data)
        collection = as_collection(data, quarantine=quarantine, lost="count")
    heard = _Heard(emit)
    for note in collection.notes:
        heard(Warned(note))
    refuse_unjudged(collection, "no query has a positive")
    if said := told_of_training(model, collection):
        heard(Warned(said))
    plain, bars = collection, []
    protocols = with_known(protocols, known, collection)
    for protocol in protocols:
        collection, bar = protocol.apply(collection, heard)
        bars.append(bar)
    elsewhere = next((bar for bar in bars if isinstance(bar, Elsewhere)), None)
    refuse_unjudged(collection, "the protocol leaves no query with a positive")
    asks = any(isinstance(metric, Metric) and metric.trained for metric in asked)
    counts = label_counts(collection, trained_on) if asks else None
    _try_out(asked, collection, counts)
    if condense or any(getattr(metric, "kind", "") == "Bpref" for metric in asked):
        _warn_of_one_sided(collection, heard)
    parts = slices if isinstance(slices, dict) else {}
    if slices is True:
        popular = None if elsewhere is None else elsewhere.counts
        parts = groupings(collection, Run(run) if isinstance(run, str | Path) else run, popular)
        parts |= dict(p.grouping(collection) for p in protocols if hasattr(p, "grouping"))
    bar = any_of(bars)
    with scratch_folder() as scratch:
        context = Context(
            collection=collection,
            scratch=scratch,
            machine=machine,
            seed=seed,
            emit=heard,
        )
        if rerank is None:
            ranker = open_ranker(cast("Model", model), context, depth=depth, bar=bar)
        else:
            scorer = opened_reranker(cast("str | Reranker", model), machine)
            first = open_ranker(rerank, context, depth=depth, bar=bar)
            ranker = reranking(scorer, named, first, context, top=top)
        measured = _Measured(asked, top if rerank is not None else None, condense, counts)
        with keeping(save_run) as keep:
            table = measured.table(ranker, context, depth, bar, keep)
    figures: dict[str, Any] = {
        "model": named,
        "rerank": None if rerank is None else {"of": _named(rerank), "top": top},
        "data": called(collection),
        "protocols": [type(protocol).__name__ for protocol in protocols],
        "known elsewhere": None if elsewhere is None else elsewhere.figures(),
        "depth": depth,
        "confidence": confidence,
        "queries": len(table),
        "queries left out": len(plain.queries) - len(table),
        "queries that found nothing": int((table["retrieved"] == 0).sum()),
        "queries that find themselves": int(table[_ITSELF].sum()),
        "queries that find another type first": int(table[_ANOTHER].sum()),
        "documents": None if alone else len(collection.corpus),
        "retrieved": int(table["retrieved"].sum()),
        "tied": int(table[_TIED].sum()),
        "positives": int(table["positives"].sum()),
        "positives not in the corpus": positives_lost(collection, table["query_id"]),
        "metrics": means(table, asked, "", confidence, seed),
        "label counts": None if counts is None else counts.name,
        "judged": {str(_SEEN): rounded(float(np.mean(table[_JUDGED].to_numpy())))},
    }
    if condense:
        figures["condensed"] = means(table, measured.own, _CONDENSED, confidence, seed)
    found = sliced(table, asked, parts, confidence, seed)
    if slices:
        figures["slices"] = found.to_dicts()
    figures["notes"] = heard.warnings
    per_query = table.drop(name for name in table.columns if name.startswith("_"))
    return Evaluation(figures, per_query, found)


_CONDENSED: Final = " condensed"
_JUDGED: Final = "_judged"
_TIED: Final = "_tied"
_ITSELF: Final = "_itself"
_ANOTHER: Final = "_another"


@dataclass(frozen=True, slots=True)
class _Measured:
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
            columns[_TIED] = counted(ranking.filter(tied(ranking)), ids)
            columns[_ANOTHER] = counted(first_of_another_type(ranking, collection), ids)
            columns[_ITSELF] = counted(ranking.join(own, on=["query_id", "doc_id"]), ids)
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
        columns = {_JUDGED: _SEEN.of(judged)}
        for metric in self.own:
            columns[str(metric)] = metric.of(judged)
            if metric.kind != _SEEN.kind and not metric.total:
                columns[f"{CEILING}{metric}"] = metric.of(best)
        if self.condense:
            fewer = condensed(judged)
            columns |= {f"{metric}{_CONDENSED}": metric.of(fewer) for metric in self.own}
        return columns


@dataclass(slots=True)
class _Heard:
    """Passes events on, and keeps the warnings."""

    emit: Emit
    warnings: list[str] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warned):
            self.warnings.append(event.text)
        self.emit(event)


def _try_out(
    metrics: Sequence[Metric | IrMeasure], collection: Collection, counts: LabelCounts | None
) -> None:
    """Raise what a metric has against the judgements now, and not when all is ranked."""
    nothing = pl.DataFrame(schema=RANKED)
    judged = judge_ranking(nothing, collection.qrels, collection.queries["query_id"], counts=counts)
    for metric in metrics:
        if isinstance(metric, Metric):
            metric.of(judged)


def _refuse_no_number(metric: Metric | IrMeasure, values: Doubles, queries: pl.Series) -> None:
    odd = ~np.isfinite(values)
    if odd.any():
        raise InputError(
            f"the metric {metric} is no number for {odd.sum():,} queries, the first "
            f"{queries[int(odd.argmax())]!r}",
            fix="give other settings, or name another metric, such as nDCG@10",
        )


def _refuse_without_texts(slices: bool, protocols: Sequence[Setting]) -> None:
    if slices or any(not isinstance(each, WithoutSelf) for each in protocols):
        raise InputError(
            "slices and protocols look at texts, and judgements alone have none",
            fix="name the collection in place of its qrels file",
        )


def refuse_unjudged(collection: Collection, what: str) -> None:
    """Raise `DataError` where nothing is to be found; `what` says why."""
    if not len(collection.mined_queries):
        raise DataError(
            f"{what}: there is nothing to find",
            where=called(collection),
            fix="name a split that has judgements above 0, as in DATA@test",
        )


def _warn_of_one_sided(collection: Collection, emit: Emit) -> None:
    judged = collection.judged.group_by("query").agg(pl.col("relevance").min())
    without = int((judged["relevance"] > 0).sum())
    if without:
        emit(
            Warned(
                f"for {without:,} of {len(judged):,} queries nothing is judged irrelevant: "
                "condensed lists and Bpref, which look at judged documents alone, "
                "cannot tell good from bad"
            )
        )


def _named(model: object) -> str:
    if isinstance(model, str | Path):
        return str(model)
    return "a ranking" if isinstance(model, pl.DataFrame) else getattr(
        model, "encoder", type(model).__name__
    )  # fmt: skip
