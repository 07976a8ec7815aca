"""How well a run's p_relevant and scores tell relevant candidates, by a truth, from the others.

Where a query is judged by the truth, what that does not call relevant counts as not relevant.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from negatives.errors import DataError
from negatives.measure.estimate import rounded
from negatives.measure.imbalance import separation
from negatives.measure.risk_coverage import risk_coverage
from negatives.measure.thresholds import choose_threshold
from negatives.schema import JUDGED_NEGATIVE, PAIR, POSITIVE
from negatives.store.run import Run

P: Final = "p_relevant"


def told_apart(
    run: Run, truth: pl.DataFrame, *, max_fnr: float | None = None, confidence: float = 0.95
) -> dict[str, Any]:
    """By column, `all` and the sources: pairs, relevant ones, prevalence, AUROC and AUPRC.

    Of candidates that the run knew no judgement of, of queries that the truth judges; pairs without
    a value are left out. Sources differ in how many of their candidates are relevant, and AUPRC is
    the higher where more are: compare it with the prevalence beside it, and not across sources.
    Of p_relevant also `aurc`, by how sure it is. With `max_fnr` a `threshold` for each that misses
    no larger share of the relevant candidates, with `confidence`; pairs of a query are alike.
    """
    ledger = pl.scan_parquet(run.parts, glob=False)
    scores = [f"{source.label}_score" for source in run.recipe.find]
    names = [name for name in (P, *scores) if name in ledger.collect_schema().names()]
    rows = (
        ledger.filter(~pl.col("verdict").is_in([POSITIVE, JUDGED_NEGATIVE]))
        .select(*PAIR, "sources", *names)
        .join(truth.select("query_id").unique().lazy(), on="query_id", how="semi")
        .join(truth.lazy(), on=PAIR, how="left")
        .with_columns(relevant=(pl.col("relevance") > 0).fill_null(False))
        .collect()
    )
    made: dict[str, Any] = {}
    for name in names:
        known = rows.filter(pl.col(name).is_finite())
        groups = {"all": known} | {
            source.label: known.filter(pl.col("sources").list.contains(source.label))
            for source in run.recipe.find
        }
        there = {}
        for group, each in groups.items():
            relevant, values = each["relevant"].to_numpy(), each[name].to_numpy()
            found = separation(relevant, values)
            if found is None:
                continue
            there[group] = found.as_dict()
            if name == P:
                wrong = (values >= 0.5) != relevant
                there[group]["aurc"] = rounded(risk_coverage(abs(values - 0.5), wrong).aurc)
            if max_fnr is not None:
                there[group]["threshold"] = _threshold(each, name, max_fnr, confidence)
        if there:
            made[name] = there
    return made


def _threshold(rows: pl.DataFrame, name: str, max_fnr: float, confidence: float) -> dict[str, Any]:
    """What a threshold misses and lets through; or why there is none."""
    try:
        return choose_threshold(
            rows["relevant"].to_numpy(),
            rows[name].to_numpy(),
            max_fnr=max_fnr,
            confidence=confidence,
            groups=rows["query_id"].to_numpy(),
        ).as_dict()
    except DataError as error:
        return {"value": None, "why": error.what}
