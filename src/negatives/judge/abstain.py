"""A judge that may say that it cannot tell, and is then not counted for either side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final

from msgspec import Meta

from negatives.judge.asking import Asking
from negatives.judge.llm_score import log_odds, spoken_chance
from negatives.judge.prompted import PAIR, PromptedJudge
from negatives.judge.shown_pairs import ShownPairs
from negatives.models.chat import Form
from negatives.models.chat_reply import Answer
from negatives.models.language_model import Words
from negatives.stage import Share

_PROMPT: Final = "judge-abstain"
UNSURE: Final = "unsure"


class Abstain(PromptedJudge, kind="abstain"):
    """Asks for yes, no or unsure; of a pair that the model is unsure of nothing is said.

    Models that must choose say no where they do not know, and find a match where there is none
    (Jiang et al. 2025, Rex-Thinker, trained to abstain; here a model is asked to, so a
    reconstruction). A pair of which `unsure` is at least as probable as `above` has no score: it is
    evidence for nothing.

    >>> from negatives import Abstain
    >>> Abstain(model="http://127.0.0.1:8080/v1#qwen").above
    0.5
    """

    scores: ClassVar[tuple[str, ...]] = ("abstain_score",)
    evidence: ClassVar[Mapping[str, int]] = {"abstain_held": 1}

    above: Annotated[
        Share, Meta(description="probability of unsure from which nothing is said of a pair")
    ] = 0.5

    @property
    def words(self) -> Mapping[str, Words]:
        """One prompt."""
        return {_PROMPT: PAIR}

    def scored(self, pairs: ShownPairs, ask: Asking) -> Sequence[float | None]:
        """Log-odds of yes against no; None where it abstains."""
        form = Form(8, alternatives=20)
        answers = ask.answers(_PROMPT, pairs.one_by_one(), form)
        sure = [answer for answer in answers if not self._abstains(answer)]
        scores = iter(ask.read(sure, log_odds))
        made = [None if self._abstains(answer) else next(scores) for answer in answers]
        ask.figures["abstained"] += sum(each is None for each in made)
        return made

    def _abstains(self, answer: Answer | None) -> bool:
        if answer is None:
            return False
        chance = spoken_chance(answer, UNSURE)
        return not math.isnan(chance) and chance >= max(self.above, 1e-9)
