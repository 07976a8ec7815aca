"""Metrics of rankings by their ir-measures names, such as nDCG@10 or AP(rel=2), of each query.

These are computed here, for all queries at once; any other name is handed to the ir-measures
library (`metric_names` tells which). The gain of nDCG is linear, as in trec_eval and pytrec_eval: a
document of relevance 2 at rank i adds 2 / log2(i + 1), not 3, but for nDCG(dcg='exp-log2').
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Doubles
from negatives.errors import InputError
from negatives.measure.judged import JudgedPairs, places
from negatives.measure.propensity import A, B, propensities

Setting = str | float

_ALL: Final = 2**62
_HIGHEST_ERR_GRADE: Final = 4
_HIGHEST_EXPONENT: Final = 500
"""The exponential gain of a higher grade, added up, could be more than a float64 can hold."""


def ndcg(judged: JudgedPairs, cutoff: int, rel: int, dcg: Setting = "log2") -> Doubles:
    """Discounted gain of the first `cutoff` over that of the best possible order.

    The gain is the grade g, or with `dcg` of "exp-log2" 2^g - 1, as in gdeval.
    """
    gain, best = judged.relevance.astype(np.float64), judged.known_relevance.astype(np.float64)
    if dcg == "exp-log2":
        _refuse_grades_above(_HIGHEST_EXPONENT, judged, "nDCG(dcg='exp-log2')")
        gain, best = np.exp2(gain) - 1, np.exp2(best) - 1
    return _over(
        _discounted(judged, judged.query, gain, judged.rank, cutoff),
        _discounted(judged, judged.known_query, best, places(judged.known_query), cutoff),
    )


def expected_reciprocal_rank(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """1 over the rank at which a reader stops, on average (Chapelle et al., CIKM 2009).

    A document of grade g satisfies with probability (2^g - 1) / 2^4, as in gdeval: the highest
    grade is 4, whatever grades are there.
    """
    _refuse_grades_above(_HIGHEST_ERR_GRADE, judged, "ERR")
    within = judged.rank <= cutoff
    query, rank = judged.query[within], judged.rank[within]
    stops = (np.exp2(judged.relevance[within]) - 1) / 2**_HIGHEST_ERR_GRADE
    # The logarithm of the probability to be still reading, before each document of its query.
    reading = np.cumsum(np.log1p(-stops)) - np.log1p(-stops)
    reading -= reading[np.searchsorted(query, query)]
    return _sum(judged, query, np.exp(reading) * stops / rank)


def rank_biased_precision(judged: JudgedPairs, cutoff: int, rel: int, p: Setting = 0.8) -> Doubles:
    """Share of relevant documents seen by a reader who goes on after each with probability `p`
    (Moffat and Zobel, TOIS 2008).
    """
    hit = (judged.relevance >= rel) & (judged.rank <= cutoff)
    goes_on = float(p)
    weight = (1 - goes_on) * np.power(goes_on, judged.rank[hit] - 1.0)
    return _sum(judged, judged.query[hit], weight.astype(np.float64))


def accuracy(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """How probable it is that a relevant document retrieved stands above an irrelevant one.

    1 where only relevant documents were retrieved, 0 where none was. What is unjudged is taken for
    irrelevant.
    """
    hit = (judged.relevance >= rel) & (judged.rank <= cutoff)
    query, relevant = judged.query[hit], _count(judged, hit)
    irrelevant = np.minimum(judged.retrieved, cutoff) - relevant
    above = _sum(judged, query, (judged.rank[hit] - places(query)).astype(np.float64))
    return np.where(relevant > 0, 1 - _over(above, irrelevant * relevant), 0)


def reciprocal_rank(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """1 over the rank of the first relevant document; 0 where there is none."""
    best = np.zeros(len(judged))
    hit = (judged.relevance >= rel) & (judged.rank <= cutoff)
    np.maximum.at(best, judged.query[hit], 1 / judged.rank[hit])
    return best


def recall(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """Share of the relevant documents that are among the first `cutoff`."""
    return _over(_found(judged, cutoff, rel), _relevant(judged, rel))


def precision(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """Share of the first `cutoff` places that hold a relevant document."""
    return _found(judged, cutoff, rel) / cutoff


def r_capped_precision(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """Relevant documents among the first `cutoff`, over as many as there could be: RP@k."""
    return _over(_found(judged, cutoff, rel), np.minimum(_relevant(judged, rel), cutoff))


def propensity_scored_precision(
    judged: JudgedPairs,
    cutoff: int,
    rel: int,
    A: Setting = A,  # noqa: N803 (as the paper calls it)
    B: Setting = B,  # noqa: N803
) -> Doubles:
    """Precision in which a label counts for 1 over its propensity, over the best there could be of
    the query: PSP@k, normalised query by query (Jain, Prabhu and Varma, KDD 2016).
    """
    if judged.counts is None:
        raise InputError(
            f"PSP@{cutoff} asks how many training queries have each label, and nobody said",
            fix="--trained-on DATA@train; in Python trained_on=",
        )
    worth, most = (
        1 / propensities(counts, judged.trained, float(A), float(B)) for counts in judged.counts
    )
    hit = (judged.relevance >= rel) & (judged.rank <= cutoff)
    known = judged.known_relevance >= rel
    query, most = judged.known_query[known], most[known]
    order = np.lexsort((-most, query))
    best = places(query[order]) <= cutoff
    return _over(
        _sum(judged, judged.query[hit], worth[hit]),
        _sum(judged, query[order][best], most[order][best]),
    )


def area_under_roc(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """How probable it is that a relevant document stands above another, of all documents: AUROC.

    What is not in the list stands below it, at one place: ties count one half. What is unjudged is
    taken for irrelevant. Each document above a relevant one costs the same, wherever that is.
    """
    hit = judged.relevance >= rel
    query, relevant = judged.query[hit], _relevant(judged, rel)
    found = _count(judged, hit)
    documents = np.maximum(judged.documents, judged.retrieved + relevant - found)
    others, listed = documents - relevant, judged.retrieved - found
    above = _sum(judged, query, (judged.rank[hit] - places(query)).astype(np.float64))
    above += (relevant - found) * (listed + (others - listed) / 2)
    wrong = _over(above, relevant * others)
    return np.where(relevant > 0, 1 - wrong, 0.0)


def success(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """1 where a relevant document is among the first `cutoff`, else 0."""
    return np.minimum(_found(judged, cutoff, rel), 1)


def average_precision(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """Precision at each relevant document found, added up, over how many are relevant."""
    hit = (judged.relevance >= rel) & (judged.rank <= cutoff)
    query = judged.query[hit]
    return _over(_sum(judged, query, places(query) / judged.rank[hit]), _relevant(judged, rel))


def r_precision(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """Precision at as many places as there are relevant documents."""
    relevant = _relevant(judged, rel)
    hit = (judged.relevance >= rel) & (judged.rank <= relevant[judged.query])
    return _over(_count(judged, hit), relevant)


def bpref(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """How rarely a judged irrelevant document stands above a relevant one; unjudged ones do not
    count (Buckley and Voorhees, SIGIR 2004, as trec_eval computes it).
    """
    relevant = _relevant(judged, rel)
    irrelevant = np.bincount(judged.known_query, minlength=len(judged)) - relevant
    hit = judged.relevance >= rel
    query = judged.query[hit]
    above = np.minimum((judged.place[hit] - places(query)), relevant[query])
    most = np.maximum(np.minimum(relevant, irrelevant)[query], 1)
    return _over(_sum(judged, query, 1 - above / most), relevant)


def judged_share(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """Share of the first `cutoff` documents retrieved that anybody has judged."""
    return _over(
        _count(judged, judged.rank <= cutoff), np.minimum(judged.retrieved, cutoff).astype(float)
    )


def retrieved(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """How many documents there are in the list."""
    return judged.retrieved.astype(np.float64)


def relevant_retrieved(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """How many relevant documents there are in the list."""
    return _found(judged, cutoff, rel)


def relevant_known(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """How many relevant documents there are, in the list or not."""
    return _relevant(judged, rel)


def one(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    """1 for each query, so that they are counted."""
    return np.ones(len(judged))


@dataclass(frozen=True, slots=True)
class Choice:
    """What a setting is where it is not given, and what it may be: one of `of`, or a number from 0
    to `most`.
    """

    default: Setting
    of: tuple[str, ...] = ()
    most: float = 1.0


@dataclass(frozen=True, slots=True)
class Kind:
    """How a metric is computed, and what its name may say.

    `cutoff`, `rel`: whether one is needed (True), refused (False), or may be given (None). `more`:
    the other settings. `total`: whether its values are added up over the queries, not averaged.
    `trained`: whether it asks how often documents are positives in the data of a training.
    `judged_only`: whether it looks at judged documents alone. `ordered`: whether another order of
    the same list can have another value.
    """

    compute: Callable[..., Doubles]
    cutoff: bool | None = None
    rel: bool | None = None
    more: Mapping[str, Choice] = field(default_factory=dict)
    total: bool = False
    trained: bool = False
    judged_only: bool = False
    ordered: bool = True


OWN: Final = {
    "nDCG": Kind(ndcg, rel=False, more={"dcg": Choice("log2", ("log2", "exp-log2"))}),
    "RR": Kind(reciprocal_rank),
    "R": Kind(recall, cutoff=True),
    "P": Kind(precision, cutoff=True),
    "RP": Kind(r_capped_precision, cutoff=True),
    "PSP": Kind(
        propensity_scored_precision,
        cutoff=True,
        more={"A": Choice(A, most=10.0), "B": Choice(B, most=100.0)},
        trained=True,
    ),
    "AUROC": Kind(area_under_roc, cutoff=False),
    "Success": Kind(success, cutoff=True),
    "AP": Kind(average_precision),
    "Rprec": Kind(r_precision, cutoff=False),
    "Bpref": Kind(bpref, cutoff=False, judged_only=True),
    "Judged": Kind(judged_share, cutoff=True, rel=False, ordered=False),
    "ERR": Kind(expected_reciprocal_rank, rel=False),
    "RBP": Kind(rank_biased_precision, rel=True, more={"p": Choice(0.8)}),
    "Accuracy": Kind(accuracy),
    "NumRet": Kind(retrieved, cutoff=False, rel=False, total=True),
    "NumRelRet": Kind(relevant_retrieved, cutoff=False, total=True),
    "NumRel": Kind(relevant_known, cutoff=False, total=True),
    "NumQ": Kind(one, cutoff=False, rel=False, total=True),
}
"""Metrics computed here; all but RP, PSP and AUROC are in ir-measures, and give the same."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One of `OWN`; `str` of it is its name. `rel`: the least relevance that counts as relevant.
    `more`: the settings beside it that are not as they are where none is given.
    """

    kind: str
    cutoff: int | None = None
    rel: int = 1
    more: tuple[tuple[str, Setting], ...] = ()

    def __str__(self) -> str:
        shown = [f"{name}={value!r}" for name, value in self.more]
        if self.rel != 1 or OWN[self.kind].rel:
            shown.insert(0, f"rel={self.rel}")
        settings = f"({','.join(shown)})" if shown else ""
        return f"{self.kind}{settings}" + (f"@{self.cutoff}" if self.cutoff else "")

    @property
    def trained(self) -> bool:
        """Whether it asks how often documents are positives in the data of a training."""
        return OWN[self.kind].trained

    @property
    def total(self) -> bool:
        """Whether its values are added up over the queries."""
        return OWN[self.kind].total

    @property
    def judged_only(self) -> bool:
        """Whether it looks at judged documents alone."""
        return OWN[self.kind].judged_only

    @property
    def has_ceiling(self) -> bool:
        """Whether it is worth telling what the best order of the same list would score."""
        return OWN[self.kind].ordered and not self.total

    def of(self, judged: JudgedPairs) -> Doubles:
        """float64[queries], each in 0 .. 1, but for those that are counts."""
        return OWN[self.kind].compute(judged, self.cutoff or _ALL, self.rel, **dict(self.more))


def _found(judged: JudgedPairs, cutoff: int, rel: int) -> Doubles:
    return _count(judged, (judged.relevance >= rel) & (judged.rank <= cutoff))


def _relevant(judged: JudgedPairs, rel: int) -> Doubles:
    known = judged.known_query[judged.known_relevance >= rel]
    return np.bincount(known, minlength=len(judged)).astype(np.float64)


def _count(judged: JudgedPairs, chosen: Bools) -> Doubles:
    return np.bincount(judged.query[chosen], minlength=len(judged)).astype(np.float64)


def _sum(judged: JudgedPairs, query: NDArray[np.int64], values: Doubles) -> Doubles:
    return np.bincount(query, values, minlength=len(judged)).astype(np.float64)


def _discounted(
    judged: JudgedPairs,
    query: NDArray[np.int64],
    gain: Doubles,
    rank: NDArray[np.int64],
    cutoff: int,
) -> Doubles:
    within = rank <= cutoff
    return _sum(judged, query[within], gain[within] / np.log2(rank[within] + 1))


def _refuse_grades_above(highest: int, judged: JudgedPairs, metric: str) -> None:
    above = judged.known_relevance > highest
    if above.any():
        raise InputError(
            f"{metric} takes grades of relevance up to {highest}: the judgements have "
            f"{judged.known_relevance[above].max():,}",
            fix="put the grades on a scale of 0 to 4, or name nDCG@10, which takes any",
        )


def _over(part: Doubles, whole: Doubles) -> Doubles:
    """part / whole, and 0 where there is nothing to find."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
