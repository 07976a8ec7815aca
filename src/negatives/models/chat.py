"""A language model behind an OpenAI-compatible `/v1/chat/completions` endpoint.

What it is asked are lists of messages that depend on nothing but each other, and each reply is kept
(`store.replies`): asked again, the same question costs nothing, and a process that is killed has
lost no reply that it had paid for. The calls themselves, their repetition and their limits are
those of every service (`models.service`).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from negatives.addresses import CALLING
from negatives.errors import RecipeError
from negatives.events import Counted, Emit, Progress, Spent, Warned, silent
from negatives.models.chat_reply import Answer, read_completion
from negatives.models.http_call import is_there
from negatives.models.prompt import Messages, Prompt
from negatives.models.service import Refused, Unread, served
from negatives.models.spec import whole_number
from negatives.opening import Foreseen
from negatives.stopping import Stop, begin, stopping
from negatives.store.replies import (
    AboutReplies,
    Replies,
    any_replies,
    known_replies,
    open_replies,
)

CONCURRENCY: Final = 4
"""Calls at a time, unless the specification says `?concurrency=N`."""
SECONDS: Final = 180
"""Seconds a whole call may take, unless it says `?seconds=N`: a model on a busy laptop is slow."""
BYTES_A_TOKEN: Final = 4
"""What a token is of, about: told in estimates only."""
MILLION: Final = 1_000_000
"""Tokens that a price is of."""

_LARGEST: Final = 2**16
"""Bytes a reply may have for each token and each alternative of it; a fair one has some hundred."""
_DROPPABLE: Final = ("response_format", "top_logprobs", "logprobs", "temperature", "seed")
"""What a server may not know, and a question can do without."""
_SPENT: Final = "max_tokens"
_SPENT_NOW: Final = "max_completion_tokens"
"""The name by which newer models limit a reply."""
_KNOWS_NOT: Final = (400, 404, 415, 422, 501)


@dataclass(frozen=True)
class Form:
    """How replies are to be: at most so many tokens long, an object of `schema` if one is given.

    `alternatives`: tokens whose log-probabilities are told at each place, where the server can.
    `seed`: for a `temperature` above 0, another makes another reply.
    """

    longest: int
    schema: type[msgspec.Struct] | None = None
    alternatives: int = 0
    temperature: float = 0.0
    seed: int = 0


class Chat:
    """A model asked by `URL#MODEL`, for example `http://127.0.0.1:8080/v1#qwen?concurrency=8`.

    Options, joined by &: `concurrency` (calls at a time), `per_minute` (calls that may begin in a
    minute), `seconds` (for a whole call), `price=IN/OUT` (money for a million tokens read and
    written). `api_key` is empty or `env:NAME`. `scratch` holds the replies where there is no shared
    store. `came`: replies that have come, and were not known.
    """

    def __init__(
        self,
        spec: str,
        scratch: Path,
        *,
        api_key: str = "",
        emit: Emit = silent,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        if not spec.startswith(("http://", "https://")):
            raise RecipeError(
                f"{spec!r} is no address of a language model",
                fix="give URL#MODEL, for example http://127.0.0.1:8080/v1#qwen",
            )
        try:
            self.service, options = served(spec, "chat/completions", CALLING, api_key, emit, sleep)
            self._at_once = whole_number(options, "concurrency", CONCURRENCY, spec)
            self.service.seconds = whole_number(options, "seconds", SECONDS, spec)
            if "per_minute" in options:
                self.service.per_minute = whole_number(options, "per_minute", 1, spec)
        except RecipeError as error:
            where = error.where.replace("the encoder", "the language model")
            raise RecipeError(error.what, where=where, fix=error.fix) from None
        self._price = _price(options.get("price", ""), spec)
        self._scratch = scratch
        self._emit = emit
        self._dropped: set[str] = set()
        self._changing = threading.Lock()
        self._answered = False
        self.came = 0

    @property
    def name(self) -> str:
        """The address and the model, without options."""
        return f"{self.service.url}#{self.service.model}"

    @property
    def fingerprint(self) -> str:
        """Hash of the address and the model's name: an endpoint does not show its weights."""
        return f"chat-{self.service.hash}"

    def ask(
        self,
        prompt: Prompt,
        questions: Sequence[Messages],
        form: Form,
        *,
        before: int = 0,
        total: int = 0,
    ) -> list[Answer | None]:
        """A reply to each; None where all that came were no replies, such as a proxy's page.

        Progress is told as that of `total` questions of which so many were asked `before`. Equal
        questions are asked once. The first error ends what is not begun, and is raised:
        `ServiceError` where the server refuses, or has not answered anything so far.
        """
        keys = _keys(questions, form)
        todo = dict(zip(keys, questions, strict=True))
        with open_replies(self._scratch, self._about(prompt)) as replies:
            held = replies.get(list(todo))
            found: dict[bytes, Answer | None] = {key: _kept(reply) for key, reply in held.items()}
            self._answered |= bool(held)
            lacking = {key: question for key, question in todo.items() if key not in held}
            tell = partial(_progress, self._emit, before, max(total, len(todo)))
            tell(len(found))
            for done, (key, answer) in enumerate(self._asked(lacking, form, replies), len(held)):
                found[key] = answer
                self.came += answer is not None
                tell(done + 1)
        self._emit(
            Counted(
                f"replies {self.name} {prompt.name}",
                {"asked": len(todo), "known": len(held), "came": len(todo) - len(held)},
            )
        )
        return [found[key] for key in keys]

    def refuse_absent(self, *prompts: Prompt) -> None:
        """Raise `ServiceError` where a server on this machine is not there, before any work.

        Not where replies to one of the prompts are kept: they may be all that is wanted.
        """
        kept = (any_replies(self._scratch, self._about(prompt)) for prompt in prompts)
        if any(kept) or is_there(self.service.url):
            return
        raise self.service.error("no server answers there")

    def known(
        self, prompt: Prompt, questions: Sequence[Messages], form: Form
    ) -> list[Answer | None]:
        """The replies that are kept, None of the others; nothing is sent."""
        keys = _keys(questions, form)
        held = known_replies(self._scratch, self._about(prompt), list(dict.fromkeys(keys)))
        return [_kept(held[key]) if key in held else None for key in keys]

    def forget(self, prompts: Iterable[Prompt], answers: Iterable[Answer]) -> None:
        """Keep these answers to the prompts no longer: the questions are asked again next time.

        For answers that are none. Whoever mends the server under the same address, or has it serve
        another model there, would be told of the old ones for ever.
        """
        said = {msgspec.msgpack.encode(answer) for answer in answers}
        for about in map(self._about, prompts if said else ()):
            if any_replies(self._scratch, about):
                with open_replies(self._scratch, about) as replies:
                    for each in said:
                        replies.forget(each)

    def foresee(
        self, prompt: Prompt, questions: Sequence[Messages], form: Form, *, anew: bool = False
    ) -> Foreseen:
        """What `ask` would cost, `anew` if no reply was kept; nothing is sent."""
        todo = dict(zip(_keys(questions, form), questions, strict=True))
        held = {} if anew else known_replies(self._scratch, self._about(prompt), list(todo))
        lacking = [question for key, question in todo.items() if key not in held]
        size = sum(len("".join(question).encode()) for question in lacking)
        read, written = -(-size // BYTES_A_TOKEN), len(lacking) * form.longest
        money = None if self._price is None else _money(self._price, read, written)
        return Foreseen(len(todo), len(held), read, written, money)

    def _asked(
        self, questions: Mapping[bytes, Messages], form: Form, replies: Replies
    ) -> Iterator[tuple[bytes, Answer | None]]:
        """Replies to questions that have none, as they come; each is kept before it is told."""

        def one(stopped: Stop, key: bytes, question: Messages) -> tuple[bytes, Answer | None]:
            answer = self._answer(question, form, stopped)
            if answer is not None:
                replies.add(key, msgspec.msgpack.encode(answer))
            return key, answer

        with ThreadPoolExecutor(self._at_once) as pool, stopping() as stopped:
            jobs = (partial(one, stopped, *each) for each in questions.items())
            for future in as_completed(begin(pool, jobs, stopped)):
                if (came := future.result()) is not None:
                    yield came

    def _answer(self, question: Messages, form: Form, stopped: Stop) -> Answer | None:
        """The reply to one question, put in the way that this server has been found to take.

        None where what came was no reply, of a server that has answered something before.
        """
        most = _LARGEST * (1 + form.longest) * (1 + form.alternatives // 8)
        while True:
            body = self._body(question, form)
            try:
                answer = self.service.ask(body, read_completion, most=most, stopped=stopped)
            except Refused as refused:
                if not self._drop(refused, body):
                    raise
            except Unread:
                if not self._answered:
                    raise
                return None
            else:
                self._answered = True
                money = _money(self._price, answer.read, answer.written)
                self.service.tell(Spent(tokens=answer.read + answer.written, money=money))
                return answer

    def _body(self, question: Messages, form: Form) -> dict[str, Any]:
        """The question as the protocol has it, without what this server does not know."""
        messages = [{"role": "user", "content": question.user}]
        if question.system:
            messages.insert(0, {"role": "system", "content": question.system})
        made: dict[str, Any] = {
            "model": self.service.model,
            "messages": messages,
            _SPENT_NOW if _SPENT in self._dropped else _SPENT: form.longest,
            "temperature": form.temperature,
            "seed": form.seed,
        }
        if form.alternatives:
            made |= {"logprobs": True, "top_logprobs": form.alternatives}
        if form.schema is not None:
            made["response_format"] = {
                "type": "json_schema",
                "json_schema": {
                    "name": form.schema.__name__.strip("_").lower(),
                    "strict": True,
                    "schema": _flat(form.schema),
                },
            }
        return {name: value for name, value in made.items() if name not in self._dropped}

    def _drop(self, refused: Refused, body: Mapping[str, Any]) -> bool:
        """Whether the question may be put again without something that the server does not know."""
        if refused.status not in _KNOWS_NOT:
            return False
        said = refused.what
        if _SPENT_NOW in said and _SPENT in body:
            unknown = {_SPENT}
        else:
            there = {name for name in _DROPPABLE if name in body}
            unknown = {name for name in there if name in said} or there - {"temperature", "seed"}
            if any("logprobs" in name for name in unknown):
                unknown |= {"logprobs", "top_logprobs"}
        with self._changing:
            new = unknown - self._dropped
            self._dropped |= unknown
        if new - {_SPENT}:
            names = ", ".join(sorted(new))
            self._emit(Warned(f"{self.name} is asked without {names}, after: {said}"))
        return bool(unknown)

    def _about(self, prompt: Prompt) -> AboutReplies:
        return AboutReplies(model=self.name, prompt=prompt.name, hash=prompt.hash)


def _kept(reply: bytes) -> Answer:
    return msgspec.msgpack.decode(reply, type=Answer)


def _keys(questions: Sequence[Messages], form: Form) -> list[bytes]:
    """What each question's reply is kept by."""
    schema = None if form.schema is None else _flat(form.schema)
    how = msgspec.json.encode((replace(form, schema=None), schema))
    return [
        hashlib.blake2b(how + msgspec.json.encode(question), digest_size=16).digest()
        for question in questions
    ]


def _progress(emit: Emit, before: int, total: int, done: int) -> None:
    emit(Progress("ask", before + done, total, "replies"))


def _flat(schema: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema, the object itself at its top, as all servers want it."""
    made = msgspec.json.schema(schema)
    others = made.pop("$defs", {})
    top: dict[str, Any] = others.pop(schema.__name__)
    top["additionalProperties"] = False
    for spoken_of_elsewhere in ("title", "description"):
        top.pop(spoken_of_elsewhere, None)
    return top | ({"$defs": others} if others else {})


def _price(written: str, spec: str) -> tuple[float, float] | None:
    """What a million tokens cost that are read, and that are written; None: not said."""
    if not written:
        return None
    try:
        read, _, back = written.partition("/")
        found = float(read), float(back or read)
    except ValueError:
        found = (-1.0, -1.0)
    if not all(0 <= each < float("inf") for each in found):
        raise RecipeError(
            f"price={written} is no price",
            where=f"the language model {spec!r}",
            fix="write price=IN/OUT, money for a million tokens read and written: price=0.15/0.6",
        )
    return found


def _money(price: tuple[float, float] | None, read: int, written: int) -> float:
    return 0.0 if price is None else (price[0] * read + price[1] * written) / MILLION
