"""p_relevant: how probable it is that a pair without a label is relevant, by the run's evidence.

"Is labelled" is predicted from evidence that is made as if the pair's own label was not known,
cross-fitted by query, and turned into "is relevant" by the share of the relevant pairs that are
labelled (positive-unlabelled learning: Elkan and Noto, KDD 2008). No pair is judged by a model that
has seen its query.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import polars as pl
from msgspec import Meta
from numpy.typing import NDArray

from negatives.chance import id_hashes, mix, stream_key, uniforms
from negatives.events import Noted, Warned
from negatives.judge.features import Feature, features_of, table
from negatives.judge.labelling import Labelling, fit_labelling
from negatives.judge.others import Likeness, compare
from negatives.judge.selection import Selection, fit_selection
from negatives.judge.word_vectors import WordVectors
from negatives.schema import DUPLICATE, JUDGED_NEGATIVE, Floats
from negatives.stage import Context, Estimator, Likens, Share

MOST_QUERIES = 5_000
MOST_PAIRS = 120_000
"""Learned from: labelled pairs of so many queries, and so many unlabelled ones, drawn by hash."""
FEWEST_LABELS = 30
FEWEST_QUERIES = 5
FEW_QUERIES = 30
"""With fewer queries than this the estimate stands on little, and the run says so."""
ONE_EACH = 1.5
"""With fewer known positives a query than this on average, a query is said to have one of them."""


class Evidence(Estimator, kind="evidence"):
    """Fitted on the run: scores and ranks, likeness to other positives, the judges' evidence.

    A monotone boosted model and a logistic one, averaged and calibrated (Elkan and Noto, 2008, for
    what a missing label says). Needs 30 labelled pairs of 5 queries among the candidates.
    """

    labelled: Annotated[
        Share, Meta(description="share of the relevant pairs that have a label; 0: estimate it")
    ] = 0.0
    folds: Annotated[int, Meta(ge=2, le=20, description="parts of the queries, cross-fitted")] = 5
    words: Annotated[
        bool, Meta(description="compare documents by their words, besides by their vectors")
    ] = True

    def open(self, context: Context) -> EvidenceEstimation:
        """Weigh the words of every document once, into the scratch folder."""
        likenesses: dict[str, Likeness] = {
            label: source.doc_likeness
            for label, source in context.sources.items()
            if isinstance(source, Likens)
        }
        if self.words:
            vectors = WordVectors.open(context.scratch, context.collection.corpus["text"])
            likenesses["words"] = vectors.likeness
        nothing = np.empty(0, np.uint32)
        scorers = [
            label
            for label, source in context.sources.items()
            if source.score(nothing, nothing) is not None
        ]
        held, known = (
            features_of(scorers, list(likenesses), context.evidence, view)
            for view in ("held", "known")
        )
        ids = id_hashes(context.collection.queries["query_id"])
        fold = uniforms(ids, stream_key(context.seed, "estimate/fold")) * self.folds
        return EvidenceEstimation(self, context, likenesses, held, known, fold.astype(np.intp), ids)


@dataclass
class EvidenceEstimation:
    """The evidence of one run and, once fitted, what it says.

    `fold` (which part a query is in) and `ids` (hashes) are by query row; `labellings[f]` was
    fitted without the queries of part f.
    """

    stage: Evidence
    context: Context
    likenesses: Mapping[str, Likeness]
    held: list[Feature]
    known: list[Feature]
    fold: NDArray[np.intp]
    ids: NDArray[np.uint64]
    labellings: list[Labelling] = field(default_factory=list)
    selection: Selection | None = None
    _queries: int = 0

    def prepare(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Likeness to the query's other positives, in both views."""
        return compare(rows, self.likenesses)

    def fit(self, parts: Iterable[pl.DataFrame], rows: int) -> None:
        """Learn, part by part of the queries, from what all the others say."""
        fold, values, labelled, weights = self._sample(parts, rows)
        queries = len(np.unique(fold)) if len(fold) else 0
        if labelled.sum() < FEWEST_LABELS or self._queries < FEWEST_QUERIES or queries < 2:
            self._unfitted(int(labelled.sum()))
            return
        directions = [feature.direction for feature in self.held]
        logits = np.zeros(len(fold))
        for part in range(self.stage.folds):
            others = fold != part
            if not (labelled[others].any() and (~labelled[others]).any()):
                self._unfitted(int(labelled.sum()))
                return
            self.labellings.append(fit_labelling(values[others], labelled[others], directions))
            if not others.all():
                logits[~others] = self.labellings[part].logits(values[~others])
        one_each = float(labelled.sum()) < ONE_EACH * self._queries
        self.selection = fit_selection(logits, labelled, weights, self.stage.labelled, one_each)
        self._warn(self.selection, one_each)
        self._tell(self.selection, logits, labelled, weights)

    def estimate(self, rows: pl.DataFrame) -> Floats:
        """p_relevant of every pair that nobody has judged not relevant; NaN of all if unfitted."""
        found = np.full(len(rows), np.nan, np.float32)
        if self.selection is None:
            return found
        values = table(rows, self.known)
        fold = self.fold[rows["query"].to_numpy()]
        for part, labelling in enumerate(self.labellings):
            mine = np.flatnonzero(fold == part)
            if len(mine):
                found[mine] = self.selection.relevant(labelling.logits(values[mine]))
        found[(rows["verdict"] == JUDGED_NEGATIVE).fill_null(False).to_numpy()] = np.nan
        return found

    def _sample(
        self, parts: Iterable[pl.DataFrame], rows: int
    ) -> tuple[NDArray[np.intp], Floats, NDArray[np.bool_], Floats]:
        """Fold, features, label and weight of the pairs that are learned from.

        Proposed pairs only: a positive that no source proposed would tell its label by that.
        """
        mined = self.context.collection.mined_queries
        chosen = uniforms(self.ids[mined], stream_key(self.context.seed, "estimate/queries"))
        share = min(1.0, MOST_QUERIES / len(mined))
        rate = min(1.0, MOST_PAIRS / max(rows * share, 1))
        within = set(mined[chosen <= share].tolist())
        self._queries = 0
        found = [(np.empty(0, np.intp), np.empty((0, len(self.held)), np.float32),
                  np.empty(0, bool), np.empty(0, np.float32))]  # fmt: skip
        for part in parts:
            label = (part["relevance"] > 0).fill_null(False)
            query, doc = part["query"].to_numpy(), part["doc"].to_numpy()
            draw = uniforms(
                mix(self.ids[query] ^ mix(doc.astype(np.uint64))),
                stream_key(self.context.seed, "estimate/pairs"),
            )
            usable = (
                (part["sources"].list.len() > 0)
                & (label | ~part["verdict"].fill_null("").is_in([DUPLICATE, JUDGED_NEGATIVE]))
                & part["query"].is_in(pl.Series(sorted(within), dtype=pl.UInt32).implode())
                & (label | pl.Series(draw < rate))
            ).to_numpy()
            values = table(part, self.held)[usable]
            is_label = label.to_numpy()[usable]
            weight = np.where(is_label, 1, 1 / rate).astype(np.float32)
            found.append((self.fold[query[usable]], values, is_label, weight))
            self._queries += len(np.unique(query[usable][is_label]))
        fold, values, labelled, weights = (
            np.concatenate(each) for each in zip(*found, strict=True)
        )
        return fold, values, labelled, weights

    def _unfitted(self, labels: int) -> None:
        self.labellings = []
        self.context.emit(
            Warned(
                f"p_relevant is null: {labels} labelled pairs of {self._queries} queries are among "
                f"the candidates, and an estimate needs {FEWEST_LABELS} of {FEWEST_QUERIES}"
            )
        )

    def _warn(self, selection: Selection, one_each: bool) -> None:
        if self._queries < FEW_QUERIES:
            self.context.emit(
                Warned(f"p_relevant stands on only {self._queries} queries: trust it less")
            )
        if one_each and not self.stage.labelled:
            self.context.emit(
                Warned(
                    "nearly every query has one known positive, and labels cannot tell how many "
                    f"more it has: {selection.share:.0%} of the relevant pairs are taken to be "
                    "labelled, rather too few; if a reviewed sample says better, set `labelled` of "
                    "[estimate]"
                )
            )

    def _tell(
        self,
        selection: Selection,
        logits: NDArray[np.float64],
        labelled: NDArray[np.bool_],
        weights: Floats,
    ) -> None:
        from sklearn.metrics import roc_auc_score

        auc = float(roc_auc_score(labelled, logits, sample_weight=weights))
        told = {
            "labelled pairs": int(labelled.sum()),
            "queries": self._queries,
            "pairs": len(logits),
            "labelled share": round(selection.share, 4),
            "labelled share from": "recipe" if self.stage.labelled else "fit",
            "auc of labels": round(auc, 4),
            "evidence": [feature.name for feature in self.held],
        }
        self.context.emit(Noted("p_relevant", told))
