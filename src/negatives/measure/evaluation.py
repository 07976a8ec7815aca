"""evaluate(): how good a model or a run is on a collection, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import polars as pl

from negatives.errors import DataError, InputError
from negatives.events import Emit, Heard, Warned
from negatives.listening import shown, watched
from negatives.machine import Machine
from negatives.measure.barred import Bar, any_of
from negatives.measure.counted import positives_lost
from negatives.measure.elsewhere import Elsewhere
from negatives.measure.estimate import rounded
from negatives.measure.evaluation_card import EvaluationShown
from negatives.measure.judged import judge_ranking
from negatives.measure.judgements import is_judgements, judged_alone, refuse_judgements
from negatives.measure.means import means, sliced
from negatives.measure.measured import (
    ANOTHER,
    CONDENSED,
    COPY,
    ITSELF,
    JUDGED,
    SEEN,
    TIED,
    Measured,
)
from negatives.measure.metric_names import parse_metrics
from negatives.measure.metrics import Metric
from negatives.measure.propensity import LabelCounts, label_counts
from negatives.measure.protocols import Known as Known
from negatives.measure.protocols import Setting as Setting
from negatives.measure.protocols import WithoutCopies as WithoutCopies
from negatives.measure.protocols import WithoutSelf as WithoutSelf
from negatives.measure.protocols import with_known
from negatives.measure.ranking import (
    RANKED,
    Model,
    Ranker,
    called,
    open_ranker,
    opened_reranker,
    reranking,
    run_of,
)
from negatives.measure.saved_run import keeping, refuse_unkept
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
    came from; or your own frames of query_id and group, by name. `protocols`: see `InTime`, `Like`,
    `WithoutSelf` and `WithoutCopies`. `known` says whether documents that another split of the data
    calls relevant to a query are ranked for it; they are left out where documents go by their ids,
    and ranked elsewhere, unless it is given (see `WithoutKnown`). `trained_on`: what the model was
    trained on, for metrics that ask how often each document is a positive there (PSP@5); without it
    the split train of the same data. `quarantine`: a file in which bad rows of `data` are set
    aside. `save_run`: a file for the ranking, as TREC's. Judgements of documents that the corpus
    lacks count as not found, as for trec_eval.

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
    model, collection, alone = _read(model, data, rerank, bool(slices), protocols, quarantine)
    heard = Heard(emit)
    for note in collection.notes:
        heard(Warned(note))
    refuse_unjudged(collection, "no query has a positive")
    if said := told_of_training(model, collection):
        heard(Warned(said))
    all_queries = len(collection.queries)
    protocols, bars = with_known(protocols, known, collection), []
    for protocol in protocols:
        collection, bar = protocol.apply(collection, heard)
        bars.append(bar)
    elsewhere = next((bar for bar in bars if isinstance(bar, Elsewhere)), None)
    refuse_unjudged(collection, "the protocol leaves no query with a positive")
    own = [metric for metric in asked if isinstance(metric, Metric)]
    needs_counts = any(metric.trained for metric in own)
    counts = label_counts(collection, trained_on) if needs_counts else None
    _try_out(own, collection, counts)
    if condense or any(metric.judged_only for metric in own):
        _warn_of_one_sided(collection, heard)
    parts = _parts(slices, collection, run, protocols, elsewhere)
    bar = any_of(bars)
    with scratch_folder() as scratch:
        context = Context(
            collection=collection,
            scratch=scratch,
            machine=machine,
            seed=seed,
            emit=heard,
        )
        ranker = _ranker(model, rerank, top, context, depth, bar)
        measured = Measured(asked, top if rerank is not None else None, condense, counts)
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
        **_counts(table, collection, all_queries, alone),
        "metrics": means(table, asked, "", confidence, seed),
        "label counts": None if counts is None else counts.name,
        "judged": {str(SEEN): rounded(float(np.mean(table[JUDGED].to_numpy())))},
    }
    if condense:
        figures["condensed"] = means(table, own, CONDENSED, confidence, seed)
    found = sliced(table, asked, parts, confidence, seed)
    if slices:
        figures["slices"] = found.to_dicts()
    figures["notes"] = heard.warnings
    per_query = table.drop(name for name in table.columns if name.startswith("_"))
    return Evaluation(figures, per_query, found)


def _read(
    model: Model | Reranker,
    data: Data,
    rerank: Model | None,
    slices: bool,
    protocols: Sequence[Setting],
    quarantine: str | Path | Quarantine | None,
) -> tuple[Model | Reranker, Collection, bool]:
    """The model, or the run that it names; the collection; whether that is judgements alone."""
    if is_named(data):
        if rerank is None and is_judgements(data) and (given := run_of(cast("Model", model))):
            _refuse_without_texts(slices, protocols)
            return given, judged_alone(data, given.table), True
        refuse_judgements(_named(model), data)
    return model, as_collection(data, quarantine=quarantine, lost="count"), False


def _parts(
    slices: bool | Groupings,
    collection: Collection,
    run: Run | str | Path | None,
    protocols: Sequence[Setting],
    elsewhere: Elsewhere | None,
) -> Groupings:
    """The groups of queries that are measured apart."""
    if not slices or not isinstance(slices, bool):
        return slices or {}
    popular = None if elsewhere is None else elsewhere.counts
    parts = groupings(collection, Run(run) if isinstance(run, str | Path) else run, popular)
    return parts | dict(p.grouping(collection) for p in protocols if hasattr(p, "grouping"))


def _ranker(
    model: Model | Reranker,
    rerank: Model | None,
    top: int,
    context: Context,
    depth: int,
    bar: Bar,
) -> Ranker:
    """The model's own ranking or, with `rerank`, that of the one whose `top` it puts in order."""
    if rerank is None:
        return open_ranker(cast("Model", model), context, depth=depth, bar=bar)
    scorer = opened_reranker(cast("str | Reranker", model), context.machine)
    first = open_ranker(rerank, context, depth=depth, bar=bar)
    return reranking(scorer, _named(model), first, context, top=top)


def _counts(
    table: pl.DataFrame, collection: Collection, queries: int, alone: bool
) -> dict[str, int | None]:
    """How many of what there was; `queries`: before a protocol left some out."""
    return {
        "queries": len(table),
        "queries left out": queries - len(table),
        "queries that found nothing": int((table["retrieved"] == 0).sum()),
        "queries that find themselves": int(table[ITSELF].sum()),
        "queries that find copies of themselves": int((table[COPY] > 0).sum()),
        "queries that find another type first": int(table[ANOTHER].sum()),
        "documents": None if alone else len(collection.corpus),
        "retrieved": int(table["retrieved"].sum()),
        "tied": int(table[TIED].sum()),
        "positives": int(table["positives"].sum()),
        "positives not in the corpus": positives_lost(collection, table["query_id"]),
    }


def _try_out(metrics: Sequence[Metric], collection: Collection, counts: LabelCounts | None) -> None:
    """Raise what a metric has against the judgements now, and not when all is ranked."""
    nothing = pl.DataFrame(schema=RANKED)
    judged = judge_ranking(nothing, collection.qrels, collection.queries["query_id"], counts=counts)
    for metric in metrics:
        metric.of(judged)


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
