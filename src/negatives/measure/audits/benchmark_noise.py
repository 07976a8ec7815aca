"""How many labels of a test set are wrong, and whether a comparison on it survives that.

Chen et al. 2024, "Revisiting Referring Expression Comprehension Evaluation in the Era of Large
Multimodal Models", read three test sets by hand: 14%, 24% and 5% of their labels are wrong, and
without those models stand elsewhere. Here a second judging (`--truth`, or the reviews of a run)
says how many are wrong, wherever it judges labels again. Without one the positives are compared
with documents drawn at random (`label_errors`), which finds labels that are on any document, and
none that are on a document near to the right one.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, NamedTuple

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.measure.audits.check import Answer, Check, verdict
from negatives.measure.audits.label_draws import (
    DRAWS,
    Redrawn,
    metric_of,
    read_ranking,
    redrawn,
)
from negatives.measure.audits.label_errors import (
    CONTRADICTED,
    TAIL,
    contradicted,
    drawn_positives,
    places_among_random,
    probability_wrong,
)
from negatives.measure.audits.rates import both_ends
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate
from negatives.run.reviews import read_reviews
from negatives.schema import PAIR
from negatives.settings import FileName, ModelName
from negatives.stage import Share
from negatives.stats.bounds import Clusters

AGAIN: Final = 20
"""Labels that somebody has judged again, below which their judgement counts for nothing."""
FEWEST: Final = 100
"""Positives, below which a comparison with random documents says too little."""
TURNS: Final = 0.05
"""Share of drawings of the labels that turn the sign of a difference, from which on it is told as
an alarm."""


class BenchmarkNoise(Check, kind="benchmark-noise"):
    """The share of a test set's labels that are wrong, and what becomes of a comparison on it.

    >>> from negatives.measure.audits.benchmark_noise import BenchmarkNoise
    >>> BenchmarkNoise(first="ours.run", second="theirs.run").metric
    'nDCG@10'
    """

    asks_negatives: ClassVar[bool] = False

    encoder: Annotated[
        ModelName,
        Meta(min_length=1, description="by which texts are compared, as for a dense source"),
    ] = "static"
    most: Annotated[
        Share, Meta(description="share of wrong labels from which on it is an alarm")
    ] = 0.1
    first: Annotated[
        FileName, Meta(description="a ranking of the test set, a file of TREC's, to be compared")
    ] = ""
    second: Annotated[FileName, Meta(description="the ranking that it is compared with")] = ""
    metric: Annotated[
        str, Meta(min_length=1, description="by which the two rankings are compared")
    ] = "nDCG@10"
    draws: Annotated[
        int, Meta(ge=20, le=10_000, description="how often the labels are drawn anew")
    ] = DRAWS

    def lacking(self, subject: Subject) -> str:
        """Labels that were judged again, or texts and positives enough; two rankings or none."""
        if bool(self.first) != bool(self.second):
            return (
                "one ranking is named, and two are compared: --set benchmark-noise.first=FILE "
                "--set benchmark-noise.second=FILE"
            )
        metric_of(self.metric)
        if len(_judged_again(subject)) >= AGAIN:
            return ""
        data = subject.collection
        if not data.has("docs", "text") or not data.has("queries", "text"):
            return (
                f"queries or documents have no texts, and fewer than {AGAIN} labels were judged "
                "again; name a second judging with --truth, or what has the texts with --corpus"
            )
        if len(data.positives) < FEWEST:
            return (
                f"only {len(data.positives)} positives, and {FEWEST} are needed, or {AGAIN} labels "
                "that somebody judged again (--truth)"
            )
        return ""

    def find(self, subject: Subject) -> Answer:
        """The share, by a second judging or else by likeness; and the comparison, redrawn."""
        rankings = [read_ranking(each) for each in (self.first, self.second) if each]
        again = _judged_again(subject)
        found = _by_judging(subject, again) if len(again) >= AGAIN else self._by_likeness(subject)
        details: dict[str, Any] = {**found.details}
        compared = None
        if rankings:
            compared = redrawn(
                _with_unlabelled(subject, found.labels),
                rankings,
                metric_of(self.metric),
                draws=self.draws,
                seed=subject.seed,
            )
            details["comparison"] = compared.as_dict()
        low, high = both_ends(found.counted, (1 + subject.confidence) / 2)
        rate, low, high = (min(each / found.seen, 1.0) for each in (found.counted.rate, low, high))
        estimate = Estimate(
            value=rate,
            low=low,
            high=high,
            confidence=subject.confidence,
            assumption=found.assumption,
            details=details,
        )
        wrong, told = verdict(estimate, self.most, found.advice, _FINE)
        turns = compared is not None and compared.turned > TURNS
        any_share = low <= 0 and high >= 1  # a few queries, of which little is seen, say nothing
        alarm = None if any_share and not turns else wrong or turns
        said = _ANY_SHARE if any_share else told
        advice = said + (f"; {_told(compared)}" if compared else "")
        return Answer(self.kind, found.about, estimate, alarm, advice)

    def _by_likeness(self, subject: Subject) -> _Found:
        data = subject.collection
        positives = drawn_positives(data, subject.seed)
        u = places_among_random(data, positives, self.encoder, subject.seed)
        counted = _by_query(positives["query"], pl.Series(u > TAIL))
        rate = min(counted.rate / (1 - TAIL), 1.0)
        doubted = positives.select(
            query_id=data.queries["query_id"].gather(positives["query"]),
            doc_id=data.corpus["doc_id"].gather(positives["doc"]),
            wrong=pl.Series(probability_wrong(u, rate)),
        )
        both = contradicted(data)
        labels = _labels(subject).join(doubted, on=PAIR, how="left")
        named = pl.struct(PAIR).is_in(both.select(pl.struct(PAIR)).to_series().implode())
        doubt = pl.col("wrong").fill_null(0.0)
        labels = labels.with_columns(
            wrong=pl.when(named).then(pl.max_horizontal(doubt, CONTRADICTED)).otherwise(doubt)
        )
        worst = doubted.sort("wrong", *PAIR, descending=[True, False, False]).head(_NAMED)
        details = {
            "by": "likeness",
            "positives": len(positives),
            "as unlike as the last tenth of random documents": counted.events,
            "pairs judged both ways": len(both),
            "most doubtful": worst.with_columns(pl.col("wrong").round(3)).to_dicts(),
        }
        return _Found(counted, 1 - TAIL, labels, _UNLIKE, _ANY, _READ, details)


_NAMED: Final = 20


class _Found(NamedTuple):
    """Wrong labels counted by query, of which only the part `seen` shows; and every label
    (query_id, doc_id, relevance) with the probability that it is wrong.
    """

    counted: Clusters
    seen: float
    labels: pl.DataFrame
    about: str
    assumption: str
    advice: str
    details: dict[str, Any]


def _labels(subject: Subject) -> pl.DataFrame:
    """query_id, doc_id, relevance of what is judged, from 0."""
    judged = subject.collection.qrels.filter(pl.col("relevance") >= 0)
    return judged.select(*PAIR, pl.col("relevance").cast(pl.Int64))


def _second(subject: Subject) -> pl.DataFrame:
    """query_id, doc_id, relevant: by the truth, or by the reviews of the run."""
    parts = [pl.DataFrame(schema={**dict.fromkeys(PAIR, pl.String), "relevant": pl.Boolean})]
    if subject.truth is not None:
        parts.append(subject.truth.select(*PAIR, relevant=pl.col("relevance") > 0))
    if subject.run is not None:
        parts.append(read_reviews(subject.run.path).select(*PAIR, "relevant"))
    return pl.concat(parts).unique(PAIR, keep="first", maintain_order=True)


def _judged_again(subject: Subject) -> pl.DataFrame:
    """Labels that somebody has judged again: `_labels`, and wrong (bool)."""
    both = _labels(subject).join(_second(subject), on=PAIR)
    return both.with_columns(wrong=(pl.col("relevance") > 0) != pl.col("relevant"))


def _by_judging(subject: Subject, again: pl.DataFrame) -> _Found:
    counted = _by_query(again["query_id"], again["wrong"])
    positive = pl.col("relevance") > 0
    sorts = {
        name: again.filter(which)["wrong"]
        for name, which in (("positives", positive), ("zeros", ~positive))
    }
    rates = {name: float(each.mean()) if len(each) else 0.0 for name, each in sorts.items()}  # type: ignore[arg-type]
    known = again.select(*PAIR, known=pl.col("wrong").cast(pl.Float64))
    guess = pl.when(positive).then(rates["positives"]).otherwise(rates["zeros"])
    labels = _labels(subject).join(known, on=PAIR, how="left")
    labels = labels.select(*PAIR, "relevance", wrong=pl.coalesce("known", guess))
    new = _second(subject).join(labels, on=PAIR, how="anti").filter("relevant")
    new = new.select(*PAIR, relevance=pl.lit(0, pl.Int64), wrong=pl.lit(1.0))
    details = {
        "by": "a second judging",
        "judged again": len(again),
        "wrong": counted.events,
        "share wrong of positives": rates["positives"],
        "share wrong of zeros": rates["zeros"],
        "relevant and not labelled": len(new),
    }
    return _Found(counted, 1.0, pl.concat([labels, new]), _CONTRADICTED, _SECOND, _JUDGE, details)


def _with_unlabelled(subject: Subject, labels: pl.DataFrame) -> pl.DataFrame:
    """The labels, and of a run the candidates that nobody labelled, wrong with p_relevant."""
    if subject.run is None:
        return labels
    rows = subject.unlabelled.drop_nulls("p_relevant")
    rows = rows.select(*PAIR, relevance=pl.lit(0, pl.Int64), wrong="p_relevant")
    return pl.concat([labels, rows.join(labels, on=PAIR, how="anti")])


def _by_query(query: pl.Series, wrong: pl.Series) -> Clusters:
    rows = pl.DataFrame({"query": query, "wrong": wrong}).group_by("query").agg(
        events=pl.col("wrong").sum().cast(pl.Int64), trials=pl.len().cast(pl.Int64)
    )  # fmt: skip
    return Clusters.of(rows["events"].to_numpy(), rows["trials"].to_numpy())


def _told(compared: Redrawn) -> str:
    sure = "significant" if compared.p <= 0.05 else "not significant"
    mean = float(np.mean(compared.differences))
    return (
        f"the first ranking is {compared.difference:+.4f} {compared.metric} to the second "
        f"(p = {compared.p:.3g}, {sure}), {mean:+.4f} on average over {len(compared.ps):,} "
        f"drawings of the labels; the sign turns in {compared.turned:.0%} of them, and "
        f"whether it is significant changes in {compared.undecided:.0%}"
    )


_UNLIKE: Final = "share of the positives that are on any document"
_CONTRADICTED: Final = "share of the labels that the second judging contradicts"
_ANY: Final = (
    "a wrong label is on a document that has no more to do with the query than others, and a right "
    "one hardly ever is: at most this share is so, and errors near to what is right are not seen"
)
_SECOND: Final = "the second judging is right, and labels it looks at are like the others"
_FINE: Final = "nothing to do, so far as this sees"
_ANY_SHARE: Final = (
    "too few queries to say anything: judge a sample of the labels again (--truth), or take a test "
    "set of more queries"
)
_READ: Final = (
    "read the most doubtful labels (--json names them), and judge a sample of the labels again "
    "(--truth)"
)
_JUDGE: Final = (
    "judge the rest of the labels again, or measure on those that were, before models are compared"
)
