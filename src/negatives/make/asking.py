"""Questions that a generator puts to its model, the replies read, and what they have cost.

The same lines of a generator ask, and foresee what asking would cost: `Foreseeing` counts the
questions, and gives no reply to any. A reply that cannot be read is unknown, counted, and nothing
is made of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, get_origin

import msgspec

from negatives.errors import ServiceError
from negatives.events import Counted, Emit
from negatives.models.chat import Chat, Form
from negatives.models.chat_reply import Answer, Schema, parsed
from negatives.models.prompt import Filling, Messages, Prompt
from negatives.opening import NOTHING, Foreseen
from negatives.wording import percent

_FIRST: Final = 32
"""Questions put at first, so that a model that cannot be used costs little,"""
_TOGETHER: Final = 256
"""and then."""
_SOON: Final = 20
"""Replies after which too many unknown ones end the work, before all are paid for."""
_TRAILING: Final = re.compile(r",(\s*[}\]])")
"""A comma after the last of several, which JSON does not have and models write."""


@dataclass
class Asking:
    """Puts questions to `chat`; `unknown` is the share of replies that may be unreadable.

    `several`: how many members a list of a reply is to have at most, which a server that binds
    replies to a schema is told; 0: any. `dropped`: what was written and is not used, by reason.
    """

    name: str
    chat: Chat
    prompts: Mapping[str, Prompt]
    form: Form
    emit: Emit
    stimulus: str = ""
    unknown: float = 1.0
    several: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    replies: int = 0
    unread: int = 0

    def ask(
        self, prompt: str, fillings: Sequence[Mapping[str, Filling]], schema: type[Schema]
    ) -> list[Schema | None]:
        """The reply to each question; None where it cannot be read."""
        words, form = self.prompts[prompt], in_form(self.form, bounded(schema, self.several))
        questions = [self._with_stimulus(words.filled(each)) for each in fillings]
        found: list[Schema | None] = []
        for part in _parts(len(questions)):
            answers = self.chat.ask(
                words, questions[part], form, before=part.start, total=len(questions)
            )
            read = [None if answer is None else reply_of(answer, schema) for answer in answers]
            self._count(words, answers, read, last=part.stop == len(questions))
            found += read
        return found

    def tell(self) -> None:
        """Say what was written and dropped."""
        if self.dropped:
            self.emit(Counted(f"make {self.name}", {f"dropped: {k}": n for k, n in self.figures}))

    @property
    def figures(self) -> list[tuple[str, int]]:
        """What was dropped, most first."""
        return self.dropped.most_common()

    def _with_stimulus(self, asked: Messages) -> Messages:
        return asked._replace(user=f"{asked.user}\n{self.stimulus}") if self.stimulus else asked

    def _count(
        self,
        words: Prompt,
        answers: Sequence[Answer | None],
        read: Sequence[object],
        *,
        last: bool,
    ) -> None:
        """Count the unknown; `ServiceError` where they are too many."""
        unknown = [place for place, reply in enumerate(read) if reply is None]
        self.replies += len(read)
        self.unread += len(unknown)
        figures = {"asked": len(read), "unknown": len(unknown)}
        self.emit(Counted(f"make {self.name}", figures))
        share = self.unread / max(1, self.replies)
        if unknown and share > self.unknown and (last or self.replies >= _SOON):
            answer = answers[unknown[-1]]
            lost = [answers[place] for place in unknown]
            self.chat.forget([words], [each for each in lost if each is not None])
            said = "no chat completion" if answer is None else repr(answer.text)
            raise ServiceError(
                f"{self.unread:,} of {self.replies:,} replies cannot be read ({percent(share)}, "
                f"{percent(self.unknown)} may be): the last such is {self.chat.service.said(said)}",
                where=f"{self.chat.name}, prompt {words.name}",
                fix="take a model that answers as it is asked, another prompt, more tokens for a "
                "model that thinks aloud or writes at length, or raise unknown; these are "
                "asked again next time",
            )


@dataclass
class Foreseeing(Asking):
    """Asks nobody; what it would have cost is `foreseen`."""

    foreseen: Foreseen = NOTHING

    def ask(
        self, prompt: str, fillings: Sequence[Mapping[str, Filling]], schema: type[Schema]
    ) -> list[Schema | None]:
        """No reply to any."""
        words = self.prompts[prompt]
        questions = [self._with_stimulus(words.filled(each)) for each in fillings]
        self.foreseen += self.chat.foresee(
            words, questions, in_form(self.form, bounded(schema, self.several))
        )
        return [None] * len(questions)


def in_form(form: Form, schema: type[msgspec.Struct]) -> Form:
    """The form, of replies of a schema."""
    return Form(form.longest, schema, form.alternatives, form.temperature, form.seed)


def bounded(schema: type[msgspec.Struct], several: int) -> type[msgspec.Struct]:
    """The schema with at most so many members in a list, for a server to keep to; 0: as it is.

    A model that writes on and on is cut off in the middle, and nothing of it can be read. A reply
    is read by the schema as it was: one of more members is no worse for it.
    """
    if not several:
        return schema
    fields = [
        (each.name, Annotated[each.type, msgspec.Meta(max_length=several)])
        if get_origin(each.type) is list
        else (each.name, each.type)
        for each in msgspec.structs.fields(schema)
    ]
    return msgspec.defstruct(schema.__name__, fields, frozen=True)


def reply_of(answer: Answer, schema: type[Schema]) -> Schema | None:
    """The answer as a `schema`, with a comma too many forgiven; None where it holds none."""
    found = parsed(answer, schema)
    if found is None and _TRAILING.search(answer.text):
        found = parsed(Answer(_TRAILING.sub(r"\1", answer.text)), schema)
    return found


def _parts(count: int) -> Iterator[slice]:
    start = 0
    while start < count:
        stop = min(count, start + (_TOGETHER if start else _FIRST))
        yield slice(start, stop)
        start = stop
