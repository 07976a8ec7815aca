"""Which recipe, where nobody names one: chosen between few, from what a probe of the data shows.

The probe mines some queries by the default recipe, and looks at what it found. The rule is small on
purpose, and told with its figures; `python -m benchmarks auto` tries it on data that it was not
made from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import DataError
from negatives.needs import refuse_unmet
from negatives.recipe import Recipe, load_recipe
from negatives.schema import Collection
from negatives.store.facts import Relevance
from negatives.store.run import Run
from negatives.store.scratch import scratch_folder

AUTO: Final = "auto"
"""Stands for a recipe that the data choose."""
QUERIES: Final = 300
"""Queries that the probe mines, at most."""
_TOP: Final = 3
"""Candidates of a query that a naive miner would take."""
_REACH: Final = 40
"""Candidates above every positive of a query from which these are out of the scorer's reach."""
UNREACHED: Final = 0.2
"""Share of queries out of reach from which the recipe for passages is taken, if the top is false
as well."""
FALSE: Final = 0.1
"""Expected share of false negatives at the top from which the top counts as false."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a probe shows of the data."""

    queries: int
    documents: int
    positives: float
    """A query, the median."""
    label_rate: tuple[float, float, float] | None
    """Share of the relevant pairs that is labelled, and what it may be; None: nothing says."""
    false: float | None
    """Mean p_relevant of the highest unlabelled candidates."""
    doubtful: float | None
    """Share of them that is more probably relevant than not."""
    unreached: float | None
    """Share of the queries with more than forty candidates above every positive."""

    def __str__(self) -> str:
        many = "positive" if self.positives == 1 else "positives"
        said = [f"{self.positives:g} {many} a query", f"{self.documents:,} documents"]
        if self.label_rate is not None:
            rate, low, high = self.label_rate
            said.append(f"{rate:.0%} of what is relevant labelled ({low:.0%} to {high:.0%})")
        if self.false is not None and self.doubtful is not None:
            said.append(
                f"at the top {self.false:.1%} expected false, {self.doubtful:.1%} more probably "
                "relevant than not"
            )
        if self.unreached is not None:
            said.append(f"{self.unreached:.0%} of the queries with no positive within reach")
        return "; ".join(said)


@dataclass(frozen=True, slots=True)
class Choice:
    """A recipe by name, and why."""

    name: str
    reason: str


def choose(evidence: Evidence) -> Choice:
    """The recipe that such evidence speaks for.

    >>> choose(Evidence(300, 9_000, 1.0, None, 0.2, 0.05, 0.5)).name
    'passages'
    >>> choose(Evidence(300, 9_000, 1.0, None, 0.01, 0.0, 0.5)).name
    'default'
    """
    if evidence.unreached is None:
        return Choice("default", "no scorer compares texts here, so nothing speaks for another")
    if evidence.unreached < UNREACHED:
        return Choice(
            "default",
            f"few queries have every positive out of the scorer's reach ({evidence.unreached:.0%})",
        )
    if evidence.false is None:
        return Choice(
            "default",
            f"{evidence.unreached:.0%} of the queries have every positive out of the scorer's "
            "reach, but there are too few labelled pairs to estimate how much of the top is false",
        )
    if evidence.false < FALSE:
        return Choice(
            "default",
            f"{evidence.unreached:.0%} of the queries have every positive out of the scorer's "
            f"reach, but little of the top is expected to be false ({evidence.false:.1%}): what is "
            "hard teaches",
        )
    return Choice(
        "passages",
        f"{evidence.unreached:.0%} of the queries have every positive out of the scorer's reach, "
        f"and {evidence.false:.1%} of the top is expected to be false",
    )


def automatic(
    collection: Collection, mine: Callable[..., Run], encoder: str | None = None
) -> tuple[Recipe, str]:
    """The recipe that the data speak for, its `about` with the reason; and the reason, to be told.

    `mine` carries the probe out, its dense source with `encoder`. The same data choose the same.
    """
    plain = load_recipe("default")
    try:
        refuse_unmet((*plain.find, *plain.judge), collection)
    except DataError as error:
        return _told(Choice("ids", f"recipes that read texts need more: {error.what}"), "")
    found = probed(collection, mine, encoder)
    return _told(choose(found), f" ({found})")


def probed(
    collection: Collection, mine: Callable[..., Run], encoder: str | None = None
) -> Evidence:
    """What mining some queries by the default recipe shows of a collection with texts."""
    with scratch_folder() as folder:
        out, plain = folder / "run", load_recipe("default")
        return evidence_of(mine(_probe(collection), out, recipe=plain, encoder=encoder), collection)


def _told(choice: Choice, evidence: str) -> tuple[Recipe, str]:
    why = f"auto chose {choice.name}: {choice.reason}{evidence}"
    made = load_recipe(choice.name)
    return replace(made, about=f"{made.about} Chosen because {choice.reason}{evidence}."), why


def _probe(collection: Collection) -> Collection:
    """The collection with some of its queries, drawn by their ids."""
    ids = collection.qrels.filter(pl.col("relevance") > 0)["query_id"].unique().sort()
    order = np.argsort(uniforms(id_hashes(ids), stream_key(0, "auto")), kind="stable")
    kept = ids.gather(np.sort(order[:QUERIES])).implode()
    qrels = collection.qrels.filter(pl.col("query_id").is_in(kept))
    return replace(collection, qrels=qrels, origin="")


def evidence_of(run: Run, collection: Collection) -> Evidence:
    """What a run by the default recipe shows."""
    facts = run.manifest.facts
    basis = run.manifest.notes.p_relevant or Relevance()
    rate = (basis.label_rate, basis.at_least, basis.at_most)
    counts = collection.positives.group_by("query").len()["len"]
    score = f"{facts.reference}_score"
    ledger = pl.scan_parquet(run.parts, glob=False)
    there = {"p_relevant", score} <= {*ledger.collect_schema().names()}
    found = (
        ledger.select("query_id", "verdict", "p_relevant", score=pl.col(score)).collect()
        if there
        else pl.DataFrame(schema={"query_id": pl.String, "verdict": pl.String})
    )
    top = unreached = None
    if there:
        unlabelled = found.filter(~pl.col("verdict").is_in(["positive", "judged-negative"]))
        top = (
            unlabelled.filter(pl.col("verdict") != "duplicate")
            .sort("score", descending=True, nulls_last=True)
            .group_by("query_id", maintain_order=True)
            .head(_TOP)["p_relevant"]
            .drop_nulls()
        )
        best = (
            found.filter(pl.col("verdict") == "positive")
            .group_by("query_id")
            .agg(best=pl.col("score").max())
        )
        above = (
            unlabelled.join(best, on="query_id")
            .group_by("query_id")
            .agg(above=(pl.col("score") >= pl.col("best")).sum())
        )
        unreached = float((above["above"] > _REACH).mean() or 0.0)  # type: ignore[arg-type]
    known = top is not None and len(top) > 0
    return Evidence(
        queries=run.manifest.counts.queries,
        documents=len(collection.corpus),
        positives=float(counts.median() or 0.0),  # type: ignore[arg-type]
        label_rate=None if None in rate else rate,  # type: ignore[arg-type]
        false=float(top.mean()) if known else None,  # type: ignore[union-attr,arg-type]
        doubtful=float((top > 0.5).mean()) if known else None,  # type: ignore[operator,union-attr,arg-type]
        unreached=unreached,
    )
