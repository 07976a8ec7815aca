"""An encoder behind an OpenAI-compatible `/v1/embeddings` endpoint, local or remote."""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any

import numpy as np

from negatives.errors import RecipeError, ServiceError
from negatives.events import Emit, Spent, Warned, silent
from negatives.models.batching import all_or_stop, encode_once
from negatives.models.encoder import Encoded
from negatives.models.spec import split_options, whole_number
from negatives.optional import require
from negatives.schema import Floats

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
"""Seconds a call may take, and that are waited where the endpoint asks for longer."""

KEY_PREFIX = "env:"


class EndpointEncoder:
    """Vectors from `URL#MODEL`, for example `http://127.0.0.1:8080/v1#all-minilm?concurrency=8`.

    `api_key` is empty or `env:NAME`. A call that fails for the moment (no connection, a time-out,
    429, 5xx) is made again up to `TRIES` times, after longer and longer waits or the one that the
    endpoint asks for (Retry-After); 429 makes all calls wait. Then, or at any other refusal, the
    calls not yet made are given up, and `ServiceError` raised. `remote`: whether texts leave here.
    `calls` counts the requests sent, `tokens` what the endpoint says it has read. An empty text is
    not sent and gets zeros. Both are emitted as `Spent`. Vectors come as the endpoint gives them.
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
        self._url, _, named = spec.partition("#")
        self._model, options = split_options(named, values=["concurrency"])
        self._concurrency = whole_number(options, "concurrency", CONCURRENCY, spec)
        if "@" in self._url.split("://", 1)[-1].split("/")[0]:
            raise RecipeError(
                "a password is written into the endpoint's URL",
                where=self._url.rpartition("@")[2],
                mend="leave it out, put the key into an environment variable and write "
                "api_key = env:NAME",
            )
        if not self._model:
            raise RecipeError(
                "the endpoint's model is not named",
                where=spec,
                mend=f"add it after the URL: {self._url}#MODEL",
            )
        self._key = read_key(api_key)
        self._emit = emit
        self._sleep = sleep
        self._openai = require("openai", extra="llm")
        # The key is always given, for the client would else send the environment's to any host.
        self._client = self._openai.OpenAI(
            base_url=self._url,
            api_key=self._key or "none",
            max_retries=0,
            timeout=LONGEST_WAIT,
        )
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
        failures = (self._openai.APIConnectionError, self._openai.APIStatusError)
        wait = 0.0
        for attempt in range(TRIES):
            wait = max(wait, self._not_before - time.monotonic())
            if wait > 0:
                sleep(wait)
            if stopped.is_set():
                raise self._error("given up, for another call failed")
            self._tell(Spent(calls=1))
            try:
                reply = self._client.embeddings.create(
                    model=self._model, input=texts, encoding_format="float"
                )
            except failures as error:
                if not _passing(error):
                    raise self._error(f"the endpoint refused: {self._said(error)}") from None
                said = self._said(error)
                wait = max(WAIT * 2**attempt, _asked_to_wait(error))
                if getattr(error, "status_code", None) == 429:
                    self._not_before = time.monotonic() + wait
            except Exception as error:  # whatever the client makes of a reply that is no JSON
                raise self._error(f"an unreadable reply: {self._said(error)}") from None
            else:
                self._not_before = 0.0
                return self._vectors(reply, len(texts))
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

    def _vectors(self, reply: Any, expected: int) -> Floats:
        try:
            by_index = sorted(reply.data, key=lambda item: item.index)
            rows = [item.embedding for item in by_index]
            order = [item.index for item in by_index]
            vectors = np.asarray(rows, np.float32)
        except (TypeError, ValueError, AttributeError) as error:
            raise self._error(f"the reply holds no vectors: {self._said(error)}") from None
        if vectors.ndim != 2 or order != list(range(expected)):
            raise self._error(f"{len(rows)} vectors for {expected} texts, or without their numbers")
        self._tell(Spent(tokens=int(getattr(reply.usage, "total_tokens", 0) or 0)))
        return vectors

    def _said(self, error: Exception) -> str:
        """What the endpoint said, short and without the key."""
        said = " ".join(str(error).split())[:300] or type(error).__name__
        return said.replace(self._key, "***") if self._key else said

    def _error(self, what: str) -> ServiceError:
        return ServiceError(
            what,
            where=f"{self._url}/embeddings, model {self._model!r}",
            mend="check that the endpoint runs, serves this model, and that api_key names the "
            "variable holding its key; finished work is kept",
        )


def read_key(api_key: str) -> str:
    """The key that `env:NAME` names, or nothing; `RecipeError` for a key written out."""
    if not api_key:
        return ""
    name = api_key.removeprefix(KEY_PREFIX)
    if not api_key.startswith(KEY_PREFIX) or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise RecipeError(
            "an API key is written out where only its variable's name may be",
            where="api_key",
            mend="put the key into an environment variable and write env:NAME",
        )
    if not os.environ.get(name):
        raise RecipeError(
            f"the environment variable {name} is not set",
            where=f"api_key = env:{name}",
            mend=f"export {name}=...",
        )
    return os.environ[name]


def _passing(error: Any) -> bool:
    """Whether the same call may succeed a little later."""
    status = getattr(error, "status_code", None)
    return status is None or status in (408, 409, 429) or status >= 500


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


def _asked_to_wait(error: Any) -> float:
    """Seconds from now that a reply's Retry-After names, as a number or as a date; else 0."""
    response = getattr(error, "response", None)
    named = "" if response is None else response.headers.get("retry-after", "")
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
    return min(max(seconds, 0.0), LONGEST_WAIT)
