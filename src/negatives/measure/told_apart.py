"""How well a run's p_relevant and scores tell relevant candidates, by a truth, from the others.

Where a query is judged by the truth, what that does not call relevant counts as not relevant.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from negatives.measure.imbalance import separation
from negatives.schema import JUDGED_NEGATIVE, PAIR, POSITIVE
from negatives.store.run import Run

P: Final = "p_relevant"


def told_apart(run: Run, truth: pl.DataFrame) -> dict[str, Any]:
    """By column, `all` and the sources: pairs, relevant ones, prevalence, AUROC and AUPRC.

    Of candidates that the run knew no judgement of, of queries that the truth judges; pairs without
    a value are left out. Sources differ in how many of their candidates are relevant, and AUPRC is
    the higher where more are: compare it with the prevalence beside it, and not across sources.
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
        found = {
            group: separation(each["relevant"].to_numpy(), each[name].to_numpy())
            for group, each in groups.items()
        }
        there = {group: each.as_dict() for group, each in found.items() if each is not None}
        if there:
            made[name] = there
    return made
