"""The unlabelled candidates that a run's judge takes for relevant, corrected by how it errs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from negatives.judge.prompted import PromptedJudge
from negatives.measure.audits.corrected_rate import corrected_interval, corrected_rate
from negatives.measure.audits.judge_leaning import Rates, yeses
from negatives.measure.audits.judge_ways import FEWEST
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import rounded
from negatives.schema import JUDGED_NEGATIVE, POSITIVE
from negatives.wording import figure, percent


def of_candidates(subject: Subject, judge: PromptedJudge, own: Rates) -> dict[str, Any] | None:
    """The share of the unlabelled candidates that the run's judge was asked about and takes for
    relevant, as it is and corrected, beside their mean p_relevant; None where the run has none.
    """
    run = subject.run
    if run is None or judge.column not in run.candidates().collect_schema():
        return None
    score = pl.col(judge.column)
    rows = run.candidates().filter(
        ~pl.col("verdict").is_in([POSITIVE, JUDGED_NEGATIVE]), score.is_not_nan()
    )
    table = rows.select(
        owner="query_id",
        yes=score > (judge.relevant_from or 0.0),
        p=pl.col("p_relevant").cast(pl.Float64),
    ).collect()
    if table["owner"].n_unique() < FEWEST:
        return None
    said = yeses(table)
    low, high = corrected_interval(said, own.relevant, own.others, subject.confidence)
    made = corrected_rate(said.rate, own.relevant.rate, 1 - own.others.rate)
    mean = table.select(pl.col("p").mean()).item()
    return {
        "pairs": len(table),
        "says yes": rounded(said.rate),
        "corrected": rounded(made),
        "low": rounded(low),
        "high": rounded(high),
        "p_relevant": rounded(mean),
    }


def sentence(found: Mapping[str, Any] | None) -> str:
    """What that says of p_relevant."""
    if found is None:
        return ""
    said = (
        f"of {found['pairs']:,} unlabelled candidates the judge takes {percent(found['says yes'])} "
        "for relevant; "
    )
    if found["corrected"] is None or (found["low"], found["high"]) == (0, 1):
        return said + "by how it errs on pairs of known labels that may be any share"
    said += (
        f"corrected by how it errs on pairs of known labels {percent(found['corrected'])}, "
        f"{figure(100 * found['low'])}% to {figure(100 * found['high'])}%"
    )
    if found["p_relevant"] is None:
        return said
    return said + f"; p_relevant expects {percent(found['p_relevant'])} of them"
