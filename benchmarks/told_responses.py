"""Tables of `responses` and `sums`, and what of them the package brings, from their kept figures.

The figures of a seed: `test`, what is known of each solution of the test part in a fixed order, and
for every arm the negative log-likelihood of a token of each, in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import mean
from typing import Any

import numpy as np
import polars as pl

from negatives.arrays import Doubles
from negatives.measure.significance import SignFlip, holm, sign_flip
from negatives.stats.auc import auc
from negatives.stats.bootstrap import Interval, interval

Found = dict[str, Any]
"""What is kept of a seed."""


def by_question(question: Any, right: Any, values: Any) -> dict[Any, float]:
    """How often a right solution has the higher value than a wrong one, of each question."""
    rows = pl.DataFrame({"question": question, "right": right, "value": values})
    pairs = rows.filter("right").join(rows.filter(~pl.col("right")), on="question", suffix="_wrong")
    lead = (pl.col("value") - pl.col("value_wrong")).sign()
    told = pairs.group_by("question").agg(((lead + 1) / 2).mean()).sort("question")
    return dict(told.iter_rows())


def lead_by_question(question: Any, right: Any, values: Any) -> dict[Any, float]:
    """The mean value of right solutions less that of wrong ones, of each question."""
    rows = pl.DataFrame({"question": question, "right": right, "value": values})
    sides = [pl.col("value").filter(side).mean() for side in (pl.col("right"), ~pl.col("right"))]
    return dict(rows.group_by("question").agg(sides[0] - sides[1]).sort("question").iter_rows())


@dataclass(frozen=True)
class Row:
    """What the models of one arm made of the test parts, seed by seed.

    `values`: of each seed, high of what is taken for right; `nll` of a token, where it is of a
    model; `seen`: the verifier on some that were learned.
    """

    tests: Sequence[Found]
    values: Sequence[Doubles]
    nll: Sequence[Doubles] = ()
    seen: Sequence[float] = ()

    @cached_property
    def won(self) -> list[dict[Any, float]]:
        """Of each seed, question by question."""
        return [
            by_question(test["question"], test["right"], values)
            for test, values in zip(self.tests, self.values, strict=True)
        ]

    @property
    def verifier(self) -> list[float]:
        """Of each seed, the mean over questions."""
        return [mean(won.values()) for won in self.won]

    @property
    def auc(self) -> list[float]:
        """Of each seed, over all solutions."""
        sides = [np.array(test["right"]) for test in self.tests]
        return [
            auc(values[right], values[~right])
            for right, values in zip(sides, self.values, strict=True)
        ]

    @property
    def against_author(self) -> list[float]:
        """Of each seed, the share won of pairs whose wrong solution has the better author."""
        return [
            _lead(test, values, of=test["author"])
            for test, values in zip(self.tests, self.values, strict=True)
        ]

    def side(self, right: bool) -> list[float]:
        """Negative log-likelihood of a token of one side, of each seed."""
        return [
            float(nll[np.array(test["right"]) == right].mean())
            for test, nll in zip(self.tests, self.nll, strict=True)
        ]

    @cached_property
    def leads(self) -> list[dict[Any, float]]:
        """Of each seed and question the mean value of right ones less that of wrong ones."""
        return [
            lead_by_question(test["question"], test["right"], values)
            for test, values in zip(self.tests, self.values, strict=True)
        ]

    @property
    def gap(self) -> list[float]:
        """Of each seed, the mean lead over questions."""
        return [mean(leads.values()) for leads in self.leads]

    def less(self, other: Row) -> tuple[Interval, SignFlip]:
        """The lead less another's: by question, each the mean over the seeds that have it."""
        apart: dict[Any, list[float]] = {}
        for ours, theirs in zip(self.leads, other.leads, strict=True):
            for question, value in ours.items():
                apart.setdefault(question, []).append(value - theirs[question])
        differences = np.array([mean(each) for each in apart.values()])
        return interval(differences), sign_flip(differences)


def _lead(test: Found, values: Doubles, of: Sequence[float]) -> float:
    rows = pl.DataFrame(
        {"question": test["question"], "right": test["right"], "value": values, "author": of}
    )
    pairs = rows.filter("right").join(rows.filter(~pl.col("right")), on="question", suffix="_wrong")
    pairs = pairs.filter(pl.col("author_wrong") > pl.col("author"))
    return float((pairs["value"] > pairs["value_wrong"]).to_numpy().mean())


def row(every: Sequence[Found], name: str, *, difference: bool = False) -> Row:
    """What is kept of an arm; by the difference to the words of wrong ones, where it has those."""
    nll = [np.array(found[name]["nll"]) for found in every]
    values = [-each for each in nll]
    if difference:
        values = [
            np.array(found[name]["against"]) - each for found, each in zip(every, nll, strict=True)
        ]
    return Row(
        [found["test"] for found in every], values, nll, [found[name]["seen"] for found in every]
    )


def controls(every: Sequence[Found], authors: bool) -> dict[str, Row]:
    """What can be told without a model: by the author only where there are several."""
    tests = [found["test"] for found in every]
    made = {"the shorter one": Row(tests, [-np.array(test["words"], float) for test in tests])}
    if authors:
        made["the better author"] = Row(tests, [np.array(test["author"]) for test in tests])
    return made


def rows_of(every: Sequence[Found], arms: Sequence[str], share: float) -> dict[str, Row]:
    """Of every arm, and once more by the difference where it has words for both sides."""
    made = {}
    for arm in arms:
        name = f"{arm} {share}"
        made[arm] = row(every, name)
        if "against" in every[0][name]:
            made[f"{arm}, by the difference"] = row(every, name, difference=True)
    return made


def lines(
    every: Sequence[Found], arms: Sequence[str], planted: Sequence[float], start: str, *,
    authors: bool,
) -> Iterator[str]:  # fmt: skip
    """The tables; the first arm is the one that others are compared with, and `authors` says
    whether solutions are of several.
    """
    test = every[0]["test"]
    sizes = [len({*found["test"]["question"]}) for found in every]
    yield (
        f"Seeds: {len(every)}. Questions of a test part: {mean(sizes):.0f}, with "
        f"{mean(len(found['test']['right']) for found in every):.0f} solutions, of which "
        f"{np.mean(test['right']):.0%} are right in the first."
    )
    yield ""
    yield "| without a model | verifier | AUC |"
    yield "|---|---|---|"
    for name, control in controls(every, authors).items():
        yield f"| {name} | {spread(control.verifier)} | {spread(control.auc)} |"
    yield ""
    found = rows_of(every, arms, 0.0)
    control = found[arms[0]]
    compared = {name: each.less(control) for name, each in found.items() if name in arms[1:]}
    sure = dict(zip(compared, holm([test.p for _, test in compared.values()]), strict=True))
    where = ("where the better author is wrong",) * authors
    yield from _head(
        "arm", "rate", "NLL of right", "of wrong", "gap", "less the control's", "p", "verifier",
        "AUC", *where, "verifier of what was learned",
    )  # fmt: skip
    for name, each in {start: row(every, start), **found}.items():
        kept = every[0].get(f"{name.partition(', by')[0]} 0.0", {})
        cells = [
            f"{kept['rate']:g}" if kept else "",
            *(spread(part) for part in (each.side(True), each.side(False), each.gap)),
            *(_difference(*compared[name], sure[name]) if name in compared else ("", "")),
            *(spread(part) for part in (each.verifier, each.auc)),
            *(spread(each.against_author) for _ in where),
            spread(each.seen),
        ]
        yield f"| {name} | {' | '.join(cells)} |"
    yield from _with_errors(every, arms, planted)


def _head(*names: str) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"|---|{'---|' * (len(names) - 1)}"


def _difference(span: Interval, test: SignFlip, p: float) -> tuple[str, str]:
    return f"{span.value:+.4f} ({span.low or 0:+.4f} to {span.high or 0:+.4f})", f"{p:.3f}"


MEASURES: dict[str, Callable[[Row], list[float]]] = {
    "NLL of right": lambda each: each.side(True),
    "gap": lambda each: each.gap,
    "verifier": lambda each: each.verifier,
}


def _with_errors(
    every: Sequence[Found], arms: Sequence[str], planted: Sequence[float]
) -> Iterator[str]:
    """The same with labels turned round, of shares that some seed has done with all arms."""
    done = [
        {share for share in planted if all(f"{arm} {share}" in found for arm in arms)}
        for found in every
    ]
    shares = sorted(set().union(*done))
    if len(shares) < 2:
        return
    seeds = [found for found, has in zip(every, done, strict=True) if has >= {*shares}]
    yield ""
    yield "## With labels turned round"
    yield ""
    yield f"Seeds: {len(seeds)}."
    yield ""
    heads = [f"{name}, {share:.0%}" for name in MEASURES for share in shares]
    yield from _head("arm", *heads)
    rows = [rows_of(seeds, arms, share) for share in shares]
    for name in rows[0]:
        cells = [spread(measure(each[name])) for measure in MEASURES.values() for each in rows]
        yield f"| {name} | {' | '.join(cells)} |"


def packaged(
    every: Sequence[Found], arms: Mapping[str, Any], stage: str, title: str
) -> dict[str, list[dict[str, Any]]]:
    """Of each recipe that an arm is as it is shipped: its gap, what right solutions cost, and its
    verifier, beside the first arm.
    """
    control = next(iter(arms))
    recipes = {name: arm.recipe for name, arm in arms.items() if arm.shipped}
    base = row(every, f"{control} 0.0")
    found = {arm: row(every, f"{arm} 0.0") for arm in recipes}
    sure = holm([each.less(base)[1].p for each in found.values()])
    about = {
        "stage": stage,
        "title": title,
        "model": "a Llama of two layers",
        "seeds": len(every),
        "beside": control,
    }

    def figure(metric: str, own: list[float], naive: list[float], **more: float) -> dict[str, Any]:
        value, beside = round(mean(own), 5), round(mean(naive), 5)
        return {**about, "metric": metric, "value": value, "naive": beside, **more}

    return {
        recipe: [
            figure(
                "NLL of a token of wrong solutions less that of right ones (higher is better)",
                found[arm].gap, base.gap, p=round(p, 5),
            ),
            figure(
                "NLL of a token of right solutions (lower is better)",
                found[arm].side(True), base.side(True),
            ),
            figure(
                "share of pairs whose right solution is likelier (.5 is chance)",
                found[arm].verifier, base.verifier,
            ),
        ]
        for (arm, recipe), p in zip(recipes.items(), sure, strict=True)
    }  # fmt: skip


def spread(values: Sequence[float], places: int = 3) -> str:
    """The mean over seeds, and the smallest and largest."""
    return (
        f"{mean(values):.{places}f} ({min(values):.{places}f} to {max(values):.{places}f})"
        if len(values)
        else ""
    )
