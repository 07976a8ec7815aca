"""What a chat model has answered: its text, the tokens it might have said instead, and a reading.

A reply is data from elsewhere. What cannot be read of it is None, for the caller to count as
unknown; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import msgspec

from negatives.models.service import Garbled

Schema = TypeVar("Schema", bound=msgspec.Struct)

_THOUGHT: Final = re.compile(r"^.*?</think>|^\s*<think>.*\Z", re.DOTALL)
"""What models that reason aloud say before their answer; all there is, where they were cut off."""
_NO_NUMBER: Final = re.compile(rb"\b(NaN|-?Infinity)\b")
"""What JSON has no word for, and servers write where a probability is nought."""
_TEXTS: Final = (None, "text", "output_text")
"""The types of a part that is text."""
_MOST_TOKENS: Final = 2**40
"""More than anything can have read."""


class Token(msgspec.Struct, frozen=True):
    """A token of a reply, and the log-probability of each that might have been in its place."""

    text: str
    among: dict[str, float]


class Answer(msgspec.Struct, frozen=True):
    """A reply: its text, its `tokens` where the server tells them, and how many it cost.

    >>> answer = Answer("yes", read=120, written=1)
    >>> answer.said
    'yes'
    """

    text: str
    tokens: tuple[Token, ...] = ()
    read: int = 0
    written: int = 0

    @property
    def said(self) -> str:
        """The text without what was thought aloud before it."""
        return _THOUGHT.sub("", self.text).strip()


class _Alternative(msgspec.Struct):
    token: str
    logprob: float | None = None


class _Token(_Alternative):
    top_logprobs: list[_Alternative] | None = None


class _Logprobs(msgspec.Struct):
    content: list[_Token] | None = None


class _Part(msgspec.Struct):
    """A part of a text; a part of another sort (a thought, a picture) has no text of its own."""

    type: str | None = None
    text: str | None = None


class _Message(msgspec.Struct):
    """What was said: a text, or a list of its parts."""

    content: str | list[_Part] | None = None

    @property
    def said(self) -> str:
        """All of the text."""
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content if part.type in _TEXTS)
        return self.content or ""


class _Choice(msgspec.Struct):
    message: _Message
    logprobs: _Logprobs | None = None


class _Completion(msgspec.Struct):
    """What is read of a reply; whatever else it holds is left alone.

    `usage` may be of any type: a server that miscounts has answered all the same.
    """

    choices: list[_Choice]
    usage: Any = None


_COMPLETION: Final = msgspec.json.Decoder(_Completion)
"""Made here, once: threads that need the first one at the same time would end the process."""


def read_completion(body: bytes) -> Answer:
    """The answer in the bytes of a reply; `Garbled` where they are no chat completion."""
    try:
        found = _COMPLETION.decode(_NO_NUMBER.sub(b"null", body))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        begins = body[:80].decode(errors="replace")
        raise Garbled(f"the reply is no chat completion ({error}); it begins: {begins}") from None
    if not found.choices:
        raise Garbled("the reply is a chat completion without a choice")
    choice = found.choices[0]
    told = choice.logprobs.content if choice.logprobs else None
    tokens = tuple(
        Token(
            each.token,
            {
                one.token: one.logprob
                for one in (*(each.top_logprobs or ()), each)
                if one.logprob is not None
            },
        )
        for each in told or ()
    )
    usage = found.usage if isinstance(found.usage, dict) else {}
    read, written, both = (
        counted(usage.get(f"{what}_tokens")) for what in ("prompt", "completion", "total")
    )
    written = written or max(0, both - read)
    return Answer(choice.message.said, tokens, read, written)


def counted(said: object) -> int:
    """The number of tokens that a server tells; 0 where what it tells can be none.

    >>> counted(7), counted(None), counted(-1), counted("7"), counted(10**30)
    (7, 0, 0, 0, 0)
    """
    return said if type(said) is int and 0 <= said < _MOST_TOKENS else 0


def parsed(answer: Answer, schema: type[Schema]) -> Schema | None:
    """The answer as a `schema`; None where it holds none.

    A server that knows no schemas lets its model write around the object: the first one that fits
    is taken, and where there are several that differ, none.
    """
    fitting = []
    for found in _objects(answer.said):
        try:
            fitting.append(msgspec.convert(found, schema))
        except msgspec.ValidationError:
            continue
    return fitting[0] if fitting and all(each == fitting[0] for each in fitting) else None


def _objects(text: str) -> Iterator[Any]:
    """The JSON objects in a text, outermost ones only."""
    import json

    decoder, start = json.JSONDecoder(), text.find("{")
    while start >= 0:
        try:
            found, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield found
        start = text.find("{", end)
