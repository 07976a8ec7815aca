"""audit(): how many of a run's negatives are false, where those come from, and how hubs go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from negatives.card import Card, Showing
from negatives.errors import InputError
from negatives.measure.audit_card import audit_card
from negatives.measure.certificate import CONFIDENCE, Certificate, certificate
from negatives.measure.estimate import rounded, share
from negatives.measure.hubness import hubness
from negatives.measure.recovered import recovered
from negatives.measure.review import read_review, review_of
from negatives.measure.told_apart import told_apart
from negatives.measure.truth import against, truth_of
from negatives.schema import PAIR
from negatives.store.run import Run
from negatives.wording import percent


@dataclass(frozen=True, slots=True)
class Audit(Showing):
    """What was found; `truth` is None where none was given, `planted` likewise.

    `sources`: for each source that negatives came from, how many, and which share of them is false
    by p_relevant and by the truth. A pair that several sources proposed counts for each. `told`:
    how well p_relevant and the scores tell what the truth calls relevant (`imbalance`), among the
    candidates that the truth judges, or that no one has; in all and by source.
    """

    run: str
    coverage: float | None
    certificate: Certificate
    truth: dict[str, Any] | None
    sources: list[dict[str, Any]]
    hubness: dict[str, Any]
    planted: pl.DataFrame | None = None
    told: dict[str, Any] | None = None

    def __repr__(self) -> str:
        estimates = self.certificate.estimates
        told = [f"{percent(each.value)} by {name}" for name, each in estimates.items()
                if each.value is not None]  # fmt: skip
        false = f"false: {', '.join(told)}" if told else "false: not known"
        return f"Audit({self.run!r}: {self.certificate.negatives:,} negatives; {false})"

    def card(self) -> Card:
        """What it says to a person."""
        return audit_card(
            self.run,
            self.coverage,
            self.certificate,
            self.truth,
            self.sources,
            self.hubness,
            self.told,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, JSON-able."""
        return {
            "run": self.run,
            "coverage": self.coverage,
            **self.certificate.as_dict(),
            "truth": self.truth,
            "sources": self.sources,
            "told apart": self.told,
            "hubness": self.hubness,
            "planted": None if self.planted is None else self.planted.to_dicts(),
        }


def audit(
    run: Run | str | Path,
    truth: Any = None,
    review: str | Path | None = None,
    plant: pl.DataFrame | None = None,
    *,
    confidence: float = CONFIDENCE,
    max_fnr: float | None = None,
) -> Audit:
    """How many of a run's negatives are false, by every way there is to tell, and how sure that is.

    `truth`: a qrels file (BEIR or TREC), or a frame of query_id, doc_id, relevance, or `{query_id:
    doc_ids}`, that the run did not see; a collection in any form, such as "DATA@test"; or
    "other-splits", for all other splits of the data that it was mined from. `review`: a file of
    judged pairs, drawn by `negatives audit RUN --sample N -o FILE`; None: what the run's own
    reviews say of a random sample, if they do. `plant`: the truth that
    `negatives.measure.plant.plant` gave with the collection the run was mined from. Bounds
    hold with `confidence`. `max_fnr`: with a truth, thresholds of p_relevant and of scores that
    miss no larger share of the relevant candidates (`measure.thresholds`).
    """
    if max_fnr is not None and truth is None:
        raise InputError(
            "a share of false negatives, and no truth that says what is relevant",
            where="max_fnr",
            fix="give the truth as well, or leave it out",
        )
    if max_fnr is not None and not 0 < max_fnr < 1:
        raise InputError(
            f"a share of {max_fnr:g}", where="max_fnr", fix="give one between 0 and 1, such as 0.1"
        )
    opened = run if isinstance(run, Run) else Run(run)
    negatives = opened.negatives
    counts = opened.manifest.counts
    judged = None if truth is None else truth_of(opened, truth)
    reviewed = review_of(opened) if review is None else read_review(review, opened)
    return Audit(
        run=str(opened.path),
        coverage=share(len(negatives), counts.asked),
        certificate=certificate(opened, reviewed, confidence=confidence),
        truth=None if judged is None else against(negatives, judged),
        sources=_sources(negatives, judged),
        hubness=hubness(negatives, counts.documents, counts.queries),
        planted=None if plant is None else recovered(opened, plant),
        told=None
        if judged is None
        else told_apart(opened, judged, max_fnr=max_fnr, confidence=confidence),
    )


def _sources(negatives: pl.DataFrame, judged: pl.DataFrame | None) -> list[dict[str, Any]]:
    rows = negatives.select(*PAIR, "sources", p=pl.col("p_relevant").cast(pl.Float64))
    if judged is not None:
        rows = rows.join(judged, on=PAIR, how="left")
    else:
        rows = rows.with_columns(relevance=pl.lit(None, pl.Int32))
    table = (
        rows.explode("sources")
        .filter(pl.col("sources").is_not_null())
        .group_by("sources")
        .agg(
            negatives=pl.len(),
            mean_p=pl.col("p").mean(),
            relevant=(pl.col("relevance") > 0).sum(),
        )
        .sort("negatives", "sources", descending=[True, False])
    )
    return [
        {
            "source": row["sources"],
            "negatives": row["negatives"],
            "share by p_relevant": rounded(row["mean_p"]),
            "share by truth": None
            if judged is None
            else rounded(row["relevant"] / row["negatives"]),
        }
        for row in table.iter_rows(named=True)
    ]
