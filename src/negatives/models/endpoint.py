"""An encoder behind an OpenAI-compatible `/v1/embeddings` endpoint, local or remote."""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Final
from urllib.parse import urlsplit

import msgspec
import numpy as np

from negatives.arrays import Floats
from negatives.errors import RecipeError, ServiceError
from negatives.events import Emit, Spent, Warned, silent
from negatives.models.batching import all_or_stop, encode_once
from negatives.models.encoder import Encoded
from negatives.models.http_call import CallFailed, Reply, TimedOut, TooLong, post, service_url
from negatives.models.spec import split_options, whole_number
from negatives.printable import printable
from negatives.secrets import read_key, refuse_secrets, without

BATCH = 64
"""Texts a call, at most."""

CHARACTERS = 100_000
"""Characters a call, at most, unless one text is longer: services refuse larger requests."""

CONCURRENCY = 4
"""Calls at a time, unless the specification says `?concurrency=N`."""

TRIES = 5
"""Calls made for one batch before giving up, `WAIT` * 1, 2, 4, 8 seconds apart."""

WAIT = 0.5
LONGEST_WAIT = 60.0
"""Seconds a whole call may take, and that are waited where the endpoint asks for longer."""

SLOW = 2
"""Calls made for one batch that may end in no whole reply in time."""

LARGEST: Final = 2**20
"""Bytes a reply may have for each text: some 40,000 numbers."""

SAID: Final = 300
"""Characters repeated of what an endpoint says."""


_NO_NUMBER: Final = re.compile(rb"\b(NaN|-?Infinity)\b")
"""What JSON has no word for, and some services write all the same."""


class _Item(msgspec.Struct):
    index: int
    embedding: list[float]


class _Usage(msgspec.Struct):
    total_tokens: int | None = None


class _Vectors(msgspec.Struct):
    """What is read of a reply; whatever else it holds is left alone."""

    data: list[_Item]
    usage: _Usage | None = None


class EndpointEncoder:
    """Vectors from `URL#MODEL`, for example `http://127.0.0.1:8080/v1#all-minilm?concurrency=8`.

    `api_key` is empty or `env:NAME`; an address that holds a secret itself is refused. A call that
    fails for the moment (no connection, 429, 5xx) is made again up to `TRIES` times, after longer
    and longer waits or the one that the endpoint asks for (Retry-After); 429 makes all calls wait.
    One without a whole reply in `LONGEST_WAIT` seconds is made `SLOW` times. Then, or at any other
    refusal, the calls not yet made are given up, and `ServiceError` raised. Redirects are refused.

    `remote`: whether texts leave here. `calls` counts the requests sent, `tokens` what the endpoint
    says it has read; both are emitted as `Spent`. An empty text is not sent and gets zeros. Vectors
    come as the endpoint gives them.
    """

    remote = True

    def __init__(
        self,
        spec: str,
        *,
        api_key: str = "",
        emit: Emit = silent,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        refuse_secrets(spec)
        self._url, _, named = spec.partition("#")
        self._model, options = split_options(named, values=["concurrency"])
        self._concurrency = whole_number(options, "concurrency", CONCURRENCY, spec)
        if not self._model:
            raise RecipeError(
                "the endpoint's model is not named",
                where=spec,
                fix=f"add it after the URL: {self._url}#MODEL",
            )
        self._key = read_key(api_key)
        self._emit = emit
        self._sleep = sleep
        self.calls = 0
        self.tokens = 0
        self._warned = False
        self._lock = threading.Lock()
        self._not_before = 0.0

    @cached_property
    def dim(self) -> int:
        """Width of the vectors, asked of the endpoint once."""
        return int(self._call(["width"]).shape[1])

    @property
    def fingerprint(self) -> str:
        """Hash of the address and the model's name: an endpoint does not show its weights."""
        named = f"{self._url}#{self._model}".encode()
        return f"endpoint-{hashlib.blake2b(named, digest_size=16).hexdigest()}"

    def encode(self, texts: Sequence[str]) -> Encoded:
        """A vector of each text; zeros where it is empty. Whether it was cut is not known."""
        return encode_once(texts, self._encode)

    def _encode(self, texts: list[str]) -> Encoded:
        vectors = np.zeros((len(texts), self.dim), np.float32)
        stopped = threading.Event()

        def fill(rows: list[int]) -> None:
            made = self._call([texts[row] for row in rows], stopped)
            if made.shape[1] != self.dim:
                raise self._error(f"vectors of {made.shape[1]} numbers after {self.dim} before")
            vectors[rows] = made

        with ThreadPoolExecutor(self._concurrency) as pool:
            all_or_stop(pool, [partial(fill, rows) for rows in _batches(texts)], stopped)
        return Encoded(vectors, np.zeros(len(texts), bool))

    def _call(self, texts: list[str], stopped: threading.Event | None = None) -> Floats:
        """One batch's vectors; `ServiceError` also where `stopped` is set before they came."""
        stopped = stopped or threading.Event()
        sleep = self._sleep or stopped.wait
        wait = 0.0
        slow = 0
        for attempt in range(TRIES):
            wait = max(wait, self._not_before - time.monotonic())
            if wait > 0:
                sleep(wait)
            if stopped.is_set():
                raise self._error("given up, for another call failed")
            self._tell(Spent(calls=1))
            asked = {"model": self._model, "input": texts, "encoding_format": "float"}
            wait = WAIT * 2**attempt
            try:
                reply = post(
                    service_url(self._url, "embeddings"),
                    msgspec.json.encode(asked),
                    key=self._key,
                    seconds=LONGEST_WAIT,
                    most=LARGEST * (1 + len(texts)),
                )
            except TooLong as error:
                raise self._error(f"an unreadable reply: {error}") from None
            except CallFailed as error:
                said = self._said(str(error))
                slow += isinstance(error, TimedOut)
                if slow == SLOW:
                    raise self._error(f"no usable answer in {SLOW} calls: {said}") from None
            else:
                if reply.status == 200:
                    self._not_before = 0.0
                    return self._vectors(reply.body, len(texts))
                said = self._refusal(reply)
                if not _passing(reply.status):
                    raise self._error(said)
                wait = max(wait, _asked_to_wait(reply.headers.get("retry-after", "")))
                if reply.status == 429:
                    self._not_before = time.monotonic() + wait
            self._warn(f"{self._url}: calling again after: {said}")
        raise self._error(f"no usable answer in {TRIES} calls; the last: {said}")

    def _tell(self, spent: Spent) -> None:
        """Count and emit, one call at a time: listeners need not expect threads."""
        with self._lock:
            self.calls += spent.calls
            self.tokens += spent.tokens
            self._emit(spent)

    def _warn(self, text: str) -> None:
        with self._lock:
            if not self._warned:
                self._emit(Warned(text))
            self._warned = True

    def _vectors(self, body: bytes, expected: int) -> Floats:
        try:
            reply = msgspec.json.decode(body, type=_Vectors)
            reply.data.sort(key=lambda item: item.index)
            with np.errstate(over="ignore"):
                vectors = np.asarray([item.embedding for item in reply.data], np.float32)
        except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
            said = "NaN or infinity" if _NO_NUMBER.search(body) else self._said(str(error))
            raise self._error(f"the reply holds no vectors: {said}") from None
        if vectors.ndim != 2 or [item.index for item in reply.data] != list(range(expected)):
            raise self._error(
                f"{len(reply.data)} vectors for {expected} texts, or without their numbers"
            )
        if not np.isfinite(vectors).all():
            raise self._error("a vector with NaN or infinity, or a number beyond single precision")
        tokens = reply.usage.total_tokens if reply.usage else 0
        self._tell(Spent(tokens=max(0, tokens or 0)))
        return vectors

    def _refusal(self, reply: Reply) -> str:
        """Why a reply is no answer, in words."""
        if 300 <= reply.status < 400:
            to = urlsplit(reply.headers.get("location", ""))
            place = self._said(f"{to.scheme}://{to.netloc.rpartition('@')[2]}{to.path}")
            return (
                f"the endpoint answers with a redirect (status {reply.status}) to {place}, which "
                "is not followed: texts go only where you say; name that address if it is right"
            )
        said = self._said(reply.body.decode(errors="replace"))
        return f"the endpoint refused: status {reply.status}: {said}"

    def _said(self, text: str) -> str:
        """What the endpoint said: without the key, on one line, short, and safe to print."""
        said = " ".join(printable(without(text, self._key)).split())
        return said if len(said) <= SAID else f"{said[:SAID]}..."

    def _error(self, what: str) -> ServiceError:
        return ServiceError(
            what,
            where=f"{self._url}/embeddings, model {self._model!r}",
            fix="check that the endpoint runs, serves this model, and that api_key names the "
            "variable holding its key; finished work is kept",
        )


def _passing(status: int) -> bool:
    """Whether the same call may succeed a little later."""
    return status in (408, 409, 429) or status >= 500


def _batches(texts: list[str]) -> list[list[int]]:
    """Rows of the texts of each call, in order; empty texts are in none."""
    made: list[list[int]] = []
    held = CHARACTERS
    for row, text in enumerate(texts):
        if not text.strip():
            continue
        if not made or len(made[-1]) == BATCH or held + len(text) > CHARACTERS:
            made.append([])
            held = 0
        made[-1].append(row)
        held += len(text)
    return made


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
