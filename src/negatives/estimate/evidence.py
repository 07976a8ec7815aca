"""p_relevant: how probable it is that a pair without a label is relevant, by the run's evidence.

"Is labelled" is predicted from evidence that is made as if the pair's own label was not known,
cross-fitted by query, and turned into "is relevant" by the share of the relevant pairs that are
labelled (positive-unlabelled learning: Elkan and Noto, KDD 2008). No pair is judged by a model that
has seen its query.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import polars as pl
from msgspec import Meta
from numpy.typing import NDArray

from negatives.chance import id_hashes, stream_key, uniforms
from negatives.estimate.features import Feature, features_of, table
from negatives.estimate.label_evidence import (
    LABEL_RATE,
    about,
    guessed,
    information,
    probabilities,
    revised,
)
from negatives.estimate.label_model import Labelling, fit_labellings
from negatives.estimate.label_rate import LabelRate, fit_label_rate
from negatives.estimate.other_positives import Draws, Likeness, compare
from negatives.estimation import Revised
from negatives.events import Noted, Warned
from negatives.models.word_vectors import WordVectors
from negatives.opening import EstimateContext, Likens
from negatives.schema import JUDGED_NEGATIVE, Bools, Doubles, Floats
from negatives.stage import Estimator, Share

MOST_QUERIES = 5_000
"""Learned from: labelled pairs of so many queries, drawn by hash,"""
EACH = 20
FEWEST_PAIRS = 8_000
MOST_PAIRS = 60_000
"""and so many unlabelled pairs for each known positive of theirs, within these bounds."""
FEWEST_LABELS = 20
FEWEST_QUERIES = 5
FEW_QUERIES = 30
"""With fewer queries than this the estimate stands on little, and the run says so."""
ONE_EACH = 1.5
"""With fewer known positives a query than this on average, a query is said to have one of them."""


class Evidence(Estimator, kind="evidence"):
    """Fitted on the run: scores and ranks, likeness to other positives, the judges' evidence.

    A model of monotone curves and a logistic one, averaged and calibrated (Elkan and Noto, 2008,
    for what a missing label says). Needs 20 labelled pairs of 5 queries among the candidates.

    >>> from negatives import Evidence, load_recipe
    >>> load_recipe("default").estimate
    Evidence(labelled=0.0, folds=5, words=True)
    >>> Evidence(labelled=0.5)  # where half of the relevant pairs are known to have a label
    Evidence(labelled=0.5, folds=5, words=True)
    """

    labelled: Annotated[
        Share, Meta(description="share of the relevant pairs that have a label; 0: estimate it")
    ] = 0.0
    folds: Annotated[int, Meta(ge=2, le=20, description="parts of the queries, cross-fitted")] = 5
    words: Annotated[
        bool, Meta(description="compare documents by their words, besides by their vectors")
    ] = True

    def open(self, context: EstimateContext) -> EvidenceEstimation:
        """Weigh the words of every document once, into the scratch folder."""
        sources = {
            label: source
            for label, source in context.sources.items()
            if label not in context.saw_labels
        }
        likenesses: dict[str, Likeness] = {
            label: source.doc_likeness
            for label, source in sources.items()
            if isinstance(source, Likens)
        }
        if self.words and context.collection.has("docs", "text"):
            vectors = WordVectors.open(context.scratch, context.collection.corpus["text"])
            likenesses["words"] = vectors.likeness
        nothing = np.empty(0, np.uint32)
        scorers = [
            label for label, source in sources.items() if source.score(nothing, nothing) is not None
        ]
        held, known = (
            features_of(scorers, list(likenesses), context.evidence, view)
            for view in ("held", "known")
        )
        ids = id_hashes(context.collection.queries["query_id"])
        fold = uniforms(ids, stream_key(context.seed, "estimate/fold")) * self.folds
        return EvidenceEstimation(
            self, context, likenesses, held, known, fold.astype(np.uint8), ids
        )

    def revised(self, notes: Mapping[str, Any], judged: pl.DataFrame) -> Revised | None:
        """p_relevant by the label rate that labels and verdicts together make credible."""
        return revised(notes, judged)

    def information(
        self, notes: Mapping[str, Any], judged: pl.DataFrame, rows: pl.DataFrame
    ) -> Doubles | None:
        """By how much the verdict is expected to narrow what is credible of their number."""
        return information(notes, judged, rows)


@dataclass(frozen=True)
class EvidenceEstimation:
    """The evidence of one run; `fold` (which part a query is in) and `ids` are by query row."""

    stage: Evidence
    context: EstimateContext
    likenesses: Mapping[str, Likeness]
    held: list[Feature]
    known: list[Feature]
    fold: NDArray[np.uint8]
    ids: NDArray[np.uint64]

    @property
    def _draws(self) -> Draws:
        collection = self.context.collection
        return Draws(collection.queries["query_id"], collection.corpus["doc_id"], self.context.seed)

    def prepare(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Likeness to the query's other positives, in both views."""
        return compare(rows, self.likenesses, self._draws)

    def fit(self, parts: Iterable[pl.DataFrame], rows: int) -> EvidenceFitted:
        """Learn, part by part of the queries, from what all the others say."""
        sample = self._sample(parts, rows)
        fold, values, labelled = sample.fold, sample.values, sample.labelled
        labels, nothing = int(labelled.sum()), EvidenceFitted(self.known, self.fold)
        apart = len(np.unique(fold)) if len(fold) else 0
        if labels < FEWEST_LABELS or sample.queries < FEWEST_QUERIES or apart < 2:
            self._unfitted(sample)
            return nothing
        fitted_on = [fold != part for part in range(self.stage.folds)]
        for others in fitted_on:
            if not (labelled[others].any() and (~labelled[others]).any()):
                self._unfitted(sample)
                return nothing
        directions = [feature.direction for feature in self.held]
        threads = self.context.machine.threads
        labellings = fit_labellings(values, labelled, fitted_on, directions, threads)
        logits = np.zeros(len(fold))
        for labelling, others in zip(labellings, fitted_on, strict=True):
            logits[~others] = labelling.logits(values[~others])
        auc, chance = _auc(logits, labelled, sample.weights)
        if auc < chance:
            self._untold(auc)
            return nothing
        one_each = float(labels) < ONE_EACH * sample.queries
        label_rate = fit_label_rate(logits, labelled, sample.weights, self.stage.labelled, one_each)
        self._warn(label_rate, sample.queries)
        self._tell(label_rate, auc, sample)
        return EvidenceFitted(self.known, self.fold, tuple(labellings), label_rate)

    def _sample(self, parts: Iterable[pl.DataFrame], rows: int) -> _Sample:
        """The pairs that are learned from.

        What is left out must be left out whether or not it is labelled, or the labels would be too
        many or too few for what is left: a label rate read from that breaks every promise. So only
        pairs count that a source proposed without looking at the judgements, and copies of another
        positive of the query are left out, labelled ones as well as unlabelled ones. Pairs that
        were judged not relevant may go, for no relevant pair is among them.
        """
        mined = self.context.collection.mined_queries
        chosen = uniforms(self.ids[mined], stream_key(self.context.seed, "estimate/queries"))
        share = min(1.0, MOST_QUERIES / len(mined))
        positives = len(self.context.collection.positives) * share
        wanted = min(max(EACH * positives, FEWEST_PAIRS), MOST_PAIRS)
        rate = min(1.0, wanted / max(rows * share, 1))
        chosen_queries = pl.Series(mined[chosen <= share], dtype=pl.UInt32)
        copies = pl.lit(False) if self.context.copies is None else self.context.copies
        blind = sorted(self.context.blind)
        queries = 0
        found = [(np.empty(0, np.uint8), np.empty((0, len(self.held)), np.float32),
                  np.empty(0, bool), np.empty(0, np.float32))]  # fmt: skip
        for part in parts:
            part = part.filter(pl.col("query").is_in(chosen_queries.implode()))
            label = (part["relevance"] > 0).fill_null(False)
            query, doc = part["query"].to_numpy(), part["doc"].to_numpy()
            draw = uniforms(self._draws.hashes(query, doc, "estimate/pairs"), np.uint64(0))
            usable = (
                part.select(
                    pl.col("sources").list.eval(pl.element().is_in(blind)).list.any()
                ).to_series()
                & ~part.select(copy=copies).to_series()
                & (part["verdict"] != JUDGED_NEGATIVE).fill_null(True)
                & (label | pl.Series(draw < rate))
            ).to_numpy()
            values = table(part, self.held)[usable]
            is_label = label.to_numpy()[usable]
            weight = np.where(is_label, 1, 1 / rate).astype(np.float32)
            found.append((self.fold[query[usable]], values, is_label, weight))
            queries += len(np.unique(query[usable][is_label]))
        fold, values, labelled, weights = (
            np.concatenate(each) for each in zip(*found, strict=True)
        )
        return _Sample(fold, values, labelled, weights, queries)

    def _unfitted(self, sample: _Sample) -> None:
        labels = int(sample.labelled.sum())
        self.context.emit(
            Warned(
                f"p_relevant is null: {labels} labelled pairs of {sample.queries} queries are "
                f"among the candidates, and an estimate needs {FEWEST_LABELS} of {FEWEST_QUERIES}"
            )
        )

    def _untold(self, auc: float) -> None:
        self.context.emit(
            Warned(
                "p_relevant is null: the evidence does not tell labelled pairs from others (AUC "
                f"{auc:.2f}, where chance gives 0.5): are these texts that the sources can read?"
            )
        )

    def _warn(self, label_rate: LabelRate, queries: int) -> None:
        if queries < FEW_QUERIES:
            self.context.emit(Warned(f"p_relevant stands on only {queries} queries: trust it less"))
        if label_rate.basis == "guess":
            self.context.emit(Warned(guessed(label_rate)))

    def _tell(self, label_rate: LabelRate, auc: float, sample: _Sample) -> None:
        told = {
            "labelled pairs": int(sample.labelled.sum()),
            "queries": sample.queries,
            "pairs": len(sample.labelled),
            **about(label_rate),
            "auc of labels": round(auc, 4),
            "evidence": [feature.name for feature in self.held],
        }
        self.context.emit(Noted("p_relevant", told))
        self.context.emit(Noted(LABEL_RATE, label_rate.as_dict()))


@dataclass(frozen=True)
class _Sample:
    """Fold, features, label and weight of pairs, and of how many queries the labelled ones are."""

    fold: NDArray[np.uint8]
    values: Floats
    labelled: Bools
    weights: Floats
    queries: int


@dataclass(frozen=True)
class EvidenceFitted:
    """What the evidence of one run says; `labellings[f]` was fitted without the queries of part f.

    Without a label rate nothing was learned.
    """

    features: list[Feature]
    fold: NDArray[np.uint8]
    labellings: tuple[Labelling, ...] = ()
    label_rate: LabelRate | None = None

    def estimate(self, rows: pl.DataFrame) -> pl.DataFrame:
        """p_relevant of every pair that nobody has judged not relevant; null of all if unfitted.

        And `label_logit`, the log-odds that the pair is labelled, from which verdicts make another
        p_relevant later.
        """
        logits = np.full(len(rows), np.nan)
        if self.label_rate is not None:
            values = table(rows, self.features)
            fold = self.fold[rows["query"].to_numpy()]
            for part, labelling in enumerate(self.labellings):
                mine = np.flatnonzero(fold == part)
                if len(mine):
                    logits[mine] = labelling.logits(values[mine])
        judged = (rows["verdict"] == JUDGED_NEGATIVE).fill_null(False).to_numpy()
        return probabilities(self.label_rate, logits, judged)


def _auc(logits: Doubles, labelled: Bools, weights: Floats) -> tuple[float, float]:
    """How well held-out log-odds tell labelled pairs from others, and what chance would do at best.

    Two standard errors above one half (Mann and Whitney, 1947), for as many labels.
    """
    values, place = np.unique(logits, return_inverse=True)
    ours, theirs = (
        np.bincount(place, np.where(rows, weights, 0), len(values))
        for rows in (labelled, ~labelled)
    )
    below = np.cumsum(theirs) - theirs / 2
    auc = float((ours * below).sum() / (ours.sum() * theirs.sum()))
    count, rest = int(labelled.sum()), int((~labelled).sum())
    return auc, 0.5 + 2 * float(np.sqrt((count + rest + 1) / (12 * count * rest)))
