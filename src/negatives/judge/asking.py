"""Questions to one or more language models, put and read, with what they have cost.

A judge puts its questions through this: so that the same lines of it ask, and foresee what asking
would cost, where nothing is sent.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from negatives.models.chat import BYTES_A_TOKEN, Chat, Form
from negatives.models.chat_reply import Answer
from negatives.models.prompt import Filling, Messages, Prompt
from negatives.opening import NOTHING, Foreseen

Read = Callable[[Answer], float]
"""What a reply says, as a number; NaN where that cannot be read."""


@dataclass
class Asking:
    """Puts questions to `chats`, the judge's own model under the name "", in words of `prompts`.

    `longest`: tokens a reply may have instead of what the judge would allow; 0: that. `questions`
    and `tokens` count all answers, those that were known too; `figures`, whatever a judge counts.
    """

    chats: Mapping[str, Chat]
    prompts: Mapping[str, Prompt]
    longest: int = 0
    before: int = 0
    total: int = 0
    questions: int = 0
    tokens: int = 0
    unread: str = ""
    """The last reply that could not be read,"""
    unreadable: list[Answer] = field(default_factory=list)
    """and all of them."""
    figures: Counter[str] = field(default_factory=Counter)

    def answers(
        self,
        prompt: str,
        fillings: Sequence[Mapping[str, Filling]],
        form: Form,
        model: str = "",
    ) -> list[Answer | None]:
        """The reply to each question; None where none came that is one."""
        words = self.prompts[prompt]
        questions = [words.filled(each) for each in fillings]
        form = replace(form, longest=self.longest) if self.longest else form
        found = self._put(self.chats[model], words, questions, form) if questions else []
        self.questions += len(questions)
        self.tokens += sum(each.read + each.written for each in found if each is not None)
        return found

    def scores(
        self,
        prompt: str,
        fillings: Sequence[Mapping[str, Filling]],
        form: Form,
        read: Read,
        model: str = "",
    ) -> list[float]:
        """What each reply says; NaN where it cannot be read."""
        return self.read(self.answers(prompt, fillings, form, model), read)

    def read(self, answers: Sequence[Answer | None], read: Read) -> list[float]:
        """What each of these replies says; NaN where it cannot be read."""
        made = [math.nan if answer is None else read(answer) for answer in answers]
        for answer, score in zip(answers, made, strict=True):
            if math.isnan(score):
                self.cannot_read(answer)
        return made

    def cannot_read(self, answer: Answer | None) -> None:
        """Remember a reply that could not be read, to be shown."""
        self.unread = "no chat completion" if answer is None else repr(answer.text)
        self.unreadable += [] if answer is None else [answer]

    def forget(self) -> None:
        """Have what could not be read asked again, the next time."""
        for chat in self.chats.values():
            chat.forget(self.prompts.values(), self.unreadable)

    def _put(
        self, chat: Chat, prompt: Prompt, questions: Sequence[Messages], form: Form
    ) -> list[Answer | None]:
        return chat.ask(prompt, questions, form, before=self.before, total=self.total)


@dataclass
class Foreseeing(Asking):
    """Sends nothing, and adds up what sending would cost; `anew`: if no reply was kept.

    A reply that is not known is taken to be as long as it may be, and to say nothing readable.
    """

    anew: bool = False
    foreseen: Foreseen = field(default_factory=lambda: NOTHING)

    def _put(
        self, chat: Chat, prompt: Prompt, questions: Sequence[Messages], form: Form
    ) -> list[Answer | None]:
        self.foreseen += chat.foresee(prompt, questions, form, anew=self.anew)
        if self.anew:
            return [_long(form)] * len(questions)
        return [each or _long(form) for each in chat.known(prompt, questions, form)]


def _long(form: Form) -> Answer:
    return Answer(_FILLER * (form.longest * BYTES_A_TOKEN // len(_FILLER)))


_FILLER: Final = "text "
