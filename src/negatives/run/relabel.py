"""Relabelling: candidates that are positives nobody has labelled, taken for positives.

A candidate whose p_relevant is high is no negative, and dropping it wastes what was found (Thakur
et al., 2025, move such documents to the positives; there a language model says which). Here the
run's own p_relevant says which, and how many: as many as the promised precision allows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Doubles
from negatives.engine import Mapper
from negatives.errors import InputError
from negatives.machine import MODEST
from negatives.recipe import Recipe
from negatives.run.account import Account
from negatives.run.inputs import collection_of, data_of
from negatives.run.opened import COLLECTION, Opened, RunPlan
from negatives.run.parts import Part, over_parts, read_frame, write_frame
from negatives.schema import (
    DUPLICATE,
    ELIGIBLE,
    JUDGED_NEGATIVE,
    KEPT,
    REJECTED,
    Collection,
    Columns,
)
from negatives.stage import Judge, build
from negatives.store import facts
from negatives.store.atomic import make_folder
from negatives.store.manifest import Manifest
from negatives.store.run import WORK, Run
from negatives.store.scratch import scratch_folder

PAIR: Final = ["query_id", "doc_id"]
ABOVE: Final = 0.5
"""A pair that is more probably not relevant is no positive, whatever the others' mean allows."""

RELABELLED: Final[Columns] = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "relevance": pl.Int32,
    "p_relevant": pl.Float32,
    "kind": pl.String,
    "sources": pl.List(pl.String),
    "score": pl.Float32,
    "hardness": pl.Float32,
    "reason": pl.String,
}
"""The columns of relabelled.parquet; the rank in each source, NAME_rank, comes after them.

`kind`: `estimate`, a new positive, or `copy`, the text of a known or of a new one once more.
"""

ESTIMATE: Final = "estimate"
COPY: Final = "copy"

NEW: Final = "new-{:05d}.parquet"
LEFT: Final = "part-{:05d}.parquet"
"""In the scratch folder: what is relabelled of a part, and what is left of it."""

RULE: Final = "relabelled"
"""The rule by which a candidate that is a positive now is none of the negatives."""
_STEPS: Final = 1 << 16
"""The threshold is a multiple of 1 / 65,536, so that no pass has to hold every p_relevant."""


@dataclass(frozen=True)
class PrecisionRule:
    """Which candidates become positives: `precision` is the least mean p_relevant of them all."""

    precision: float
    above: float = ABOVE
    most_per_query: int | None = None

    def __post_init__(self) -> None:
        for name in ("precision", "above"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(
                    f"{name} is {getattr(self, name)}", fix="a probability, such as 0.9"
                )
        if self.most_per_query is not None and self.most_per_query < 1:
            raise InputError(f"most_per_query is {self.most_per_query}", fix="at least 1, or None")

    def candidates(self, part: pl.DataFrame, no_answer: frozenset[str]) -> pl.DataFrame:
        """The rows of a ledger part that could become positives, were they sure enough.

        Neither judged, nor a copy of a positive, nor rejected by one of the rules `no_answer`.
        """
        rows = part.filter(
            pl.col("verdict").is_in([ELIGIBLE, REJECTED]),
            pl.col("p_relevant") >= self.above,
            ~pl.col("rule").is_in(no_answer),
        )
        if self.most_per_query is None:
            return rows
        best = rows.sort(
            "query_id", "p_relevant", "doc_id", descending=[False, True, False]
        ).filter(pl.int_range(pl.len()).over("query_id") < self.most_per_query)
        return rows.join(best, on=PAIR, how="semi", maintain_order="left")


@dataclass(frozen=True)
class RelabelledCounts:
    """What was relabelled, and what is expected of it."""

    pairs: int
    copies: int
    threshold: float | None
    expected: float | None
    known: bool

    def facts(self, asked: float) -> facts.Relabelled:
        """For the manifest."""
        return facts.Relabelled(
            asked=asked,
            pairs=self.pairs,
            copies=self.copies,
            threshold=self.threshold,
            expected=None if self.expected is None else round(self.expected, 4),
        )


def relabelled(
    run: Run, precision: float = 0.9, *, above: float = ABOVE, most_per_query: int | None = None
) -> pl.DataFrame:
    """The candidates of a run that would become positives, in query order; changes nothing.

    As many, the surest first, as have a mean p_relevant of at least `precision`; none below
    `above`; of each query at most `most_per_query`. Columns: see `RELABELLED`. A judged negative,
    or a copy of its text, is never among them. `run.relabel` also takes them from the negatives.
    """
    rule = PrecisionRule(precision, above, most_per_query)
    with scratch_folder() as scratch:
        work = Relabelling.of(run.manifest, rule, run.recipe, collection_of(run), scratch)
        threshold, _ = lowest(map(work.how_sure, enumerate(run.parts)), precision)
        return pl.concat(work.relabelled(read_frame(path), threshold) for path in run.parts)


@dataclass(frozen=True)
class Relabelled:
    """What was relabelled, part by part, and the ledger's parts as a picker shall see them."""

    frames: list[Path]
    left: list[Path]
    found: RelabelledCounts


def relabel_parts(
    account: Account, engine: Mapper, recipe: Recipe, parts: Sequence[Path], collection: Collection
) -> Relabelled:
    """Relabel into the run's scratch folder, for no file of the run changes before all is well.

    Two passes: how sure the pairs of each part are, of which one threshold is made, and what is
    relabelled of each part by that threshold.
    """
    folder = (account.run / WORK / "relabelled").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    rule = PrecisionRule(recipe.relabel)
    lent = (account.run / COLLECTION).absolute()
    work = Relabelling.of(account.manifest, rule, recipe, collection, folder, lent)
    sure = over_parts(account, engine, work.how_sure, parts, do="find a threshold in")
    threshold, known = lowest(sure, rule.precision)
    one = partial(work.relabel, threshold, folder)
    pairs, copies, total = 0, 0, 0.0
    for new, same, p in over_parts(account, engine, one, parts, do="relabel", stage="relabel"):
        pairs, copies, total = pairs + new, copies + same, total + p
    expected = total / pairs if pairs else None
    return Relabelled(
        [folder / NEW.format(number) for number in range(len(parts))],
        [folder / LEFT.format(number) for number in range(len(parts))],
        RelabelledCounts(pairs, copies, threshold, expected, known),
    )


HowSure = tuple[NDArray[np.int64], Doubles, bool]
"""Pairs that could become positives: int64[65537], how many, and float64[65537], the sum of their
p_relevant, from each multiple of 1 / 65,536 to the next; and whether any p_relevant is known."""


def lowest(parts: Iterable[HowSure], precision: float) -> tuple[float | None, bool]:
    """The lowest p_relevant whose pairs and all above have the asked mean; if any p is known.

    None where no pair is sure enough.
    """
    counts, sums, known = np.zeros(_STEPS + 1, np.int64), np.zeros(_STEPS + 1), False
    for more, adding, there in parts:
        counts += more
        sums += adding
        known = known or there
    so_many, in_all = np.cumsum(counts[::-1])[::-1], np.cumsum(sums[::-1])[::-1]
    sure = (counts > 0) & (in_all >= precision * so_many)
    return (float(np.argmax(sure)) / _STEPS if sure.any() else None), known


@dataclass(frozen=True)
class Relabelling:
    """How a ledger is relabelled; `opened` has a `known` judge, which says what is a copy.

    `how_sure` and `relabel` are passes.
    """

    rule: PrecisionRule
    opened: Opened
    reference: str

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        rule: PrecisionRule,
        recipe: Recipe,
        collection: Collection,
        scratch: Path,
        lent: Path = Path(),
    ) -> Relabelling:
        """Of a run's ledger; in `lent` the collection lies for other processes."""
        recipe = replace(recipe, judge=(cast("Judge", build("judge", {"kind": "known"})),))
        plan = RunPlan(scratch, recipe, MODEST, lent, data_of(manifest))
        return cls(rule, Opened(plan, collection, MODEST), manifest.facts.reference)

    @property
    def judge(self) -> Judge:
        """Whose rules say what has the same text as a positive, and what is no answer."""
        return self.opened.recipe.judge[0]

    def how_sure(self, part: Part) -> HowSure:
        """How sure the pairs of a part are that could become positives."""
        rows = read_frame(part[1])
        p = self._unjudged(rows, self.rule.candidates(rows, self.judge.no_answer))["p_relevant"]
        values = p.cast(pl.Float64).to_numpy()
        places = np.floor(values * _STEPS).astype(np.int64)
        counts = np.bincount(places, minlength=_STEPS + 1)
        sums = np.bincount(places, weights=values, minlength=_STEPS + 1).astype(np.float64)
        return counts, sums, rows["p_relevant"].null_count() < len(rows)

    def relabel(self, threshold: float | None, folder: Path, part: Part) -> tuple[int, int, float]:
        """Write what is relabelled of a part, and the part with that rejected.

        New positives, copies, and the sum of the new ones' p_relevant.
        """
        number, path = part
        rows = read_frame(path)
        frame = self.relabelled(rows, threshold)
        write_frame(folder / NEW.format(number), frame)
        write_frame(folder / LEFT.format(number), _without(rows, frame))
        new = frame.filter(pl.col("kind") == ESTIMATE)
        total = float(new["p_relevant"].cast(pl.Float64).sum())
        return len(new), len(frame) - len(new), total

    def relabelled(self, part: pl.DataFrame, threshold: float | None) -> pl.DataFrame:
        """What is relabelled of a part, and the copies of positives: see `RELABELLED`."""
        new = self.rule.candidates(part, self.judge.no_answer)
        new = new.filter(pl.col("p_relevant") >= threshold) if threshold is not None else new[:0]
        new = self._unjudged(part, new)
        copied = pl.col("rule").is_in(self.judge.same_text)
        known = part.filter((pl.col("verdict") == DUPLICATE) & copied)
        why = pl.format("p_relevant {}", pl.col("p_relevant").round(3))
        why = (
            pl.when(pl.col("reason") == "")
            .then(why)
            .otherwise(pl.format("{}; {}", why, pl.col("reason")))
        )
        return pl.concat(
            [
                self._rows(new, ESTIMATE, why),
                self._rows(self._copies(part, new), COPY, pl.col("reason")),
                self._rows(
                    known.with_columns(p_relevant=pl.lit(1.0, pl.Float32)), COPY, pl.col("reason")
                ),
            ]
        ).sort(PAIR)

    def _rows(self, rows: pl.DataFrame, kind: str, reason: pl.Expr) -> pl.DataFrame:
        score = pl.col(f"{self.reference}_score") if self.reference else pl.lit(None)
        ranks = [name for name in rows.columns if name.endswith("_rank")]
        made = rows.with_columns(relevance=1, kind=pl.lit(kind), score=score, reason=reason)
        return made.select(*(pl.col(name).cast(kind) for name, kind in RELABELLED.items()), *ranks)

    def _unjudged(self, part: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
        """Without the texts that were judged not relevant to the same query."""
        judged = part.filter(pl.col("verdict") == JUDGED_NEGATIVE)
        return new.join(self._same(judged, new), on=PAIR, how="anti", maintain_order="left")

    def _copies(self, part: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
        """Other candidates with the text of a new positive."""
        others = part.filter(pl.col("verdict").is_in([ELIGIBLE, REJECTED]))
        return self._same(new, others.join(new, on=PAIR, how="anti", maintain_order="left"))

    def _same(self, these: pl.DataFrame, among: pl.DataFrame) -> pl.DataFrame:
        """The rows of `among` that have the text of one of `these`, with that as the reason."""
        among = among.join(these, on="query_id", how="semi", maintain_order="left")
        these = these.join(among, on="query_id", how="semi", maintain_order="left")
        one, none = pl.lit(1, pl.Int32), pl.lit(None, pl.Int32)
        pairs = pl.concat([these.select(*PAIR, relevance=one), among.select(*PAIR, relevance=none)])
        collection = self.opened.collection
        queries, corpus = collection.queries["query_id"], collection.corpus["doc_id"]
        opinion = self.opened.judge(0)[1].judge(
            pairs.select(
                query=queries.search_sorted(pairs["query_id"]).cast(pl.UInt32),
                doc=corpus.search_sorted(pairs["doc_id"]).cast(pl.UInt32),
                relevance="relevance",
            )
        )[len(these) :]
        copies = opinion["verdict"].fill_null("") == DUPLICATE
        return among.with_columns(opinion["reason"]).filter(copies)


def _without(part: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """The part as a picker shall see it: what is relabelled is not to be chosen."""
    why = pl.format("relabelled: {}", "_why")
    taken = (pl.col("_why").is_not_null()) & pl.col("verdict").is_in(KEPT)
    return (
        part.join(frame.select(*PAIR, _why="reason"), on=PAIR, how="left", maintain_order="left")
        .with_columns(
            verdict=pl.when(taken).then(pl.lit(REJECTED)).otherwise("verdict"),
            rule=pl.when(taken).then(pl.lit(RULE)).otherwise("rule"),
            reason=pl.when(taken).then(why).otherwise("reason"),
        )
        .drop("_why")
    )
