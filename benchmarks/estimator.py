"""The model of which pairs are labelled, beside another one on the same pairs, against the truth.

`curves` is what this library fits: monotone curves and straight lines, averaged. `trees` is what it
fitted before: 120 monotone boosted trees of 8 leaves and a logistic model, averaged. Both learn
from the same pairs of the same hidings (settings as in the benchmark `truth`, built-in encoder) and
are turned into p_relevant in the same way; the truth is which of the candidates were hidden.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import negatives as neg
from benchmarks.data import load
from benchmarks.hiding import all_but_one, half, with_copies
from benchmarks.page import write_page
from benchmarks.truth import COLLECTIONS, COPIES, SETTINGS, _quality
from negatives.estimate import evidence
from negatives.estimate.features import table
from negatives.estimate.label_model import fit_labellings
from negatives.estimate.label_rate import fit_label_rate
from negatives.stats.scaling import Scale

HIDINGS = 3
HIDDEN = ("static", "one", "copies")
MODELS = ("trees", "curves")
FIGURES = {"auc": 3, "brier": 4, "ece": 3, "mean p / base": 2, "label rate": 2, "CPU seconds": 2}

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


class Model(Protocol):
    """What says how probably a row is labelled."""

    def logits(self, values: Floats) -> Doubles:
        """float64[n]: log-odds."""


@dataclass(frozen=True)
class Pairs:
    """What an estimator learns from and is asked about, and the truth."""

    sample: Any
    directions: list[int]
    values: Floats
    fold: NDArray[np.uint8]
    eligible: Bools
    hidden: Bools


@dataclass(frozen=True)
class Trees:
    """Boosted trees and a logistic model, averaged; `used`: columns of which anything is known."""

    used: Bools
    boosted: Any
    logistic: Any
    scale: Scale[np.float32]

    def logits(self, values: Floats) -> Doubles:
        """See `Model`."""
        values = values[:, self.used]
        inputs = self.scale.applied(values).clip(-8, 8)
        found: Doubles = (
            self.boosted.decision_function(values) + self.logistic.decision_function(inputs)
        ) / 2
        return found


def trees(values: Floats, labelled: Bools, directions: list[int]) -> Model:
    """Fitted as it was before there were curves."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    used: Bools = np.asarray(np.isfinite(values).any(axis=0))
    values, directions = values[:, used], np.asarray(directions)[used].tolist()
    scale = Scale.of(values)
    boosted = HistGradientBoostingClassifier(
        max_iter=120, learning_rate=0.06, max_leaf_nodes=8, min_samples_leaf=30,
        l2_regularization=5.0, monotonic_cst=directions, early_stopping=False, random_state=0,
    )  # fmt: skip
    logistic = LogisticRegression(C=0.1, max_iter=500)
    inputs = scale.applied(values).clip(-8, 8).astype(np.float64)
    return Trees(used, boosted.fit(values, labelled), logistic.fit(inputs, labelled), scale)


def curves(values: Floats, labelled: Bools, directions: list[int]) -> Model:
    """Fitted as mining does."""
    return fit_labellings(values, labelled, [np.ones(len(labelled), bool)], directions)[0]


def gathered(name: str, setting: str, seed: int) -> Pairs:
    """Mine with positives hidden, up to where the estimator would learn."""
    data = load(name)
    if setting == "copies":
        data = with_copies(data, COPIES, seed)
    left, hidden = (all_but_one if setting == "one" else half)(data, seed)
    seen: dict[str, Any] = {}

    def look(self: Any, parts: Iterable[pl.DataFrame], rows: int) -> evidence.EvidenceFitted:
        whole = list(parts)
        seen["sample"] = self._sample(whole, rows)
        seen["rows"] = pl.concat(part.select("query", "doc", "verdict") for part in whole)
        seen["values"] = np.concatenate([table(part, self.known) for part in whole])
        seen["fold"] = self.fold[seen["rows"]["query"].to_numpy()]
        seen["directions"] = [feature.direction for feature in self.held]
        return evidence.EvidenceFitted(self.known, self.fold)

    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(evidence.EvidenceEstimation, "fit", look),
    ):
        neg.mine(left, Path(folder) / "run", recipe="default", seed=seed)
    rows = left.ids_of(seen["rows"])
    truth = rows.join(
        hidden.with_columns(hidden=pl.lit(True)),
        on=["query_id", "doc_id"],
        how="left",
        maintain_order="left",
    )
    return Pairs(
        seen["sample"],
        seen["directions"],
        seen["values"],
        seen["fold"],
        rows["verdict"].is_null().to_numpy(),
        truth["hidden"].fill_null(False).to_numpy(),
    )


def figures(pairs: Pairs, fit: Callable[[Floats, Bools, list[int]], Model]) -> dict[str, float]:
    """How good p_relevant is by a model, cross-fitted by query, and what it took."""
    sample, began = pairs.sample, time.process_time()
    logits, every = np.zeros(len(sample.fold)), np.zeros(len(pairs.fold))
    with threadpool_limits(limits=1):
        for part in np.unique(pairs.fold):
            others = sample.fold != part
            model = fit(sample.values[others], sample.labelled[others], pairs.directions)
            for found, values, fold in (
                (logits, sample.values, sample.fold),
                (every, pairs.values, pairs.fold),
            ):
                if (fold == part).any():
                    found[fold == part] = model.logits(values[fold == part])
    spent = time.process_time() - began
    one_each = float(sample.labelled.sum()) < evidence.ONE_EACH * sample.queries
    rate = fit_label_rate(logits, sample.labelled, sample.weights, 0.0, one_each)
    p, hidden = rate.relevant(every)[pairs.eligible], pairs.hidden[pairs.eligible]
    return _quality(p, hidden) | {
        "mean p / base": float(p.mean() / hidden.mean()),
        "label rate": rate.rate,
        "CPU seconds": spent,
    }


def _rows() -> Iterator[str]:
    fits = dict(zip(MODELS, (trees, curves), strict=True))
    for setting in HIDDEN:
        for name in COLLECTIONS:
            found: dict[str, list[dict[str, float]]] = {model: [] for model in MODELS}
            for seed in range(HIDINGS):
                pairs = gathered(name, setting, seed)
                if int(pairs.sample.labelled.sum()) >= evidence.FEWEST_LABELS:
                    for model, fit in fits.items():
                        found[model].append(figures(pairs, fit))
            cells = [
                " / ".join(
                    f"{np.mean([each[figure] for each in found[model]]):.{digits}f}"
                    if found[model]
                    else "no estimate"
                    for model in MODELS
                )
                for figure, digits in FIGURES.items()
            ]
            yield f"| {SETTINGS[setting]} | {name} | {' | '.join(cells)} |"


def main() -> None:
    """Compare on every hiding, and write the page."""
    lines = [
        f"Means over {HIDINGS} hidings; in each cell {' / '.join(MODELS)}. CPU seconds are of "
        "fitting five parts and of asking about every candidate once.",
        "",
        f"| setting | collection | {' | '.join(FIGURES)} |",
        "|---|---|" + "---|" * len(FIGURES),
        *_rows(),
    ]
    write_page("estimator", "Two models of which pairs are labelled", __doc__, lines)
