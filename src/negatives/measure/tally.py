"""What a certificate needs of a ledger, in one pass: sums, and p of the known positives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Doubles
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.estimation import ENDS
from negatives.measure.leaks import counted, leaks, picker_of
from negatives.run.picked import parts_with_picks
from negatives.schema import DUPLICATE, ELIGIBLE, JUDGED_NEGATIVE, PAIR, POSITIVE, REJECTED
from negatives.stage import Picker
from negatives.stats.bounds import Clusters
from negatives.store.ledger import among
from negatives.store.run import RELABELLED_FILE, Run

GROUPS: Final = 2_000
"""A bootstrap draws queries, or, where there are more than this, so many groups of them."""

_COLUMNS: Final = (*PAIR, "sources", "verdict", "hardness", "p_relevant")


@dataclass
class Tally:
    """Counts over a run's ledger, part by part.

    `p_sum` and `p_count` are over the negatives, float64[GROUPS] of queries; a pair that was judged
    not relevant has a p of 0. `over`: sums over the negatives of p at the ends and in the middle of
    what is credible of the label rate, by the ledger's column; none where it has none. `unlabelled`
    is the sum of p over the eligible pairs. `p_known` and
    `half` are the p of the proposed known positives, and which half of the queries they are in.
    `gone`: pairs that were relabelled, which are no candidates any more. `ends`: the columns of
    `over` that the ledger has.
    """

    picker: Picker
    seed: int
    few: bool
    ends: tuple[str, ...] = ()
    gone: pl.DataFrame | None = None
    queries: int = 0
    negatives: int = 0
    unestimated: int = 0
    unlabelled: float = 0.0
    set_aside: int = 0
    known: int = 0
    leaking: Clusters = field(default_factory=Clusters)
    p_sum: Doubles = field(default_factory=lambda: np.zeros(GROUPS))
    p_count: Doubles = field(default_factory=lambda: np.zeros(GROUPS))
    over: dict[str, float] = field(default_factory=dict)
    _p_known: list[Doubles] = field(default_factory=list)
    _half: list[NDArray[np.bool_]] = field(default_factory=list)

    @staticmethod
    def of(run: Run) -> Tally:
        """Everything counted."""
        made = Tally.begun(run)
        for part in parts_with_picks(run, made.columns):
            made.add(made.candidates(part))
            del part  # before the next one is read
        return made

    @staticmethod
    def begun(run: Run) -> Tally:
        """Nothing counted yet."""
        few = run.manifest.counts.queries <= GROUPS
        there = run.candidates().collect_schema().names()
        gone = run.relabelled.select(PAIR) if RELABELLED_FILE in run.manifest.files else None
        ends = tuple(name for name in ENDS if name in there)
        return Tally(picker_of(run), run.recipe.seed, few, ends, gone)

    @property
    def columns(self) -> list[str] | None:
        """What it looks at of the ledger; None: anything, for a picker may."""
        if self.picker.reads is None:
            return None
        return list(dict.fromkeys([*_COLUMNS, *self.ends, *self.picker.reads]))

    def candidates(self, part: pl.DataFrame) -> pl.DataFrame:
        """A part without the pairs that were relabelled, which are no candidates any more."""
        if self.gone is None:
            return part
        away = among(part.select(PAIR), self.gone)["row"]
        return part.filter(~pl.int_range(pl.len()).is_in(away.implode()))

    def add(self, part: pl.DataFrame) -> None:
        """Some whole queries of the ledger, with `position`: the `candidates` of it."""
        self._negatives(part)
        self.leaking += counted(leaks(self.picker, part, self.seed))
        verdict, p = pl.col("verdict"), pl.col("p_relevant").cast(pl.Float64)
        unlabelled, set_aside = part.select(
            unlabelled=p.filter(verdict == ELIGIBLE).sum(),
            set_aside=verdict.is_in([DUPLICATE, REJECTED]).sum(),
        ).row(0)
        self.unlabelled += unlabelled
        self.set_aside += set_aside
        positives = part.filter(verdict == POSITIVE)
        known = positives.filter(pl.col("sources").list.len() > 0)
        self.known += len(known)
        known = known.filter(pl.col("p_relevant").is_not_null())
        self._p_known.append(known["p_relevant"].cast(pl.Float64).to_numpy())
        self._half.append(self._draw(known, "audit/half") < 0.5)

    def p_known(self, half: int) -> Doubles:
        """float64[n]: p of the proposed known positives of one half (0 or 1) of the queries."""
        everything = np.concatenate([np.empty(0), *self._p_known])
        chosen = np.concatenate([np.empty(0, bool), *self._half])
        found: Doubles = everything[chosen == (half == 0)]
        return found

    def _negatives(self, part: pl.DataFrame) -> None:
        judged = pl.col("verdict") == JUDGED_NEGATIVE
        ends = [name for name in ENDS if name in part.columns]
        number = part["query_id"].rle_id().cast(pl.Int64)
        first, self.queries = self.queries, self.queries + part["query_id"].n_unique()
        picked = (
            part.lazy()
            .select(pl.col("query_id", "position", "verdict", "p_relevant", *ends), row=number)
            .filter(pl.col("position").is_not_null())
            .with_columns(
                p=pl.when(judged).then(0.0).otherwise(pl.col("p_relevant").cast(pl.Float64)),
                **{name: pl.when(~judged).then(name).cast(pl.Float64) for name in ends},
            )
            .collect()
        )
        self.negatives += len(picked)
        self.unestimated += picked["p"].null_count()
        picked = picked.filter(pl.col("p").is_not_null())
        if self.few:
            group = picked["row"].to_numpy() + first
        else:
            group = (self._draw(picked, "audit/groups") * GROUPS).astype(np.int64)
        self.p_sum += np.bincount(group, picked["p"].to_numpy(), GROUPS)
        self.p_count += np.bincount(group, minlength=GROUPS)
        for name in ends:
            self.over[name] = self.over.get(name, 0.0) + float(picked[name].sum())

    def _draw(self, rows: pl.DataFrame, stream: str) -> Doubles:
        return uniforms(id_hashes(rows["query_id"]), stream_key(self.seed, stream))
