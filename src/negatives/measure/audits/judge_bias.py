"""Whether a judge that is a language model says what a pair is, or what it is asked like.

Pairs of known labels are put to it in ways that mean the same (`judge_ways`), and the share that it
calls relevant is compared, pair by pair. It should be that of the labels, too: language models lean
to yes or to no by the form of a question more than by what it is about, and say no where they do
not know ("A Multifaceted Analysis of Negative Bias in Large Language Models through the Lens of
Parametric Knowledge"): so queries are divided by what it knows without a document (`closed_book`),
and it is asked once with `unsure` for a third answer. They answer otherwise one a call than many a
call ("Evaluating Binary Decision Biases in Large Language Models"); both are known here from their
abstracts. Appeals are those of Wang et al. 2024, "NegativePrompt", in this package's words
(`models.stimuli`). How many candidates are relevant, by such a judge, is corrected by what it was
measured to err (`corrected_rate`).
"""

from __future__ import annotations

from collections.abc import Mapping
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
from negatives.measure.audits.closed_book import Knowledge, known_by
from negatives.measure.audits.judge_knowledge import WHERE, by_knowledge, parts_of, told_of
from negatives.measure.audits.judge_leaning import Moved, Rates, moved_by
from negatives.measure.audits.judge_ways import (
    ALONE,
    EARLY,
    FEWEST,
    LATE,
    LISTED,
    OFFERED,
    SWAPPED,
    TURNED,
    UNSURE_IS,
    WORDED,
    appeal,
    asked_in_ways,
    labelled,
)
from negatives.measure.audits.judged_candidates import of_candidates, sentence
from negatives.measure.audits.subject import Subject
from negatives.measure.distraction import read_answers
from negatives.measure.estimate import Estimate, rounded
from negatives.models.chat import Chat
from negatives.models.language_model import SHOWN, ApiKey, Shown, refuse_literal_keys
from negatives.models.stimuli import STIMULI
from negatives.opening import JudgeContext
from negatives.settings import FileName, ModelName
from negatives.stage import build
from negatives.store.scratch import scratch_folder

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
        ModelName,
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
    answers: Annotated[
        FileName,
        Meta(description="file of query_id and answer, a row for each that is right: only such "
             "queries are tried, and told apart by whether the model knows the answer by itself"),
    ] = ""  # fmt: skip
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
        if self.answers and not Path(self.answers).is_file():
            return f"there is no file of answers {self.answers}"
        found, _ = labelled(subject, self.queries, self.documents, self._answered)
        if found["query_id"].n_unique() < FEWEST:
            lacks = ", and an answer in " + self.answers if self.answers else ""
            return (
                f"fewer than {FEWEST} queries have a positive and a negative{lacks}; give --truth "
                "with judgements of more"
            )
        return ""

    def models(self, subject: Subject) -> tuple[str, ...]:
        """The judge's, also where it is the one that the run asked."""
        judge = self._judge(subject)
        return self.opens if judge is None else judge.opens

    @property
    def _answered(self) -> dict[str, list[str]] | None:
        """Query -> its right answers; None: none are named."""
        return read_answers(self.answers)[0] if self.answers else None

    def find(self, subject: Subject) -> Answer:
        """The change that is farthest from none, and what is left of the judge's own figures."""
        judge = cast("PromptedJudge", self._judge(subject))
        answers = self._answered
        known, judged = labelled(subject, self.queries, self.documents, answers)
        rows = subject.collection.rows_of(known).sort("query", "doc")
        relevant, owner = rows["relevant"].to_numpy(), rows["query"].to_numpy()
        pairs = ShownPairs(
            subject.collection,
            owner,
            rows["doc"].to_numpy(),
            subject.seed,
            characters=self.characters,
        )
        score, said, knows = self._answers(subject, judge, known, pairs, answers)
        split = judge.relevant_from or 0.0
        own = Rates.of(score, split, relevant, owner)
        parts = parts_of(knows, subject.collection.ids("queries").gather(owner))
        by_part = {
            part: Rates.of(score[at], split, relevant[at], owner[at]) for part, at in parts.items()
        }
        compared = self._compared
        at_once = len(compared) + max(len(parts), 1)
        sure = 1 - (1 - subject.confidence) / at_once
        moved, unread = _moved(compared, said, owner, sure, subject.seed)
        moved += by_knowledge(by_part, subject.confidence, at_once)
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
            "unsure": _unsure(said, owner, sure, subject.seed),
            "knowledge": {
                part: {
                    "queries": len(np.unique(owner[at])),
                    **by_part[part].as_dict(subject.confidence),
                    "unsure": _share(said[OFFERED][at] == UNSURE_IS),
                }
                for part, at in parts.items()
            },
        }  # fmt: skip
        moved.append(own.leaning(subject.confidence, at_once))
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
        if {OFFERED, *WHERE.values()} & {*wrong}:
            advice += _UNKNOWING
        advice += told_of(by_part)
        corrected = of_candidates(subject, judge, own)
        details["candidates"] = corrected
        return Answer(
            self.kind, about, found, bool(wrong), advice, of_p_relevant=sentence(corrected)
        )

    def _answers(
        self,
        subject: Subject,
        judge: PromptedJudge,
        known: pl.DataFrame,
        pairs: ShownPairs,
        answers: Mapping[str, list[str]] | None,
    ) -> tuple[Floats, Mapping[str, Doubles], Mapping[str, Knowledge]]:
        """The judge's own scores of the pairs, what it says in each way of asking, and what it
        knows of each query without a document, where right answers are named.
        """
        with scratch_folder() as scratch:
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
            chat = Chat(judge.model, scratch, api_key=judge.api_key, emit=subject.emit)
            said = asked_in_ways(chat, pairs, documents=self.documents, appeals=self.appeals)
            knows = {} if answers is None else known_by(chat, _questions(known, subject), answers)
        return score, said, knows

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

    @property
    def _compared(self) -> dict[str, str]:
        """Way of asking -> the usual one that it is held against."""
        ways = (SWAPPED, WORDED, TURNED, OFFERED, LISTED)
        compared = dict.fromkeys(ways, ALONE) | {EARLY: LATE}
        return compared | {appeal(number + 1): ALONE for number in range(self.appeals)}


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
_UNKNOWING: Final = "; the judge `abstain` lets it say that it does not know, and drops that"


def _moved(
    compared: Mapping[str, str],
    said: Mapping[str, Doubles],
    owner: Rows | Places,
    confidence: float,
    seed: int,
) -> tuple[list[Moved], list[str]]:
    """What each way moves, beside the usual one; and the ways that it does not answer in."""
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
                confidence=confidence,
                seed=seed,
            )
        )
    return found, unread


def _unsure(
    said: Mapping[str, Doubles], owner: Rows | Places, confidence: float, seed: int
) -> dict[str, Any] | None:
    """Where it may say unsure: how often it does, and how that moves the shares of yes and of no;
    None where too little of that can be read.
    """
    usual, offered = said[ALONE], said[OFFERED]
    read = ~np.isnan(usual) & ~np.isnan(offered)
    if len(np.unique(owner[read])) < FEWEST:
        return None
    shares = {
        word: moved_by(
            word,
            (usual[read] == value).astype(np.float64),
            (offered[read] == value).astype(np.float64),
            owner[read],
            confidence=confidence,
            seed=seed,
        ).as_dict()
        for word, value in (("no", 0.0), ("yes", 1.0))
    }
    return {"share": _share(offered[read] == UNSURE_IS), "changes the share of": shares}


def _questions(known: pl.DataFrame, subject: Subject) -> dict[str, str]:
    """Query -> its text, of the queries of the pairs."""
    asked = known.select("query_id").unique().sort("query_id")
    rows = asked.join(subject.collection.queries, on="query_id", maintain_order="left")
    return dict(rows.select("query_id", "text").iter_rows())


def _share(these: Bools) -> float | None:
    return rounded(float(these.mean())) if len(these) else None
