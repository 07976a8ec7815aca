"""Metrics of rankings by their ir-measures names, such as nDCG@10 or AP(rel=2), of each query.

Those that training and comparing ask for are computed here, for all queries at once; any other
name is handed to the ir-measures library. The gain of nDCG is linear, as in trec_eval and
pytrec_eval: a document of relevance 2 at rank i adds 2 / log2(i + 1), not 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negatives.errors import InputError, MissingExtra, nearest
from negatives.measure.ir_measures import IrMeasure, ir_measure, ir_names
from negatives.measure.judged import Flags, Judged, places

Values = NDArray[np.float64]

_ALL: Final = 2**62
_WRITTEN: Final = re.compile(r"([A-Za-z_]+)(?:\(rel=(\d+)\))?(?:@(\d+))?")


def ndcg(judged: Judged, cutoff: int, rel: int) -> Values:
    """Discounted gain of the first `cutoff` over that of the best possible order."""
    return _over(
        _discounted(judged, judged.query, judged.relevance, judged.rank, cutoff),
        _discounted(
            judged, judged.known_query, judged.known_relevance, places(judged.known_query), cutoff
        ),
    )


def reciprocal_rank(judged: Judged, cutoff: int, rel: int) -> Values:
    """1 over the rank of the first relevant document; 0 where there is none."""
    best = np.zeros(len(judged))
    hit = (judged.relevance >= rel) & (judged.rank <= cutoff)
    np.maximum.at(best, judged.query[hit], 1 / judged.rank[hit])
    return best


def recall(judged: Judged, cutoff: int, rel: int) -> Values:
    """Share of the relevant documents that are among the first `cutoff`."""
    return _over(_found(judged, cutoff, rel), _relevant(judged, rel))


def precision(judged: Judged, cutoff: int, rel: int) -> Values:
    """Share of the first `cutoff` places that hold a relevant document."""
    return _found(judged, cutoff, rel) / cutoff


def r_capped_precision(judged: Judged, cutoff: int, rel: int) -> Values:
    """Relevant documents among the first `cutoff`, over as many as there could be: RP@k."""
    return _over(_found(judged, cutoff, rel), np.minimum(_relevant(judged, rel), cutoff))


def success(judged: Judged, cutoff: int, rel: int) -> Values:
    """1 where a relevant document is among the first `cutoff`, else 0."""
    return np.minimum(_found(judged, cutoff, rel), 1)


def average_precision(judged: Judged, cutoff: int, rel: int) -> Values:
    """Precision at each relevant document found, added up, over how many are relevant."""
    hit = (judged.relevance >= rel) & (judged.rank <= cutoff)
    query = judged.query[hit]
    return _over(_sum(judged, query, places(query) / judged.rank[hit]), _relevant(judged, rel))


def r_precision(judged: Judged, cutoff: int, rel: int) -> Values:
    """Precision at as many places as there are relevant documents."""
    relevant = _relevant(judged, rel)
    hit = (judged.relevance >= rel) & (judged.rank <= relevant[judged.query])
    return _over(_count(judged, hit), relevant)


def bpref(judged: Judged, cutoff: int, rel: int) -> Values:
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


def judged_share(judged: Judged, cutoff: int, rel: int) -> Values:
    """Share of the first `cutoff` documents retrieved that anybody has judged."""
    return _over(
        _count(judged, judged.rank <= cutoff), np.minimum(judged.retrieved, cutoff).astype(float)
    )


@dataclass(frozen=True, slots=True)
class _Kind:
    compute: Callable[[Judged, int, int], Values]
    cutoff: bool | None = None
    """Whether one is needed (True), refused (False), or may be given (None)."""
    graded: bool = False
    """Whether grades count as they are, so that there is no `rel`."""


OWN: Final = {
    "nDCG": _Kind(ndcg, graded=True),
    "RR": _Kind(reciprocal_rank),
    "R": _Kind(recall, cutoff=True),
    "P": _Kind(precision, cutoff=True),
    "RP": _Kind(r_capped_precision, cutoff=True),
    "Success": _Kind(success, cutoff=True),
    "AP": _Kind(average_precision),
    "Rprec": _Kind(r_precision, cutoff=False),
    "Bpref": _Kind(bpref, cutoff=False),
    "Judged": _Kind(judged_share, cutoff=True, graded=True),
}
"""Metrics computed here; all but RP are in ir-measures too, and give the same there."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One of `OWN`; `str` of it is its name. `rel`: the least relevance that counts as relevant."""

    kind: str
    cutoff: int | None = None
    rel: int = 1

    def __str__(self) -> str:
        rel = f"(rel={self.rel})" if self.rel != 1 else ""
        return f"{self.kind}{rel}" + (f"@{self.cutoff}" if self.cutoff else "")

    def of(self, judged: Judged) -> Values:
        """float64[queries], each in 0 .. 1."""
        return OWN[self.kind].compute(judged, self.cutoff or _ALL, self.rel)


def parse_metric(text: str) -> Metric | IrMeasure:
    """The metric of that name.

    Raises `InputError` with the nearest name, `MissingExtra` where only ir-measures could know it.
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match and match[1] in OWN:
        return _own(text, OWN[match[1]], match)
    name = re.split(r"[(@]", text.strip())[0]
    rest = text.strip()[len(name) :]
    alike = {kind.lower(): kind for kind in OWN}.get(name.lower())
    if alike and alike != name:
        raise InputError(f"there is no metric {text!r}", mend=f"did you mean {alike + rest!r}?")
    try:
        return ir_measure(text)
    except MissingExtra as error:
        raise MissingExtra(
            f"{text!r} is none of the built-in metrics ({', '.join(OWN)})", mend=error.mend
        ) from None
    except ValueError as error:
        if name in ir_names():
            raise InputError(f"the metric {text!r} cannot be read: {error}") from None
        raise InputError(
            f"there is no metric {text!r}", mend=nearest(name, {*OWN, *ir_names()})
        ) from None


def parse_metrics(names: Iterable[str]) -> list[Metric | IrMeasure]:
    """Each metric once, in the order asked for."""
    found = {str(metric): metric for metric in map(parse_metric, names)}
    if not found:
        raise InputError("no metric is named", mend="name one, such as nDCG@10")
    return list(found.values())


def _own(text: str, kind: _Kind, match: re.Match[str]) -> Metric:
    name, rel, cutoff = match.groups()
    if kind.cutoff and not cutoff:
        raise InputError(f"the metric {text!r} lacks a cutoff", mend=f"write {text}@10, say")
    if kind.cutoff is False and cutoff:
        raise InputError(f"the metric {name!r} has no cutoff", mend=f"write {name}")
    if kind.graded and rel:
        raise InputError(f"the metric {name!r} takes no rel", mend="leave it out")
    if (cutoff and not int(cutoff)) or (rel and not int(rel)):
        raise InputError(f"a 0 in the metric {text!r}", mend="cutoffs and rel begin at 1")
    return Metric(name, int(cutoff) if cutoff else None, int(rel) if rel else 1)


def _found(judged: Judged, cutoff: int, rel: int) -> Values:
    return _count(judged, (judged.relevance >= rel) & (judged.rank <= cutoff))


def _relevant(judged: Judged, rel: int) -> Values:
    known = judged.known_query[judged.known_relevance >= rel]
    return np.bincount(known, minlength=len(judged)).astype(np.float64)


def _count(judged: Judged, chosen: Flags) -> Values:
    return np.bincount(judged.query[chosen], minlength=len(judged)).astype(np.float64)


def _sum(judged: Judged, query: NDArray[np.int64], values: Values) -> Values:
    return np.bincount(query, values, minlength=len(judged)).astype(np.float64)


def _discounted(
    judged: Judged,
    query: NDArray[np.int64],
    gain: NDArray[np.int64],
    rank: NDArray[np.int64],
    cutoff: int,
) -> Values:
    within = rank <= cutoff
    return _sum(judged, query[within], gain[within] / np.log2(rank[within] + 1))


def _over(part: Values, whole: Values) -> Values:
    """part / whole, and 0 where there is nothing to find."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
