"""What else could have been picked from a run's ledger: hardness against the false share.

The frontier is traced by the price of the picker `risk-limited`: at each price the worthiest pairs
of every query (hardness - price x p_relevant) are picked, and what comes of it is added up block by
block, so that one pass in little memory is enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.chance import id_hashes, stream_key, uniforms
from negatives.measure.estimate import rounded, share
from negatives.pick.trial import Trial
from negatives.schema import KEPT, POSITIVE
from negatives.store.run import Run

PAIRS: Final = 200_000
"""Pairs of the ledger that are tried, about: whole queries, drawn by hash where there are more."""
PRICES: Final = (0.0, *(float(price) for price in np.geomspace(0.2, 2_000.0, 17).round(3)))
LADDER: Final = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares that a step goes to: what a person would ask for."""
_LEAST: Final = 0.02  # of hardness: a step that changes less is none
_COLUMNS: Final = (
    "query_id", "doc_id", "sources", "verdict", "hardness", "p_relevant", "position",
)  # fmt: skip
_SUMS: Final = ("picked", "hardness", "p", "leaks")


@dataclass
class Frontier:
    """A frontier in the making.

    `sums`: float64[prices + 1, 4] of what is picked at each price, and, last, of the hardest of
    all. `by_leaks`: whether known positives that are put back count too, as for the picker.
    """

    per_query: int
    max_p: float
    by_leaks: bool
    pairs: int
    sums: NDArray[np.float64] = field(
        default_factory=lambda: np.zeros((len(PRICES) + 1, len(_SUMS)))
    )
    known: int = 0
    unlabelled: float = 0.0
    queries: int = 0
    drawn: int = 0
    chosen: int = 0
    chosen_hardness: float = 0.0

    @staticmethod
    def begun(run: Run) -> Frontier:
        """Nothing added yet."""
        pick = run.recipe.pick
        return Frontier(
            pick.per_query,
            float(pick.settings().get("max_p", 0.5)),
            run.manifest.notes.basis in ("labels", "recipe"),
            run.manifest.counts.candidates,
        )

    def add(self, part: pl.DataFrame) -> None:
        """Some whole queries of the ledger."""
        queries = part["query_id"].rle().struct.field("value")
        draw = uniforms(id_hashes(queries), stream_key(0, "report/frontier"))
        drawn = queries.filter(pl.Series(draw * self.pairs < PAIRS))
        self.queries += len(queries)
        self.drawn += len(drawn)
        kept = pl.col("verdict").is_in(KEPT)
        proposed = (pl.col("verdict") == POSITIVE) & (pl.col("sources").list.len() > 0)
        rows = (
            part.lazy()
            .select(*_COLUMNS)
            .filter(kept | proposed, pl.col("query_id").is_in(drawn.implode()))
            .drop("sources")
            .filter(pl.col("hardness").is_not_null())
            .collect()
        )
        chosen = rows.filter(pl.col("position").is_not_null())["hardness"].cast(pl.Float64)
        self.chosen += len(chosen)
        self.chosen_hardness += float(chosen.sum())
        if rows.is_empty() or rows["p_relevant"].null_count() == len(rows):
            return
        trial = Trial.of(rows, self.per_query, self.max_p)
        self.known += int(trial.known.sum())
        self.unlabelled += trial.false
        careless = replace(trial, may=np.ones_like(trial.may))
        for row, (price, each) in enumerate(
            [*((price, trial) for price in PRICES), (0.0, careless)]
        ):
            at = each.at(price)
            number = at["picked"]
            self.sums[row] += (
                number,
                number * (at["hardness"] or 0.0),
                number * at["expected"],
                at["of them picked if unlabelled"],
            )

    @property
    def points(self) -> list[dict[str, float]]:
        """price, picked, coverage, hardness and false_share, from the hardest to the easiest."""
        rows = zip(PRICES, self.sums[:-1].tolist(), strict=True)
        return [{"price": price, **self._point(*sums)} for price, sums in rows if sums[0]]

    @property
    def own_hardness(self) -> float:
        """Mean hardness of the negatives that the run has."""
        return rounded(self.chosen_hardness / max(self.chosen, 1)) or 0.0

    @property
    def careless(self) -> dict[str, float] | None:
        """The same of the hardest of all, however probably relevant; None where none is picked."""
        sums = self.sums[-1].tolist()
        return self._point(*sums) if sums[0] else None

    def _point(self, picked: float, hardness: float, p: float, leaks: float) -> dict[str, float]:
        false = p / picked
        if self.by_leaks and leaks:
            rate = (leaks + 1) / (self.known + 1)
            false = max(false, min(1.0, rate * self.unlabelled / picked))
        return {
            "picked": int(picked),
            "coverage": share(picked, self.drawn * self.per_query) or 0.0,
            "hardness": rounded(hardness / picked) or 0.0,
            "false_share": rounded(false) or 0.0,
        }


def stepped(
    points: Sequence[Mapping[str, float]], asked: float, own: Mapping[str, float]
) -> dict[str, dict[str, float] | None]:
    """What one step to either side of a run's `own` point (hardness, false_share) would give.

    `easier`: the next share of `LADDER` below both what was asked and what is expected; `harder`:
    the next above both. Shares that change nothing are passed over; None where all do.
    """
    lower = [each for each in LADDER if each < min(asked, own["false_share"])]
    higher = [each for each in LADDER if each > max(asked, own["false_share"])]
    easier = [at_share(points, each) for each in reversed(lower)]
    harder = [at_share(points, each) for each in higher]
    return {
        "easier": next(
            (each for each in easier if each and each["hardness"] < own["hardness"] - _LEAST), None
        ),
        "harder": next(
            (each for each in harder if each and each["hardness"] > own["hardness"] + _LEAST), None
        ),
    }


def at_share(points: Sequence[Mapping[str, float]], share: float) -> dict[str, float] | None:
    """What is expected where at most `share` is asked for: between two points of a frontier.

    None where not even the easiest point has so few false ones.
    """
    for place, point in enumerate(points):
        if point["false_share"] > share:
            continue
        found = {key: point[key] for key in ("hardness", "false_share", "coverage")}
        before = points[place - 1] if place else None
        if before is not None and before["false_share"] > point["false_share"]:
            part = (share - point["false_share"]) / (before["false_share"] - point["false_share"])
            found = {key: value + part * (before[key] - value) for key, value in found.items()}
        return {"max_false": share, **{key: rounded(value) or 0.0 for key, value in found.items()}}
    return None
