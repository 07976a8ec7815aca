"""An encoder behind an OpenAI-compatible `/v1/embeddings` endpoint, local or remote."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from negatives.errors import RecipeError, ServiceError
from negatives.events import Emit, Spent, Warned, silent
from negatives.models.encoder import Encoded
from negatives.optional import require
from negatives.schema import Floats

BATCH = 64
"""Texts a call."""

TRIES = 5
"""Calls made for one batch before giving up, `WAIT` * 1, 2, 4, 8 seconds apart."""

WAIT = 0.5
LONGEST_WAIT = 60.0
"""Seconds a call may take."""

KEY_PREFIX = "env:"


class EndpointEncoder:
    """Vectors from `URL#MODEL`, for example `http://127.0.0.1:8080/v1#all-minilm`.

    `api_key` is empty or `env:NAME`. A call that fails for the moment (no connection, a time-out,
    429, 5xx) is made again up to `TRIES` times; then, or at any other refusal, `ServiceError`.
    `calls` counts the requests sent, `tokens` what the endpoint says it has read. An empty text is
    not sent and gets zeros. Both are emitted as `Spent`. Vectors come as the endpoint gives them.
    """

    def __init__(
        self,
        spec: str,
        *,
        api_key: str = "",
        emit: Emit = silent,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url, _, self._model = spec.partition("#")
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
        """A vector of each text; zeros where it is empty."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        sent = [row for row, text in enumerate(texts) if text.strip()]
        for start in range(0, len(sent), BATCH):
            rows = sent[start : start + BATCH]
            made = self._call([texts[row] for row in rows])
            if made.shape[1] != self.dim:
                raise self._error(f"vectors of {made.shape[1]} numbers after {self.dim} before")
            vectors[rows] = made
        return Encoded(vectors, np.zeros(len(texts), bool))

    def _call(self, texts: list[str]) -> Floats:
        failures = (self._openai.APIConnectionError, self._openai.APIStatusError)
        for attempt in range(TRIES):
            self.calls += 1
            self._emit(Spent(calls=1))
            try:
                reply = self._client.embeddings.create(
                    model=self._model, input=texts, encoding_format="float"
                )
            except failures as error:
                if not _passing(error):
                    raise self._error(f"the endpoint refused: {self._said(error)}") from None
                said = self._said(error)
            except Exception as error:  # whatever the client makes of a reply that is no JSON
                raise self._error(f"an unreadable reply: {self._said(error)}") from None
            else:
                return self._vectors(reply, len(texts))
            if not self._warned:
                self._emit(Warned(f"{self._url}: calling again after: {said}"))
                self._warned = True
            if attempt + 1 < TRIES:
                self._sleep(WAIT * 2**attempt)
        raise self._error(f"no usable answer in {TRIES} calls; the last: {said}")

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
        tokens = int(getattr(reply.usage, "total_tokens", 0) or 0)
        self.tokens += tokens
        self._emit(Spent(tokens=tokens))
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
