"""Whether some groups of queries get fewer, falser or easier negatives than others.

A group is what a field of the queries says: their language, their type, or who asks. Everything is
a mean over the queries of a group, with a bootstrap over them; whether groups differ at all is
tested by giving the queries' groups out anew at random (a permutation test), so that a group of few
queries, which is apart from the others by chance, raises no alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Places
from negatives.errors import InputError
from negatives.measure.audits.check import Answer, Check
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate, rounded
from negatives.schema import PAIR
from negatives.stats.bootstrap import interval
from negatives.stats.shuffled import permutation

TRIALS: Final = 999
FEWEST: Final = 5
"""Queries of a group, below which nothing is said of it."""


class Equity(Check, kind="equity"):
    """The largest difference between groups of queries in coverage, false share or hardness.

    >>> from negatives.measure.audits.equity import Equity
    >>> Equity(by="language", budget=200).by
    'language'
    """

    by: Annotated[
        str, Meta(min_length=1, description="field of the queries that says the group")
    ] = "type"
    budget: Annotated[
        int, Meta(ge=0, description="judgements to be shared out among the groups; 0: none")
    ] = 100
    level: Annotated[
        float, Meta(gt=0, lt=0.5, description="probability of an alarm where groups are alike")
    ] = 0.01

    def lacking(self, subject: Subject) -> str:
        """The field, with two groups at least."""
        queries = subject.collection.queries
        if self.by not in queries.columns:
            return f"the queries have no field {self.by!r}; name one with --set equity.by=FIELD"
        counts = _grouped(subject, self.by).group_by("group").len().filter(pl.col("len") >= FEWEST)
        if len(counts) < 2:
            return f"fewer than two groups of {self.by!r} have {FEWEST} queries"
        return ""

    def find(self, subject: Subject) -> Answer:
        """Every measure by group, and the one that differs most."""
        table = by_query(subject).join(_grouped(subject, self.by), on="query_id")
        table = table.filter(pl.len().over("group") >= FEWEST).sort("query_id")
        groups = {name: table.filter(pl.col(name).is_not_null())["group"] for name in MEASURES}
        names = [name for name in MEASURES if groups[name].n_unique() > 1]
        found = {
            name: differing(table, name, confidence=subject.confidence, seed=subject.seed)
            for name in names
        }
        at = self.level / len(found)
        worst = min(found.values(), key=lambda each: (each.p, -each.gap))
        details: dict[str, Any] = {
            "by": self.by,
            "p": {name: rounded(each.p) for name, each in found.items()},
            "groups": {name: each.groups for name, each in found.items()},
        }
        if self.budget and "false share" in names:
            details["judgements"] = _allocation(subject, table, self.budget)
        estimate = Estimate(
            value=worst.gap,
            low=worst.low,
            high=worst.high,
            confidence=subject.confidence,
            assumption=_ASSUMED,
            details=details,
        )
        about = (
            f"difference in {worst.measure} between {worst.most!r} and {worst.least!r}, the groups "
            f"of {self.by} farthest apart"
        )
        alarm = worst.p <= at
        said = _DIFFER if alarm else _ALIKE
        if alarm and "judgements" in details:
            shares = ", ".join(f"{n:,} of {name}" for name, n in details["judgements"].items())
            said += f"; of {self.budget:,} judgements, {shares} level the false share most"
        return Answer(self.kind, about, estimate, alarm, said)


MEASURES: Final = ("coverage", "false share", "hardness")
_ASSUMED: Final = (
    "queries are like others of their group; the false share is by the truth, or else by p_relevant"
)
_ALIKE: Final = "nothing to do: the groups differ by no more than queries do"
_DIFFER: Final = "look at the groups one by one (--json), and mine or judge the worse ones apart"


def by_query(subject: Subject) -> pl.DataFrame:
    """query_id, coverage, false share, hardness of each query that has a positive.

    Coverage: negatives as a share of what was asked for, or of a file of the most that any query
    has. Null where it is not known: of a file, and of a query without negatives.
    """
    data, run = subject.collection, subject.run
    ids = data.queries["query_id"].gather(data.mined_queries)
    rows = subject.negatives
    if subject.truth is not None:
        truth = subject.truth.select(*PAIR, false=(pl.col("relevance") > 0).cast(pl.Float64))
        judged = subject.truth["query_id"].unique().implode()
        rows = rows.join(truth, on=PAIR, how="left").with_columns(
            pl.when(pl.col("query_id").is_in(judged)).then(pl.col("false").fill_null(0.0))
        )
    elif "p_relevant" in rows.columns:
        rows = rows.with_columns(false=pl.col("p_relevant").cast(pl.Float64))
    else:
        rows = rows.with_columns(false=pl.lit(None, pl.Float64))
    if "hardness" not in rows.columns:
        rows = rows.with_columns(hardness=pl.lit(None, pl.Float64))
    counted = rows.group_by("query_id").agg(
        pl.len().alias("negatives"),
        pl.col("false").mean().alias("false share"),
        pl.col("hardness").cast(pl.Float64).mean(),
    )
    made = pl.DataFrame({"query_id": ids}).join(counted, on="query_id", how="left")
    negatives = pl.col("negatives").fill_null(0)
    asked = pl.lit(run.recipe.pick.per_query) if run is not None else negatives.max()
    return made.select("query_id", (negatives / asked).alias("coverage"), "false share", "hardness")


@dataclass(frozen=True, slots=True)
class Differing:
    """One measure by group: the two groups farthest apart, and whether chance does as much.

    `gap`: the mean of the one less that of the other, between `low` and `high`; `p`: how often
    groups given out at random differ as much, all of them together.
    """

    measure: str
    most: str
    least: str
    gap: float
    low: float | None
    high: float | None
    p: float
    groups: list[dict[str, Any]]


def differing(
    table: pl.DataFrame, measure: str, *, confidence: float = 0.95, seed: int = 0
) -> Differing:
    """How far groups of queries are apart in a measure: `table` has group and the measure, a row
    for each query; rows without a value are left out. `InputError` where fewer than two are left.

    The test is of the variance between groups, over `TRIALS` permutations and the observed one.
    """
    known = table.filter(pl.col(measure).is_not_null())
    names, group = np.unique(known["group"].to_numpy(), return_inverse=True)
    values = known[measure].cast(pl.Float64).to_numpy()
    if len(names) < 2:
        raise InputError(f"{measure} is known of {len(names)} groups", fix="compare two or more")
    counts = np.bincount(group)
    seen = _between(values, group, counts)
    least = seen - 1e-12 * abs(seen)
    drawn = [
        _between(values[permutation(len(values), seed, f"audit/equity/{n}")], group, counts)
        for n in range(TRIALS)
    ]
    p = (1 + int((np.array(drawn) >= least).sum())) / (1 + TRIALS)
    half = (1 + confidence) / 2  # of two means at once
    groups = []
    for number, name in enumerate(names.tolist()):
        found = interval(values[group == number], confidence=half, seed=seed)
        groups.append({"group": name, "queries": int(counts[number]), "value": found.value,
                       "low": found.low, "high": found.high})  # fmt: skip
    groups.sort(key=lambda each: (-each["value"], each["group"]))
    first, last = groups[0], groups[-1]
    low = high = None
    if None not in (first["low"], last["low"]):
        low, high = first["low"] - last["high"], first["high"] - last["low"]
    gap = first["value"] - last["value"]
    told = [
        {name: rounded(value) if isinstance(value, float) else value
         for name, value in each.items()}
        for each in groups
    ]  # fmt: skip
    return Differing(measure, first["group"], last["group"], gap, low, high, p, told)


def _between(values: Doubles, group: Places, counts: Places) -> float:
    """Sum of squares between the groups, with the mean of all taken away."""
    sums = np.bincount(group, values - values.mean())
    return float((sums**2 / counts).sum())


def allocation(p: Doubles, group: Places, groups: int, budget: int) -> Places:
    """int64[groups]: judgements for each group that bring the highest false share down most.

    `p`, `group`: float64[n] and int64[n], of each negative the probability that it is false, and
    its group. The most suspect of a group are judged first, and what is false among them is taken
    away; its share of the group's negatives is then the mean of what is left. The next judgement
    goes to the group with the highest share left: the largest share is as low as it can be.

    >>> import numpy as np
    >>> shares = np.array([0.5, 0.5, 0.1, 0.1, 0.1, 0.1])
    >>> allocation(shares, np.array([0, 0, 1, 1, 1, 1]), groups=2, budget=2).tolist()
    [2, 0]
    """
    order = np.lexsort((-p, group))
    counts = np.bincount(group, minlength=groups)
    ordered, owner = p[order], group[order]
    place = np.arange(len(p)) - np.repeat(np.cumsum(counts) - counts, counts)
    # What is left of the group's share before each judgement: it falls from one to the next.
    total = np.bincount(group, p, minlength=groups)
    before = np.cumsum(ordered) - ordered
    before -= np.repeat((np.cumsum(total) - total), counts)
    left = (total[owner] - before) / counts[owner]
    chosen = np.lexsort((place, -left))[:budget]
    made: Places = np.bincount(owner[chosen], minlength=groups)
    return made


def _allocation(subject: Subject, table: pl.DataFrame, budget: int) -> dict[str, int]:
    rows = subject.negatives.join(table.select("query_id", "group"), on="query_id")
    if "p_relevant" not in rows.columns or rows["p_relevant"].null_count():
        rows = rows.join(table.select("query_id", p="false share"), on="query_id")
    else:
        rows = rows.with_columns(p=pl.col("p_relevant").cast(pl.Float64))
    rows = rows.filter(pl.col("p").is_not_null()).sort(PAIR)
    names, group = np.unique(rows["group"].to_numpy(), return_inverse=True)
    found = allocation(rows["p"].to_numpy(), group, len(names), budget)
    return dict(zip(names.tolist(), found.tolist(), strict=True))


def _grouped(subject: Subject, by: str) -> pl.DataFrame:
    rows = subject.collection.queries[subject.collection.mined_queries]
    return rows.select("query_id", group=pl.col(by).cast(pl.String)).drop_nulls()
