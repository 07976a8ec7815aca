"""A debate: one side argues that a document answers, one that it does not; a judge reads both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final

from msgspec import Meta

from negatives.judge.asking import Asking
from negatives.judge.llm_score import log_odds, mean_read
from negatives.judge.prompted import PAIR, PromptedJudge
from negatives.judge.shown_pairs import ShownPairs
from negatives.models.chat import Form
from negatives.models.language_model import Words
from negatives.models.prompt import Filling
from negatives.settings import ModelName

_ARGUE: Final = "judge-debate-argue"
_DECIDE: Final = "judge-debate-decide"
_ARGUMENT: Final = Form(160)
_VERDICT: Final = Form(8, alternatives=20)


class Debate(PromptedJudge, kind="debate"):
    """Has a language model argue for both sides, and judges decide after reading both.

    After Lang et al. (2025), debate between strong models for a weak judge, and Yeh et al. (2024),
    several judges that debate; without their fine-tuning, so a reconstruction. Each side sees what
    the other has said in the rounds before. Neither side is told which is right. The verdict is
    asked for twice, with the sides in either order, and of each of the `judges`; the score is the
    mean of the log-odds. It takes 2 `rounds` + 2 calls a pair and judge: for what cheaper judges
    disagree about.

    >>> from negatives import Debate
    >>> Debate(model="http://127.0.0.1:8080/v1#qwen").column
    'debate_score'
    """

    scores: ClassVar[tuple[str, ...]] = ("debate_score",)
    evidence: ClassVar[Mapping[str, int]] = {"debate_held": 1}

    rounds: Annotated[int, Meta(ge=1, le=5, description="times that each side speaks")] = 1
    judges: Annotated[
        list[ModelName],
        Meta(description="URL#NAME of the models that decide; empty: the one that argues"),
    ] = []
    judges_key: Annotated[
        str, Meta(description="env:NAME of the variable that holds their key; empty: api_key")
    ] = ""

    @property
    def words(self) -> Mapping[str, Words]:
        """What a side is asked, and what a judge is."""
        lists = ("positives", "arguments")
        return {
            _ARGUE: PAIR._replace(lists=lists, flags=("relevant",)),
            _DECIDE: Words(
                needed=("query", "document", "arguments"), lists=lists, flags=("swapped",)
            ),
        }

    @property
    def keys(self) -> Mapping[str, str]:
        """Of the debaters, and of the judges."""
        return {"": self.api_key} | dict.fromkeys(self.judges, self.judges_key or self.api_key)

    def scored(self, pairs: ShownPairs, ask: Asking) -> Sequence[float | None]:
        """The mean log-odds of the judges, after the debate, in both orders of the sides."""
        texts = pairs.one_by_one()
        said: list[list[str]] = [[] for _ in texts]
        for _ in range(self.rounds):
            both = [self._argued(texts, said, side, ask) for side in (True, False)]
            said = [[*before, *new] for before, *new in zip(said, *both, strict=True)]
        found = [
            self._decided(texts, said, judge, swapped, ask)
            for judge in self.judges or [""]
            for swapped in (False, True)
        ]
        return [mean_read(each) for each in zip(*found, strict=True)]

    def _argued(
        self,
        texts: Sequence[Mapping[str, Filling]],
        said: Sequence[Sequence[str]],
        relevant: bool,
        ask: Asking,
    ) -> list[str]:
        questions = [
            {**text, "arguments": list(before), "relevant": relevant}
            for text, before in zip(texts, said, strict=True)
        ]
        answers = ask.answers(_ARGUE, questions, _ARGUMENT)
        return ["" if answer is None else answer.said for answer in answers]

    def _decided(
        self,
        texts: Sequence[Mapping[str, Filling]],
        said: Sequence[Sequence[str]],
        judge: str,
        swapped: bool,
        ask: Asking,
    ) -> list[float]:
        questions: list[Mapping[str, Filling]] = [
            {**text, "arguments": _turned(both) if swapped else list(both), "swapped": swapped}
            for text, both in zip(texts, said, strict=True)
        ]
        return ask.scores(_DECIDE, questions, _VERDICT, log_odds, judge)


def _turned(said: Sequence[str]) -> list[str]:
    """The two sides of each round the other way round."""
    return [said[place ^ 1] for place in range(len(said))]
