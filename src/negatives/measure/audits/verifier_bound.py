"""What trying again until a verifier lets something pass is worth at most.

Stroebl, Kapoor and Narayanan 2024, "Inference Scaling fLaws: The Limits of LLM Resampling with
Imperfect Verifiers". Something is written, or proposed, again and again until a judge lets it pass.
Of one problem let p be the probability that a try is right, f that a wrong one passes, n that a
right one does not. With A = p (1 - n), B = (1 - p) f and q = 1 - A - B, after K tries a right one
has been accepted with probability A (1 - q^K) / (1 - q), a wrong one with B (1 - q^K) / (1 - q),
and nothing with q^K. What is accepted is right with probability A / (A + B), however large K is.
Over several problems that share is averaged problem by problem: of the mean p and f it would be
another, and the decline with K, which hard problems cause that enter late, would not be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, NamedTuple

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles
from negatives.errors import InputError
from negatives.measure.audits.check import Answer, Check, verdict
from negatives.measure.audits.loops import answers_that_pass
from negatives.measure.audits.rates import both_ends
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate, rounded
from negatives.run.inputs import GENERATED_ID
from negatives.schema import PAIR
from negatives.stage import Share
from negatives.stats.bootstrap import Interval, interval
from negatives.stats.bounds import Clusters

TRIES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Rates(NamedTuple):
    """float64[problems] each: of a try, of a wrong one, of a right one."""

    right: Doubles
    false_pass: Doubles
    false_fail: Doubles

    @staticmethod
    def of(
        right: Doubles | Sequence[float] | float,
        false_pass: Doubles | Sequence[float] | float,
        false_fail: Doubles | Sequence[float] | float = 0.0,
    ) -> Rates:
        """One number stands for every problem; `InputError` for what is no probability."""
        made = np.broadcast_arrays(*(np.atleast_1d(np.asarray(each, np.float64))
                                     for each in (right, false_pass, false_fail)))  # fmt: skip
        for name, values in zip(Rates._fields, made, strict=True):
            if not ((values >= 0) & (values <= 1)).all():
                raise InputError(
                    f"{name} is {values[~((values >= 0) & (values <= 1))][0]:g}",
                    fix="give probabilities, from 0 to 1",
                )
        return Rates(*made)

    @property
    def passing(self) -> tuple[Doubles, Doubles]:
        """A and B: a try is right and passes, is wrong and passes."""
        return self.right * (1 - self.false_fail), (1 - self.right) * self.false_pass


def accepted(rates: Rates, tries: int) -> tuple[Doubles, Doubles, Doubles]:
    """After so many tries: right accepted, wrong accepted, nothing accepted; float64[problems].

    >>> found = accepted(Rates.of(0.2, 0.1), tries=5)
    >>> [round(float(each[0]), 4) for each in found]
    [0.5761, 0.2304, 0.1935]
    """
    if tries < 1:
        raise InputError(f"{tries} tries", fix="give at least 1")
    a, b = rates.passing
    nothing = (1 - a - b) ** tries
    share = np.divide(1 - nothing, a + b, out=np.zeros_like(a), where=a + b > 0)
    return a * share, b * share, nothing


def limit(rates: Rates) -> Doubles:
    """float64[problems]: the share right of what is accepted in the end; NaN where nothing is.

    >>> limit(Rates.of([0.2, 0.6], [0.1, 0.1])).round(6).tolist()
    [0.714286, 0.9375]
    """
    a, b = rates.passing
    return np.divide(a, a + b, out=np.full_like(a, np.nan), where=a + b > 0)


def utility(rates: Rates, tries: int, *, harm: float = 1.0, cost: float = 0.0) -> float:
    """Mean over the problems: right accepted, less `harm` for each wrong one and `cost` a try.

    Tries end with the first that passes, so that only those made are paid for.

    >>> mixed = Rates.of([0.9, 0.02], [0.2, 0.05])
    >>> [round(utility(mixed, tries, harm=4.0), 4) for tries in (1, 2, 5, 50)]
    [0.322, 0.2729, 0.0623, -0.794]
    """
    right, wrong, nothing = accepted(rates, tries)
    a, b = rates.passing
    made = np.divide(1 - nothing, a + b, out=np.full_like(a, float(tries)), where=a + b > 0)
    return float((right - harm * wrong - cost * made).mean())


def best_tries(
    rates: Rates, *, harm: float = 1.0, cost: float = 0.0, tries: Sequence[int] = TRIES
) -> int:
    """The number of tries worth most; of equal ones the fewest; 0 where any number does harm."""
    values = [utility(rates, number, harm=harm, cost=cost) for number in tries]
    best = int(np.argmax(values))
    return tries[best] if values[best] > 0 else 0


class VerifierBound(Check, kind="verifier-bound"):
    """The share of false negatives that is left however often a verifier is asked again.

    The verifier is the run's `p_relevant`, which lets a pair pass that is below `passes`. The tries
    are the documents that were written for the run, or, where none were, its candidates. How often
    a relevant one passes is counted: on the candidates that the truth judges, or without a truth on
    the known positives, whose p_relevant is made as if nobody had labelled them.

    >>> from negatives.measure.audits.verifier_bound import VerifierBound
    >>> VerifierBound(passes=0.2).passes
    0.2
    """

    passes: Annotated[
        float, Meta(gt=0, le=1, description="p_relevant below which the verifier lets a pair pass")
    ] = 0.5
    most: Annotated[
        Share, Meta(description="share of false ones in what passes from which on it is an alarm")
    ] = 0.1
    harm: Annotated[
        float, Meta(ge=0, description="what a false negative costs, in true ones that it undoes")
    ] = 4.0

    def lacking(self, subject: Subject) -> str:
        """A run with p_relevant, and relevant pairs to try the verifier on."""
        if subject.run is None:
            return "a file says nothing of who verified it; name the run"
        if subject.unlabelled["p_relevant"].null_count() == len(subject.unlabelled):
            return "the run has no p_relevant: mine with [estimate]"
        return ""

    def find(self, subject: Subject) -> Answer:
        """The bound over the run's queries."""
        tries, what = _tries(subject)
        judged = subject.truth is not None
        wrong = tries.filter(pl.col("relevant") > 0) if judged else _known(subject)
        found = verifier_bound(
            tries,
            wrong,
            passes=self.passes,
            harm=self.harm,
            judged=judged,
            confidence=subject.confidence,
            seed=subject.seed,
        )
        about = f"share of false negatives among {what} that pass, however often one tries"
        loops = [
            loop
            for generator in (subject.run.recipe.make if subject.run else ())
            if (loop := answers_that_pass(
                generator, subject.collection, confidence=subject.confidence, seed=subject.seed
            ))
        ]  # fmt: skip
        found = replace(found, details=found.details | {"loops of generators": loops})
        said = "".join(_LOOP.format(**loop) for loop in loops)
        if found.value is None:
            return Answer(self.kind, about, found, None, _MORE + said)
        alarm, advice = verdict(found, self.most, _WEAK, _FINE)
        return Answer(self.kind, about, found, alarm, advice + said)


def verifier_bound(
    tries: pl.DataFrame,
    wrong: pl.DataFrame,
    *,
    passes: float = 0.5,
    harm: float = 4.0,
    judged: bool = True,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """The share of wrong ones among what passes in the end, a mean over the queries.

    `tries`: query_id, p (what the verifier goes by: below `passes` it lets pass) and relevant, the
    probability that the try is wrong, 0 or 1 where it is known (`judged`). `wrong`: query_id and p
    of pairs that are wrong for certain, by which it is counted how many of those pass; where the
    tries are judged, they are among them. The interval allows for how few of these there are, pairs
    of one query being alike, and for which queries there happen to be; each with half of the doubt.
    """
    half = (1 + confidence) / 2
    clusters = _passed(wrong, passes)
    details: dict[str, Any] = {
        "tries": len(tries),
        "wrong ones tried": clusters.trials,
        "of these passed": clusters.events,
        "passes": passes,
    }
    made: dict[str, Any] = {
        "confidence": confidence,
        "assumption": _BY_TRUTH if judged else _BY_KNOWN,
    }
    if clusters.trials == 0 or clusters.clusters < 2:
        why = "the relevant pairs that the verifier could be tried on are of fewer than 2 queries"
        return Estimate(**made, why=why, details=details)
    low, high = both_ends(clusters, half)
    by_query = tries.group_by("query_id").agg(pl.col("relevant").mean()).sort("query_id")
    shares = by_query["relevant"].to_numpy()
    good = tries.filter(pl.col("relevant") <= 0) if judged else tries
    passed, share = _share(good["p"] < passes), _share(tries["relevant"])

    def rates(false_pass: float) -> Rates:
        """Of each query; of unjudged tries right ones pass as often as leaves what did pass."""
        each = passed if judged else (passed - share * false_pass) / max(1 - share, 1e-12)
        return Rates.of(1 - shares, false_pass, 1 - min(max(each, 0.0), 1.0))

    def ended(false_pass: float) -> Interval:
        """The share that is wrong in the end, over the queries of which anything passes."""
        wrong_share = 1 - limit(rates(false_pass))
        return interval(wrong_share[~np.isnan(wrong_share)], confidence=half, seed=seed)

    at = rates(clusters.rate)
    if np.isnan(limit(at)).all():
        return Estimate(**made, why="the verifier lets nothing pass", details=details)
    details |= {
        "false pass rate": clusters.rate,
        "false pass rate, low": low,
        "false pass rate, high": high,
        "share wrong of the tries": share,
        "harm of a wrong one": harm,
        "best number of tries": best_tries(at, harm=harm),
        "share wrong by tries": {str(k): rounded(_false_after(at, k)) for k in TRIES[:7]},
    }
    return Estimate(
        **made,
        value=ended(clusters.rate).value,
        low=ended(low).low,
        high=ended(high).high,
        details=details,
    )


def _share(values: pl.Series) -> float:
    return float(values.cast(pl.Float64).sum()) / max(len(values), 1)


_WEAK: Final = (
    "do not ask again: more tries add false negatives faster than true ones where few tries are "
    "right; ask a better judge, or take fewer candidates of each query"
)
_FINE: Final = "ask again as often as pays: this share is what is left"
_LOOP: Final = (
    "; the check by which {generator} asks again takes {share:.0%} of known answers for none "
    "({low:.0%} to {high:.0%})"
)
_MORE: Final = "give --truth with relevant pairs of more queries, or mine data with more positives"
_BY_TRUTH: Final = (
    "what the truth does not call relevant, of the queries that it judges, is not relevant"
)
_BY_KNOWN: Final = (
    "relevant pairs that nobody labelled pass as often as the known positives do, and p_relevant "
    "is right on average"
)


def _tries(subject: Subject) -> tuple[pl.DataFrame, str]:
    """query_id, doc_id, p, relevant (by the truth 1 or 0, else p): what the verifier was asked."""
    rows = subject.unlabelled.drop_nulls("p_relevant")
    written = rows.filter(pl.col("doc_id").str.starts_with(GENERATED_ID))
    what = "written documents" if len(written) else "candidates"
    rows = (written if len(written) else rows).select(*PAIR, p="p_relevant")
    if subject.truth is None:
        return rows.with_columns(relevant="p"), what
    judged = rows.join(subject.truth.select("query_id").unique(), on="query_id", how="semi")
    known = judged.join(subject.truth, on=PAIR, how="left")
    relevant = (pl.col("relevance") > 0).fill_null(False).cast(pl.Float64)
    return known.select(*PAIR, "p", relevant=relevant), what


def _known(subject: Subject) -> pl.DataFrame:
    """query_id, p of the known positives, as if nobody had labelled them."""
    return subject.known.drop_nulls("p_relevant").select("query_id", p="p_relevant")


def _passed(wrong: pl.DataFrame, passes: float) -> Clusters:
    by_query = wrong.group_by("query_id").agg(
        events=(pl.col("p") < passes).sum().cast(pl.Int64), trials=pl.len().cast(pl.Int64)
    )
    return Clusters.of(by_query["events"].to_numpy(), by_query["trials"].to_numpy())


def _false_after(rates: Rates, tries: int) -> float:
    """The share that is false of what has been accepted after so many tries, over all problems."""
    right, wrong, _ = accepted(rates, tries)
    return float(wrong.sum() / max(right.sum() + wrong.sum(), 1e-300))
