"""Calls of one model behind an address: made again where that may help, counted, never too fast.

What the protocols have in common that a served model speaks: keys, waiting, giving up, and what is
said then. How a question is put and an answer read is of each protocol's own file.
"""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from negatives.errors import RecipeError, ServiceError
from negatives.events import Emit, Spent, Warned, silent
from negatives.models.http_call import (
    CallFailed,
    Reply,
    TimedOut,
    TooLong,
    post,
    service_url,
    unless_done_after,
)
from negatives.models.spec import Options, split_options
from negatives.printable import printable
from negatives.secrets import read_key, refuse_secrets, without
from negatives.stopping import GivenUp, Stop, of_this_thread

TRIES = 5
"""Calls made for one question before giving up, `WAIT` * 1, 2, 4, 8 seconds apart."""

WAIT = 0.5
LONGEST_WAIT = 60.0
"""Seconds that are waited at most where the service asks for longer."""

SLOW = 2
"""Calls made for one question that may end in no whole reply in time, or in no reply at all."""

TOLD_AFTER = 10.0
"""Seconds after which it is said that nothing has been answered so far, and how long is waited."""

SAID: Final = 300
"""Characters repeated of what a service says."""

_CHECK: Final = (
    "check that the endpoint runs, serves this model, and that api_key names the variable holding "
    "its key; finished work is kept"
)

Answer = TypeVar("Answer")
Failure = TypeVar("Failure", bound=ServiceError)


class Garbled(Exception):
    """A reply is none, such as a page of a proxy, or half of one: the next may be."""


class Refused(ServiceError):
    """The service has understood the call and will not answer it; `status` says why."""

    status = 0


class Unread(ServiceError):
    """What came was no reply, and when asked again no reply once more."""


class Unanswering(ServiceError):
    """The service is silent, too slow, or fails whenever it is called; `url` says which it is.

    Whoever has other work for it need not wait for it again.
    """

    url = ""


@dataclass
class Service:
    """One model of a service at `url`, called by several threads.

    A call that fails for the moment (no connection, 429, 5xx) is made again up to `TRIES` times,
    after longer and longer waits or the one that the service asks for (Retry-After); 429 makes all
    calls wait. One without a whole reply in `seconds` is made `SLOW` times, but not again where the
    service has answered nothing so far: one that hangs is waited for once. Redirects are refused.
    `per_minute`: calls that begin in a minute, at most; 0: as many as can.

    `calls` counts the requests sent, `tokens` what the service says it has read and written.
    """

    url: str
    path: str
    model: str
    key: str = field(default="", repr=False)
    emit: Emit = silent
    sleep: Callable[[float], object] | None = None
    seconds: float = 60.0
    per_minute: int = 0
    calls: int = 0
    tokens: int = 0
    _warned: bool = False
    _heard: bool = False
    _called: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _not_before: float = 0.0
    _next: float = 0.0

    def ask(
        self,
        question: Mapping[str, Any],
        read: Callable[[bytes], Answer],
        *,
        most: int,
        stopped: Stop | None = None,
    ) -> Answer:
        """What `read` makes of the reply, which has at most so many bytes.

        `read` raises `Garbled` where it is no reply. Raises `Refused`, or another `ServiceError`:
        `GivenUp` where `stopped` is set before the answer came.
        """
        stopped = stopped or of_this_thread()
        sleep = self.sleep or stopped.wait
        wait = 0.0
        slow = 0
        for attempt in range(TRIES):
            wait = max(wait, self._not_before - time.monotonic(), self._turn())
            if wait > 0:
                sleep(wait)
            if stopped.is_set():
                raise self._given_up()
            self.tell(Spent(calls=1))
            wait = WAIT * 2**attempt
            try:
                with self._telling_of_the_first():
                    reply = post(
                        service_url(self.url, self.path),
                        msgspec.json.encode(question),
                        key=self.key,
                        seconds=self.seconds,
                        most=most,
                        stopped=stopped,
                    )
                if reply.status == 200:
                    self._not_before = 0.0
                    answer = read(reply.body)
                    self._heard = True
                    return answer
            except TooLong as error:
                raise self.error(f"an unreadable reply: {error}") from None
            except (CallFailed, Garbled) as error:
                if stopped.is_set():
                    raise self._given_up() from None
                said = self.said(str(error))
                if isinstance(error, TimedOut) and not self._heard:
                    raise self._hangs(said) from None
                slow += isinstance(error, TimedOut | Garbled)
                if slow == SLOW:
                    what = f"no usable answer in {SLOW} calls: {said}"
                    if isinstance(error, TimedOut):
                        raise self._hangs(what) from None
                    raise self._failed(Unread, what) from None
            else:
                said = self._refusal(reply)
                if not _passing(reply.status):
                    refused = self._failed(Refused, said)
                    refused.status = reply.status
                    raise refused
                wait = max(wait, _asked_to_wait(reply.headers.get("retry-after", "")))
                if reply.status == 429:
                    self._not_before = time.monotonic() + wait
            self.warn(f"{self.url}: calling again after: {said}")
        failed = self._failed(Unanswering, f"no usable answer in {TRIES} calls; the last: {said}")
        failed.url = self.url
        raise failed

    @property
    def hash(self) -> str:
        """Hash of the address and the model's name."""
        return hashlib.blake2b(f"{self.url}#{self.model}".encode(), digest_size=16).hexdigest()

    @contextmanager
    def _telling_of_the_first(self) -> Iterator[None]:
        """While the first call waits: say that it does, for how long, and how to change that."""
        with self._lock:
            first, self._called = not self._called, True
        if not first or self.seconds <= TOLD_AFTER:
            yield
            return
        with unless_done_after(TOLD_AFTER, self._tell_waiting):
            yield

    def _tell_waiting(self) -> None:
        with self._lock:
            if not self._heard:
                self.emit(
                    Warned(
                        f"{self.url}: nothing answered yet in {TOLD_AFTER:g} seconds; a call may "
                        f"take {self.seconds:g} (?seconds=N after the model's name)"
                    )
                )

    def _turn(self) -> float:
        """Seconds until the next call may begin, which is then taken."""
        if not self.per_minute:
            return 0.0
        with self._lock:
            now = time.monotonic()
            begins = max(now, self._next)
            self._next = begins + 60 / self.per_minute
            return begins - now

    def tell(self, spent: Spent) -> None:
        """Count and emit, one call at a time: listeners need not expect threads."""
        with self._lock:
            self.calls += spent.calls
            self.tokens += spent.tokens
            self.emit(spent)

    def warn(self, text: str) -> None:
        """Tell that something went wrong for the moment, once."""
        with self._lock:
            if not self._warned:
                self.emit(Warned(text))
            self._warned = True

    def _refusal(self, reply: Reply) -> str:
        """Why a reply is no answer, in words."""
        if 300 <= reply.status < 400:
            to = urlsplit(reply.headers.get("location", ""))
            place = self.said(f"{to.scheme}://{to.netloc.rpartition('@')[2]}{to.path}")
            return (
                f"the endpoint answers with a redirect (status {reply.status}) to {place}, which "
                "is not followed: texts go only where you say; name that address if it is right"
            )
        said = self.said(reply.body.decode(errors="replace"))
        return f"the endpoint refused: status {reply.status}: {said}"

    def said(self, text: str) -> str:
        """What the service said: without the key, on one line, short, and safe to print."""
        said = " ".join(printable(without(text, self.key)).split())
        return said if len(said) <= SAID else f"{said[:SAID]}..."

    def error(self, what: str) -> ServiceError:
        """An error that names the service and its model."""
        return self._failed(ServiceError, what)

    def _given_up(self) -> GivenUp:
        return self._failed(GivenUp, "given up, for another call failed")

    def _hangs(self, what: str) -> ServiceError:
        """The error of a service that takes calls and is silent, or too slow."""
        failed = self._failed(
            Unanswering,
            what,
            "check that the endpoint runs and serves this model; where it is only slow, give it "
            f"longer: {self.model}?seconds={2 * self.seconds:.0f}; finished work is kept",
        )
        failed.url = self.url
        return failed

    def _failed(self, kind: type[Failure], what: str, fix: str = _CHECK) -> Failure:
        return kind(what, where=f"{self.url}/{self.path}, model {self.model!r}", fix=fix)


def served(
    spec: str,
    path: str,
    values: Sequence[str],
    api_key: str = "",
    emit: Emit = silent,
    sleep: Callable[[float], object] | None = None,
) -> tuple[Service, Options]:
    """The service that `URL#MODEL?KEY=VALUE` names, and its options, whose keys may be `values`.

    `api_key` is empty or `env:NAME`. Raises `RecipeError` where the model or the variable is
    missing, and for a secret written into the address.
    """
    refuse_secrets(spec)
    url, _, named = spec.partition("#")
    model, options = split_options(named, values=values)
    if not model:
        raise RecipeError(
            "the endpoint's model is not named",
            where=spec,
            fix=f"add it after the URL: {url}#MODEL",
        )
    return Service(url, path, model, key=read_key(api_key), emit=emit, sleep=sleep), options


def _passing(status: int) -> bool:
    """Whether the same call may succeed a little later."""
    return status in (408, 409, 429) or status >= 500


def _asked_to_wait(named: str) -> float:
    """Seconds from now that a reply's Retry-After names, as a number or as a date; else 0."""
    try:
        seconds = float(named)
    except ValueError:
        try:
            date = email.utils.parsedate_to_datetime(named)
        except ValueError:
            return 0.0
        if date.tzinfo is None:
            return 0.0
        seconds = (date - datetime.datetime.now(datetime.UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT) if seconds == seconds else 0.0
