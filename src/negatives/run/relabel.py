"""Relabelling: candidates that are positives nobody has labelled, taken for positives.

A candidate whose p_relevant is high is no negative, and dropping it wastes what was found (Thakur
et al., 2025, move such documents to the positives; there a language model says which). Here the
run's own p_relevant says which, and how many: as many as the promised precision allows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import polars as pl

from negatives.errors import InputError
from negatives.opening import JudgeContext, Ruling
from negatives.run.inputs import collection_of
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
from negatives.store.facts import Relabelled
from negatives.store.run import Run

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

    def facts(self, asked: float) -> Relabelled:
        """For the manifest."""
        return Relabelled(
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
    with tempfile.TemporaryDirectory() as scratch:
        work = Relabelling(
            PrecisionRule(precision, above, most_per_query),
            collection_of(run),
            run.manifest.facts.reference,
            Path(scratch),
        )
        return pl.concat(frame for frame, _ in work.over(run.parts))


class Relabelling:
    """One relabelling of a ledger; `found` says, after `over`, what came of it."""

    def __init__(
        self, rule: PrecisionRule, collection: Collection, reference: str, scratch: Path
    ) -> None:
        self.rule = rule
        self.collection = collection
        self.reference = reference
        self.judge = cast("Judge", build("judge", {"kind": "known"}))
        self.known: Ruling = self.judge.open(JudgeContext(collection=collection, scratch=scratch))
        self.found = RelabelledCounts(0, 0, None, None, known=False)

    def over(self, parts: Sequence[Path]) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """For each part: what is relabelled, and the part with that rejected."""
        threshold, known = self._lowest(pl.read_parquet(path, glob=False) for path in parts)
        pairs, copies, total = 0, 0, 0.0
        for path in parts:
            part = pl.read_parquet(path, glob=False)
            frame = self._relabelled(part, threshold)
            new = frame.filter(pl.col("kind") == ESTIMATE)
            pairs, copies = pairs + len(new), copies + len(frame) - len(new)
            total += float(new["p_relevant"].cast(pl.Float64).sum())
            yield frame, _without(part, frame)
        self.found = RelabelledCounts(
            pairs, copies, threshold, total / pairs if pairs else None, known
        )

    def _lowest(self, parts: Iterable[pl.DataFrame]) -> tuple[float | None, bool]:
        """The lowest p_relevant whose pairs and all above have the asked mean; if any p is known.

        None where no pair is sure enough.
        """
        counts, sums = np.zeros(_STEPS + 1, np.int64), np.zeros(_STEPS + 1)
        known = False
        for part in parts:
            known = known or part["p_relevant"].null_count() < len(part)
            p = self._unjudged(part, self.rule.candidates(part, self.judge.no_answer))["p_relevant"]
            values = p.cast(pl.Float64).to_numpy()
            places = np.floor(values * _STEPS).astype(np.int64)
            counts += np.bincount(places, minlength=_STEPS + 1)
            sums += np.bincount(places, weights=values, minlength=_STEPS + 1)
        so_many, in_all = np.cumsum(counts[::-1])[::-1], np.cumsum(sums[::-1])[::-1]
        sure = (counts > 0) & (in_all >= self.rule.precision * so_many)
        return (float(np.argmax(sure)) / _STEPS if sure.any() else None), known

    def _relabelled(self, part: pl.DataFrame, threshold: float | None) -> pl.DataFrame:
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
        queries, corpus = self.collection.queries["query_id"], self.collection.corpus["doc_id"]
        opinion = self.known.judge(
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
