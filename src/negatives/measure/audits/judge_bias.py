"""Whether a judge that is a language model says what a pair is, or what it is asked like.

Pairs of known labels are put to it in ways that mean the same (`judge_ways`), and the share that it
calls relevant is compared, pair by pair. It should be that of the labels, too: language models lean
to yes or to no by the form of a question more than by what it is about ("A Multifaceted Analysis of
Negative Bias in Large Language Models through the Lens of Parametric Knowledge"), and answer
otherwise one a call than many a call ("Evaluating Binary Decision Biases in Large Language
Models"); both are known here from their abstracts. Appeals are those of Wang et al. 2024,
"NegativePrompt", in this package's words (`models.stimuli`). How many candidates are relevant, by
such a judge, is corrected by what it was measured to err (`corrected_rate`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, cast

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Bools, Doubles, Floats, Places, Rows
from negatives.judge.llm import LLMJudge
from negatives.judge.prompted import PromptedJudge
from negatives.judge.shown_pairs import ShownPairs
from negatives.measure.audits.check import Answer, Check
from negatives.measure.audits.corrected_rate import corrected_interval, corrected_rate
from negatives.measure.audits.judge_ways import (
    ALONE,
    EARLY,
    FEWEST,
    LATE,
    LISTED,
    SWAPPED,
    TURNED,
    WORDED,
    appeal,
    asked_in_ways,
    labelled,
)
from negatives.measure.audits.rates import both_ends
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate, rounded
from negatives.measure.flips import Flips
from negatives.models.chat import Chat
from negatives.models.language_model import SHOWN, ApiKey, Shown, refuse_literal_keys
from negatives.models.stimuli import STIMULI
from negatives.opening import JudgeContext
from negatives.schema import JUDGED_NEGATIVE, POSITIVE
from negatives.stage import build
from negatives.stats.bootstrap import interval
from negatives.stats.bounds import Clusters
from negatives.wording import figure, percent

LABELS: Final = "than the labels say"
RUN: Final = "run"
"""Stands for the judge that the run asked."""


class JudgeBias(Check, kind="judge-bias"):
    """How far a judge's share of yes moves by what should not move it.

    The judge is the run's, or any language model that is named. It sounds an alarm where a way of
    asking, or the judge's leaning against the labels, moves the share of yes by more than `most`.

    >>> from negatives.measure.audits.judge_bias import JudgeBias
    >>> JudgeBias(model="http://127.0.0.1:8080/v1#qwen").documents
    4
    """

    model: Annotated[
        str,
        Meta(description="URL#NAME of an OpenAI-compatible endpoint; `run`: the judge that the run "
             "asked. It is asked anew, so that nothing is unless it is named"),
    ] = ""  # fmt: skip
    api_key: ApiKey = ""
    queries: Annotated[int, Meta(ge=FEWEST, description="queries whose pairs it is tried on")] = 50
    documents: Annotated[
        int, Meta(ge=2, le=20, description="labelled documents of a query, and of a list")
    ] = 4
    appeals: Annotated[
        int,
        Meta(ge=0, le=len(STIMULI), description="emotional appeals that are tried, each alone"),
    ] = 2
    characters: Shown = SHOWN
    most: Annotated[
        float,
        Meta(ge=0, lt=1, description="change of the share of yes that is borne; more is an alarm"),
    ] = 0.1

    def check(self) -> None:
        """No key stands among settings."""
        refuse_literal_keys(self.kind, {"api_key": self.api_key})

    def lacking(self, subject: Subject) -> str:
        """A judge, texts to show, and pairs of known labels."""
        data = subject.collection
        if not self.model:
            return (
                "no judge is named, and asking one costs calls; "
                "--set judge-bias.model=URL#NAME, or =run for the one that the run asked"
            )
        if self._judge(subject) is None:
            return "no language model has judged here; --set judge-bias.model=URL#NAME"
        if not data.has("docs", "text") or not data.has("queries", "text"):
            return "queries or documents have no texts; name what has them with --corpus"
        found, _ = labelled(subject, self.queries, self.documents)
        if found["query_id"].n_unique() < FEWEST:
            return (
                f"fewer than {FEWEST} queries have a positive and a negative; give --truth with "
                "judgements of more"
            )
        return ""

    def find(self, subject: Subject) -> Answer:
        """The change that is farthest from none, and what is left of the judge's own figures."""
        judge = cast("PromptedJudge", self._judge(subject))
        known, judged = labelled(subject, self.queries, self.documents)
        rows = subject.collection.rows_of(known).sort("query", "doc")
        relevant, owner = rows["relevant"].to_numpy(), rows["query"].to_numpy()
        pairs = ShownPairs(
            subject.collection,
            owner,
            rows["doc"].to_numpy(),
            subject.seed,
            characters=self.characters,
        )
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            opened = judge.open(
                JudgeContext(
                    subject.collection,
                    scratch,
                    seed=subject.seed,
                    reference="audit",
                    emit=subject.emit,
                )
            )
            score = opened.score(pairs.query, pairs.doc)
            said = asked_in_ways(
                Chat(judge.model, scratch, api_key=judge.api_key, emit=subject.emit),
                pairs,
                documents=self.documents,
                appeals=self.appeals,
            )
        own = Rates.of(score, judge.relevant_from or 0.0, relevant, owner)
        moved, unread = self._moved(said, owner, subject)
        details: dict[str, Any] = {
            "model": judge.model.partition("?")[0],
            "queries": len(np.unique(owner)),
            "pairs": len(pairs),
            "says yes to relevant": own.told(own.relevant, subject.confidence),
            "says yes to others": own.told(own.others, subject.confidence),
            "ways": {each.way: each.as_dict() for each in moved},
            "share of yes": {way: rounded(float(np.nanmean(each))) for way, each in said.items()
                             if not np.isnan(each).all()},
            "unreadable": unread,
        }  # fmt: skip
        moved.append(own.leaning(subject.confidence, len(moved) + 1))
        worst = max(moved, key=lambda each: (each.surely, abs(each.value)))
        found = Estimate(
            value=worst.value,
            low=worst.low,
            high=worst.high,
            confidence=subject.confidence,
            assumption=_JUDGED if judged else _NEGATIVES,
            details=details,
        )
        wrong = [each.way for each in moved if each.surely > self.most]
        about = f"change of the share of yes {worst.way}"
        advice = _MOVED.format(ways="; ".join(wrong)) if wrong else _FINE
        corrected = _of_candidates(subject, judge, own)
        details["candidates"] = corrected
        return Answer(
            self.kind, about, found, bool(wrong), advice, of_p_relevant=_sentence(corrected)
        )

    def _judge(self, subject: Subject) -> PromptedJudge | None:
        """The judge that is named, or the one that the run asked last; None: there is none."""
        if self.model != RUN:
            return LLMJudge(model=self.model, api_key=self.api_key, characters=self.characters)
        if subject.run is None:
            return None
        asked = subject.run.manifest.facts.cascade
        stages = [*subject.run.recipe.judge, *([build("judge", asked.judge)] if asked else [])]
        found = [
            each
            for each in stages
            if isinstance(each, PromptedJudge) and each.relevant_from is not None
        ]
        return found[-1] if found else None

    def _moved(
        self, said: Mapping[str, Doubles], owner: Rows | Places, subject: Subject
    ) -> tuple[list[Moved], list[str]]:
        """What each way moves, beside the usual one; and the ways that it does not answer in."""
        compared = {SWAPPED: ALONE, WORDED: ALONE, TURNED: ALONE, LISTED: ALONE, EARLY: LATE}
        compared |= {appeal(number + 1): ALONE for number in range(self.appeals)}
        found, unread = [], []
        for way, usual in compared.items():
            known = ~np.isnan(said[way]) & ~np.isnan(said[usual])
            if len(np.unique(owner[known])) < FEWEST:
                unread.append(way)
                continue
            found.append(
                moved_by(
                    way if usual == ALONE else f"{way}, not {usual}",
                    said[usual][known],
                    said[way][known],
                    owner[known],
                    confidence=1 - (1 - subject.confidence) / (len(compared) + 1),
                    seed=subject.seed,
                )
            )
        return found, unread


_JUDGED: Final = "the judgements are right"
_NEGATIVES: Final = (
    "the negatives, which nobody has judged, are not relevant: those that are make the judge look "
    "readier to say yes than it is"
)
_FINE: Final = "nothing to do: how it is asked moves its answers by no more than is borne"
_MOVED: Final = (
    "its answers move {ways}: ask in both orders (orders = 2), correct its shares by how often it "
    "says yes to pairs of known labels, or take another judge"
)


@dataclass(frozen=True)
class Moved:
    """How much a way of asking moves the share of yes: `value` between `low` and `high`."""

    way: str
    value: float
    low: float
    high: float
    flips: Flips | None = None

    @property
    def surely(self) -> float:
        """The smallest move, to either side, that is not ruled out."""
        return max(self.low, -self.high, 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; the shares of answers that flip, and McNemar's p."""
        made: dict[str, Any] = {
            name: rounded(getattr(self, name)) for name in ("value", "low", "high")
        }
        if self.flips is not None:
            made |= {"flips": rounded(self.flips.share), "p": rounded(self.flips.p)}
        return made


def moved_by(
    way: str,
    before: Doubles,
    after: Doubles,
    owner: Rows | Places,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> Moved:
    """The mean of `after` less `before`, float64[pairs] in 0 to 1, by queries of `owner`.

    Queries count alike, and the interval is over them: pairs of one are alike.
    """
    names, place = np.unique(owner, return_inverse=True)
    by_query = np.bincount(place, after - before) / np.bincount(place, minlength=len(names))
    found = interval(by_query, confidence=confidence, seed=seed)
    low, high = (found.value if end is None else end for end in (found.low, found.high))
    flips = Flips.of((before > 0.5).tolist(), (after > 0.5).tolist())
    return Moved(way, found.value, low, high, flips)


@dataclass(frozen=True)
class Rates:
    """How often a judge says yes, counted by query: to relevant pairs, and to others."""

    relevant: Clusters
    others: Clusters

    @classmethod
    def of(cls, score: Floats, split: float, relevant: Bools, owner: Rows | Places) -> Rates:
        """Of scores, float32[pairs], that mean yes above `split`; NaN is left out."""
        table = pl.DataFrame({"owner": owner, "relevant": relevant, "yes": score > split})
        table = table.filter(~np.isnan(score))
        return cls(*(yeses(table.filter(pl.col("relevant") == each)) for each in (True, False)))

    def told(self, clusters: Clusters, confidence: float) -> list[float | None]:
        """A rate with its ends."""
        low, high = both_ends(clusters, (1 + confidence) / 2)
        return [rounded(clusters.rate), rounded(low), rounded(high)]

    def leaning(self, confidence: float, at_once: int) -> Moved:
        """The share of yes of as many relevant pairs as others, less a half.

        Above 0 the judge says yes too readily. Its interval, as one of several `at_once`, puts
        those of both rates together (Zou and Donner 2008: the square root of the squares' sum).
        """
        sure = 1 - (1 - confidence) / (2 * at_once)
        rates = np.array([self.relevant.rate, self.others.rate])
        ends = np.array([both_ends(each, sure) for each in (self.relevant, self.others)])
        down, up = np.linalg.norm(ends - rates[:, None], axis=0) / 2
        value = float(rates.sum() - 1) / 2
        return Moved(LABELS, value, value - float(down), value + float(up))


def yeses(table: pl.DataFrame) -> Clusters:
    """`yes`, counted by `owner`."""
    counted = table.group_by("owner").agg(
        events=pl.col("yes").sum().cast(pl.Int64), trials=pl.len().cast(pl.Int64)
    )
    return Clusters.of(counted["events"].to_numpy(), counted["trials"].to_numpy())


def _of_candidates(subject: Subject, judge: PromptedJudge, own: Rates) -> dict[str, Any] | None:
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


def _sentence(found: Mapping[str, Any] | None) -> str:
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
