"""An encoder behind an OpenAI-compatible `/v1/embeddings` endpoint, local or remote."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any, Final

import msgspec
import numpy as np

from negatives.arrays import Floats
from negatives.events import Emit, Spent, silent
from negatives.models.batching import encode_once
from negatives.models.chat_reply import counted
from negatives.models.encoder import Encoded
from negatives.models.service import Garbled, served
from negatives.models.spec import whole_number
from negatives.stopping import Stop, all_or_stop, stopping

BATCH = 64
"""Texts a call, at most."""

CHARACTERS = 100_000
"""Characters a call, at most, unless one text is longer: services refuse larger requests."""

CONCURRENCY = 4
"""Calls at a time, unless the specification says `?concurrency=N`."""

SECONDS: Final = 60
"""Seconds a whole call may take, unless the specification says `?seconds=N`."""

LARGEST: Final = 2**20
"""Bytes a reply may have for each text: some 40,000 numbers."""

BEGINNING: Final = 200
"""Bytes repeated of a reply that is none: an error that came with status 200 stands there."""

_NO_NUMBER: Final = re.compile(rb"\b(NaN|-?Infinity)\b")
"""What JSON has no word for, and some services write all the same."""


class _Item(msgspec.Struct):
    index: int
    embedding: list[float]


class _Vectors(msgspec.Struct):
    """What is read of a reply; whatever else it holds is left alone.

    `usage` may be of any type: a server that miscounts has answered all the same.
    """

    data: list[_Item]
    usage: Any = None


_VECTORS: Final = msgspec.json.Decoder(_Vectors)
"""Made here, once: threads that need the first one at the same time would end the process."""


class EndpointEncoder:
    """Vectors from `URL#MODEL`, for example `http://127.0.0.1:8080/v1#all-minilm?concurrency=8`.

    Options, joined by &: `concurrency` (calls at a time) and `seconds` (for a whole call).
    `api_key` is empty or `env:NAME`; an address that holds a secret itself is refused. A call that
    fails for the moment is made again (see `Service`); where that does not help, and at any
    refusal, the calls not yet made are given up, and `ServiceError` raised.

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
        known = ["concurrency", "seconds"]
        self._service, options = served(spec, "embeddings", known, api_key, emit, sleep)
        self._service.seconds = whole_number(options, "seconds", SECONDS, spec)
        self._concurrency = whole_number(options, "concurrency", CONCURRENCY, spec)

    @property
    def calls(self) -> int:
        """Requests sent."""
        return self._service.calls

    @property
    def tokens(self) -> int:
        """Tokens that the endpoint says it has read."""
        return self._service.tokens

    @cached_property
    def dim(self) -> int:
        """Width of the vectors, asked of the endpoint once."""
        return int(self._call(["width"]).shape[1])

    @property
    def fingerprint(self) -> str:
        """Hash of the address and the model's name: an endpoint does not show its weights."""
        return f"endpoint-{self._service.hash}"

    def encode(self, texts: Sequence[str]) -> Encoded:
        """A vector of each text; zeros where it is empty. Whether it was cut is not known."""
        return encode_once(texts, self._encode)

    def _encode(self, texts: list[str]) -> Encoded:
        vectors = np.zeros((len(texts), self.dim), np.float32)

        def fill(rows: list[int], stopped: Stop) -> None:
            made = self._call([texts[row] for row in rows], stopped)
            if made.shape[1] != self.dim:
                raise self._service.error(
                    f"vectors of {made.shape[1]} numbers after {self.dim} before"
                )
            vectors[rows] = made

        with ThreadPoolExecutor(self._concurrency) as pool, stopping() as stopped:
            jobs = [partial(fill, rows, stopped) for rows in _batches(texts)]
            all_or_stop(pool, jobs, stopped)
        return Encoded(vectors, np.zeros(len(texts), bool))

    def _call(self, texts: list[str], stopped: Stop | None = None) -> Floats:
        """One batch's vectors; `GivenUp` where `stopped` is set before they came."""
        return self._service.ask(
            {"model": self._service.model, "input": texts, "encoding_format": "float"},
            partial(self._vectors, expected=len(texts)),
            most=LARGEST * (1 + len(texts)),
            stopped=stopped,
        )

    def _vectors(self, body: bytes, expected: int) -> Floats:
        """A vector a text; `Garbled` where the reply is none, such as a page of a proxy."""
        try:
            reply = _VECTORS.decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            if _NO_NUMBER.search(body):
                raise self._service.error("the reply holds no vectors: NaN or infinity") from None
            begins = body[:BEGINNING].decode(errors="replace")
            raise Garbled(f"the reply holds no vectors ({error}); it begins: {begins}") from None
        numbers = sorted(item.index for item in reply.data)
        if len(numbers) != expected:
            raise self._service.error(f"{len(numbers)} vectors for {expected} texts")
        if numbers != list(range(expected)):
            raise self._service.error(
                f"{expected} vectors that are not numbered from 0 to {expected - 1}: nobody knows "
                "which text each is of"
            )
        widths = sorted({len(item.embedding) for item in reply.data})
        if len(widths) > 1:
            told = " and ".join(map(str, widths[:2]))
            raise self._service.error(f"vectors of {told} numbers in one reply")
        if widths == [0]:
            raise self._service.error("vectors of no numbers")
        reply.data.sort(key=lambda item: item.index)
        with np.errstate(over="ignore"):
            vectors = np.asarray([item.embedding for item in reply.data], np.float32)
        if not np.isfinite(vectors).all():
            raise self._service.error(
                "a vector with NaN or infinity, or a number beyond single precision"
            )
        usage = reply.usage if isinstance(reply.usage, dict) else {}
        self._service.tell(Spent(tokens=counted(usage.get("total_tokens"))))
        return vectors


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
