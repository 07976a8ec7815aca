"""An ensemble of weak judges: their columns vote, and how they agree says what a vote is worth.

Learned without labels. `evidence` is the estimator that learns from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import polars as pl
from msgspec import Meta
from numpy.typing import NDArray

from negatives.arrays import Doubles, Places
from negatives.errors import RecipeError
from negatives.estimate.features import check_numeric
from negatives.estimate.weak_labels import (
    Reliability,
    balanced,
    dawid_skene,
    independent,
    posterior,
    triplet,
)
from negatives.estimation import estimated
from negatives.events import Noted, Warned
from negatives.opening import EstimateContext
from negatives.stage import Estimator

_ABSTAIN = 2
"""Digit of an abstention in a row's votes read as a number of base 3."""
_MOST = 39  # digits that fit in 64 bits


class Ensemble(Estimator, kind="ensemble"):
    """p_relevant from the votes of ledger columns, weighed by their agreement, without labels.

    Saad-Falcon et al. (2025), Weaver, over the label models of Dawid and Skene (1979) and Fu et al.
    (2020, FlyingSquid). A column votes for relevant from a threshold on (`votes`), or in the
    highest share `prior` of the query's pairs (`top`); it abstains where it is null or not a
    number. Judges that always say the same are left out, and so are copies of others. Without
    labels, `prior` is believed: give it from a sample that was looked at. `triplet` holds for
    classes of about equal size only. Columns must not have been made from the pair's own label;
    where labels shall be learned from, `evidence` does it.

    >>> from negatives import Ensemble, tiny
    >>> votes = ["bm25_score", "dense_score", "-dense_rank"]
    >>> tiny.estimated(Ensemble(top=votes, prior=0.3))["wings"]
    {'again': 0.79, 'albatross': 0.0, 'museum': 0.0, 'plane': 0.0, 'stall': 0.0}
    """

    votes: Annotated[
        dict[str, float], Meta(description="ledger column -> value from which it votes relevant")
    ] = {}
    top: Annotated[
        list[str],
        Meta(
            description="columns whose highest share `prior` in a query votes relevant; with a "
            "leading - the lowest, as for ranks"
        ),
    ] = []
    prior: Annotated[
        float, Meta(gt=0, lt=1, description="share of all pairs that are relevant")
    ] = 0.1
    model: Annotated[
        Literal["dawid-skene", "triplet"], Meta(description="how reliabilities are found")
    ] = "dawid-skene"
    dependent: Annotated[
        float,
        Meta(
            gt=0, le=1, description="correlation of two columns' votes from which one is left out"
        ),
    ] = 0.9

    def check(self) -> None:
        """Three judges are the fewest whose agreement says which one errs."""
        columns = self.columns
        if len(columns) < 3 or len(columns) > _MOST or len(set(columns)) < len(columns):
            raise RecipeError(
                f"ensemble: {len(columns)} columns vote ({len(set(columns))} different)",
                fix=f"name 3 to {_MOST} different ones in `votes` and `top`",
            )

    @property
    def columns(self) -> list[str]:
        """The columns that vote."""
        return [*self.votes, *(name.removeprefix("-") for name in self.top)]

    def open(self, context: EstimateContext) -> EnsembleEstimation:
        """Nothing to build."""
        return EnsembleEstimation(self, context)


@dataclass(frozen=True)
class EnsembleEstimation:
    """The votes of one run."""

    stage: Ensemble
    context: EstimateContext

    def prepare(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`ensemble_COLUMN`: each column's vote, 1, 0 or null."""
        check_numeric(rows, self.stage.columns, self.stage.kind)
        fixed = [
            (_number(name) >= limit).alias(_vote(name)) for name, limit in self.stage.votes.items()
        ]
        shares = [
            _highest(name, self.stage.prior).alias(_vote(name.removeprefix("-")))
            for name in self.stage.top
        ]
        return rows.select(each.cast(pl.Int8) for each in (*fixed, *shares))

    def fit(self, parts: Iterable[pl.DataFrame], rows: int) -> EnsembleFitted:
        """Count how often each row of votes occurs, and find the reliabilities."""
        votes, counts = self._counted(parts)
        prior, names = self.stage.prior, self.stage.columns
        in_keeping = balanced(votes, counts, prior)
        unlike = independent(votes[:, in_keeping], counts, self.stage.dependent)
        kept = [in_keeping[place] for place in unlike]
        left_out = [name for place, name in enumerate(names) if place not in kept]
        if len(kept) < 3:
            self.context.emit(
                Warned(
                    f"ensemble: {len(kept)} of {len(names)} columns can be used, and it takes "
                    f"3; p_relevant is null (left out: {', '.join(left_out)})"
                )
            )
            return EnsembleFitted(self.stage)
        fit = votes[:, kept]
        dawid = self.stage.model == "dawid-skene"
        found = dawid_skene(fit, counts, prior) if dawid else triplet(fit, counts)
        rates = zip(kept, found.tpr, found.tnr, strict=True)
        judges: Mapping[str, dict[str, float]] = {
            names[place]: {"tpr": round(float(tpr), 4), "tnr": round(float(tnr), 4)}
            for place, tpr, tnr in rates
        }
        self.context.emit(
            Noted("ensemble", {"judges": judges, "left_out": left_out, "prior": prior})
        )

        return EnsembleFitted(self.stage, tuple(kept), found)

    def _counted(self, parts: Iterable[pl.DataFrame]) -> tuple[Doubles, Places]:
        """The different rows of votes, in order, and how often each occurs."""
        powers = 3 ** np.arange(len(self.stage.columns), dtype=np.int64)
        tally: dict[int, int] = {}
        for part in parts:
            digits = np.nan_to_num(_votes(self.stage, part), nan=_ABSTAIN).astype(np.int64)
            keys, counts = np.unique((digits * powers).sum(axis=1), return_counts=True)
            for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
                tally[key] = tally.get(key, 0) + count
        found: NDArray[np.int64] = np.array(sorted(tally), np.int64)
        digits = found[:, None] // powers % 3
        votes = np.where(digits == _ABSTAIN, np.nan, digits.astype(np.float64))
        return votes, np.array([tally[key] for key in found.tolist()], np.int64)


@dataclass(frozen=True)
class EnsembleFitted:
    """The judges kept (places among the columns) and their reliabilities; None: nothing learned."""

    stage: Ensemble
    kept: tuple[int, ...] = ()
    found: Reliability | None = None

    def estimate(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Probability given the votes; null where no judge that is kept votes."""
        if self.found is None:
            return estimated(np.full(len(rows), np.nan))
        votes = _votes(self.stage, rows)[:, list(self.kept)]
        p = posterior(votes, self.found, self.stage.prior)
        silent = np.isnan(votes).all(axis=1)
        return estimated(np.where(silent, np.nan, p))


def _votes(stage: Ensemble, rows: pl.DataFrame) -> Doubles:
    """float64[n, m]."""
    columns = [rows[_vote(name)].cast(pl.Float64).to_numpy() for name in stage.columns]
    return np.column_stack(columns)


def _vote(name: str) -> str:
    return f"ensemble_{name}"


def _number(name: str) -> pl.Expr:
    """A column's finite values as float64, null elsewhere."""
    value = pl.col(name).cast(pl.Float64)
    return pl.when(value.is_finite()).then(value)


def _highest(name: str, share: float) -> pl.Expr:
    """Whether a value is among the highest share of its query; equal ones only if all of them."""
    value = _number(name.removeprefix("-"))
    value = -value if name.startswith("-") else value
    place = value.rank("max", descending=True).over("query")
    return place <= (value.count().over("query") * share).ceil()
