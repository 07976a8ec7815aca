"""A language model's opinion as evidence: yes or no, or grades from 0 to 3, of pairs or lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, ClassVar, Final, Literal, NamedTuple

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.judge.asking import Asking, Read
from negatives.judge.llm_score import (
    GRADE_SPLIT,
    Grades,
    ListGrades,
    Relevant,
    graded,
    listed,
    listed_grades,
    log_odds,
    mean_read,
)
from negatives.judge.prompted import PAIR, PromptedJudge
from negatives.judge.shown_pairs import ShownPairs
from negatives.models.chat import Form
from negatives.models.chat_reply import Answer
from negatives.models.language_model import Words
from negatives.models.prompt import Filling
from negatives.settings import FileName


class _Mode(NamedTuple):
    """How a mode asks, of one document or of a list, and what it makes of a reply."""

    prompt: str
    form: Form
    read: Read
    of_list: str
    list_form: Form
    read_list: Callable[[Answer, int], list[float] | None]


_MODES: Final = {
    "yes-no": _Mode(
        "judge-yes-no", Form(8, alternatives=20), log_odds,
        "judge-list", Form(256, schema=Relevant), listed,
    ),
    "grades": _Mode(
        "judge-grades", Form(64, schema=Grades, alternatives=5), graded,
        "judge-list-grades", Form(256, schema=ListGrades), listed_grades,
    ),
}  # fmt: skip


class LLMJudge(PromptedJudge, kind="llm"):
    """Asks a language model about the likeliest pairs of each query, and about its positives.

    Yes or no, by the probability of the two words, or grades from 0 to 3 in the steps of UMBRELA
    (Upadhyay et al. 2024). By itself it rejects nothing: its scores are evidence, weighed by what
    they say of the run's own labels. A reply that cannot be read is unknown, never irrelevant. A
    document is data between marks that it cannot hold; what it orders is part of its text.

    `documents` above 1 shows a list of a query's documents at a time, in an order drawn by their
    ids, and again the other way round: models prefer some places. A list costs less a document, and
    another budget makes other lists. Of one document `orders = 2` swaps the two words, or the ends
    of the scale.

    With `positives`, the query's known ones are shown. So that labelled pairs are asked about as
    others are, one is always left out: the document itself, or one drawn. A query with a single
    known positive is asked without. On a finished run (`negatives judge`) `top` says nothing: a
    budget does.

    >>> from negatives import LLMJudge
    >>> judge = LLMJudge(model="http://127.0.0.1:8080/v1#qwen", mode="grades", reject=2)
    >>> judge.needs.docs, judge.fix
    (('text',), 'raise llm reject above 2')
    """

    scores: ClassVar[tuple[str, ...]] = ("llm_score",)
    evidence: ClassVar[Mapping[str, int]] = {"llm_held": 1}

    mode: Annotated[
        Literal["yes-no", "grades"],
        Meta(description="what is asked: whether it answers the query, or how well, from 0 to 3"),
    ] = "yes-no"
    prompt: Annotated[
        FileName,
        Meta(
            description="a Jinja file with query and document, or documents, and positives if "
            "wanted; empty: that of the mode"
        ),
    ] = ""
    documents: Annotated[
        int, Meta(ge=1, le=50, description="documents of a query that are shown at a time")
    ] = 1
    orders: Annotated[
        int,
        Meta(
            ge=0,
            le=2,
            description="times a question is put; 2: again in the other order; 0: 2 for lists",
        ),
    ] = 0

    @property
    def words(self) -> Mapping[str, Words]:
        """The prompt of its mode."""
        mode = _MODES[self.mode]
        if self.documents == 1:
            return {mode.prompt: PAIR._replace(flags=("swapped",))}
        return {
            mode.of_list: Words(needed=("query", "documents"), lists=("documents", "positives"))
        }

    @property
    def relevant_from(self) -> float:
        """Even odds, or the middle between grades 1 and 2."""
        return 0.0 if self.mode == "yes-no" else GRADE_SPLIT

    @property
    def shown(self) -> tuple[str, pl.Expr]:
        """A probability, or a grade."""
        if self.mode == "yes-no":
            return super().shown
        return "grade", pl.col(self.column).cast(pl.Float64)

    @property
    def together(self) -> bool:
        """Lists are."""
        return self.documents > 1

    def file_of(self, name: str) -> str:
        """`prompt`, where it is given."""
        return self.prompt or super().file_of(name)

    def scored(self, pairs: ShownPairs, ask: Asking) -> Sequence[float | None]:
        """One question a pair or a list, or two."""
        return self.asked_of("", pairs, ask)

    def asked_of(self, model: str, pairs: ShownPairs, ask: Asking) -> list[float]:
        """What one of its models says of each pair."""
        put = self._listed if self.documents > 1 else self._alone
        orders = (False, True)[: self.orders or (2 if self.documents > 1 else 1)]
        said = [put(model, pairs, ask, swapped) for swapped in orders]
        if len(said) == 1:
            return said[0]
        self._compare(said, ask)
        return [mean_read(each) for each in zip(*said, strict=True)]

    def _alone(self, model: str, pairs: ShownPairs, ask: Asking, swapped: bool) -> list[float]:
        mode = _MODES[self.mode]
        texts: list[dict[str, Filling]] = [
            {**each, "swapped": swapped} for each in pairs.one_by_one()
        ]
        return ask.scores(mode.prompt, texts, mode.form, mode.read, model)

    def _listed(self, model: str, pairs: ShownPairs, ask: Asking, swapped: bool) -> list[float]:
        mode = _MODES[self.mode]
        lists = [each[::-1] if swapped else each for each in pairs.lists(self.documents)]
        answers = ask.answers(mode.of_list, pairs.in_lists(lists), mode.list_form, model)
        made = np.full(len(pairs), np.nan)
        for places, answer in zip(lists, answers, strict=True):
            found = None if answer is None else mode.read_list(answer, len(places))
            if found is None:
                ask.cannot_read(answer)
            else:
                made[places] = found
        return [float(each) for each in made]

    def _compare(self, said: Sequence[Sequence[float]], ask: Asking) -> None:
        """Count the pairs of which the order decides."""
        first, second = (np.array(each) for each in said)
        both = ~np.isnan(first) & ~np.isnan(second)
        line = self.relevant_from
        ask.figures["asked twice"] += int(both.sum())
        ask.figures["other by order"] += int(((first > line) != (second > line))[both].sum())
