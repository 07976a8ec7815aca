"""An embeddings endpoint: a real HTTP server on loopback, with a real encoder behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from negatives.errors import RecipeError, ServiceError
from negatives.events import Event, Spent, Warned
from negatives.models.encoder import open_encoder
from negatives.models.endpoint import BATCH, TRIES, EndpointEncoder
from negatives.models.static import StaticEncoder

pytestmark = pytest.mark.slow

TEXTS = ["heat transfer", "", "the wing in a slipstream", "bread and butter"]
SECRET = "sk-very-secret-1234567890"

Reply = tuple[int, Any]
Script = Callable[[int, dict[str, Any]], Reply | None]


class Server(ThreadingHTTPServer):
    """Answers /v1/embeddings with the static encoder's vectors, or as `script` says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.encoder = StaticEncoder()
        self.script: Script = lambda call, body: None
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[str] = []

    @property
    def spec(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1#static"

    def reply(self, body: dict[str, Any]) -> Reply:
        scripted = self.script(len(self.bodies), body)
        if scripted is not None:
            return scripted
        vectors = self.encoder.encode(body["input"]).vectors
        data = [
            {"object": "embedding", "index": row, "embedding": vector.tolist()}
            for row, vector in enumerate(vectors)
        ]
        tokens = {"prompt_tokens": len(data), "total_tokens": len(data)}
        return 200, {"object": "list", "model": "static", "data": data[::-1], "usage": tokens}


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        self.server.headers.append(self.headers["Authorization"])
        status, reply = self.server.reply(body) if self.path == "/v1/embeddings" else (404, "where")
        sent = (reply if isinstance(reply, str) else json.dumps(reply)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def opened(server: Server, **settings: Any) -> tuple[EndpointEncoder, list[float]]:
    waits: list[float] = []
    return EndpointEncoder(server.spec, sleep=waits.append, **settings), waits


def refusal(server: Server, script: Script, **settings: Any) -> str:
    server.script = script
    encoder, _ = opened(server, **settings)
    with pytest.raises(ServiceError) as caught:
        encoder.encode(TEXTS)
    assert server.spec.split("#")[0] in str(caught.value)
    assert "model 'static'" in str(caught.value)
    return str(caught.value)


def test_vectors_come_back_in_the_order_of_the_texts(server: Server) -> None:
    encoder = open_encoder(server.spec)
    np.testing.assert_array_equal(
        encoder.encode(TEXTS).vectors, server.encoder.encode(TEXTS).vectors
    )
    assert encoder.dim == server.encoder.dim


def test_texts_are_sent_in_batches_and_calls_and_tokens_counted(server: Server) -> None:
    encoder, _ = opened(server)
    many = [f"text {row}" for row in range(2 * BATCH + 1)]
    np.testing.assert_array_equal(encoder.encode(many).vectors, server.encoder.encode(many).vectors)
    asked_for_the_width = 1
    sent = sorted(len(body["input"]) for body in server.bodies)
    assert sent == [1, asked_for_the_width, BATCH, BATCH]
    assert encoder.calls == 4
    assert encoder.tokens == asked_for_the_width + len(many)


def test_calls_and_tokens_are_told_as_they_are_spent(server: Server) -> None:
    heard: list[Event] = []
    encoder, _ = opened(server, emit=heard.append)
    encoder.encode(TEXTS)
    spent = [event for event in heard if isinstance(event, Spent)]
    assert sum(event.calls for event in spent) == encoder.calls == 2
    assert sum(event.tokens for event in spent) == encoder.tokens == 4


def test_an_empty_text_is_not_sent_and_gets_zeros(server: Server) -> None:
    encoder, _ = opened(server)
    assert not encoder.encode(["", " \n"]).vectors.any()
    assert len(server.bodies) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again_after_longer_and_longer_waits(
    server: Server, status: int
) -> None:
    server.script = lambda call, body: (status, {"error": "busy"}) if call < 4 else None
    heard: list[Event] = []
    encoder, waits = opened(server, emit=heard.append)
    np.testing.assert_array_equal(
        encoder.encode(TEXTS).vectors, server.encoder.encode(TEXTS).vectors
    )
    assert waits == [0.5, 1.0, 2.0]
    assert encoder.calls == 5
    assert len([event for event in heard if isinstance(event, Warned)]) == 1


def test_a_failure_that_stays_ends_after_a_bounded_number_of_calls(server: Server) -> None:
    message = refusal(server, lambda call, body: (503, {"error": {"message": "loading model"}}))
    assert f"no usable answer in {TRIES} calls" in message
    assert "loading model" in message
    assert len(server.bodies) == TRIES


def test_a_refusal_is_not_tried_again(server: Server) -> None:
    message = refusal(server, lambda call, body: (400, {"error": {"message": "text too long"}}))
    assert "text too long" in message
    assert len(server.bodies) == 1


def test_nobody_listening_is_one_clear_error(server: Server) -> None:
    encoder = EndpointEncoder("http://127.0.0.1:9/v1#static", sleep=lambda seconds: None)
    with pytest.raises(
        ServiceError, match=r"no usable answer in 5 calls(.|\n)*check that the endpoint"
    ):
        encoder.encode(TEXTS)


@pytest.mark.parametrize(
    "reply",
    [
        "not json",
        {"object": "list", "data": []},
        {"object": "list", "data": [{"index": 0, "embedding": ["x"]}]},
        {"object": "list", "data": [{"index": 7, "embedding": [1.0]}]},
        {"object": "list", "data": None},
        {"strange": True},
        [],
    ],
    ids=str,
)
def test_an_unusable_reply_is_a_service_error(server: Server, reply: Any) -> None:
    refusal(server, lambda call, body: (200, reply))


def test_mixed_widths_are_a_service_error(server: Server) -> None:
    def script(call: int, body: dict[str, Any]) -> Reply:
        data = [{"index": n, "embedding": [1.0] * call} for n in range(len(body["input"]))]
        return 200, {"object": "list", "data": data, "usage": {"total_tokens": 1}}

    assert "vectors of 2 numbers after 1 before" in refusal(server, script)


def test_the_key_comes_from_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    encoder, _ = opened(server, api_key="env:MY_KEY")
    encoder.encode(TEXTS)
    assert set(server.headers) == {f"Bearer {SECRET}"}


def test_a_key_of_another_service_in_the_environment_is_not_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    opened(server)[0].encode(TEXTS)
    assert not any(SECRET in header for header in server.headers)


def test_a_key_the_endpoint_echoes_is_not_repeated(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    said = {"error": {"message": f"Incorrect API key provided: {SECRET}"}}
    message = refusal(server, lambda call, body: (401, said), api_key="env:MY_KEY")
    assert "Incorrect API key provided: ***" in message
    assert SECRET not in message


@pytest.mark.parametrize("literal", [SECRET, f"env:{SECRET}"])
def test_a_literal_key_is_refused_without_repeating_it(literal: str) -> None:
    with pytest.raises(RecipeError) as caught:
        open_encoder("http://127.0.0.1:9/v1#static", api_key=literal)
    assert "write env:NAME" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_password_in_the_url_is_refused_without_repeating_it() -> None:
    with pytest.raises(RecipeError) as caught:
        open_encoder(f"http://me:{SECRET}@127.0.0.1:9/v1#static")
    assert SECRET not in str(caught.value)


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(RecipeError, match="MY_KEY is not set"):
        open_encoder("http://127.0.0.1:9/v1#static", api_key="env:MY_KEY")


def test_an_endpoint_without_a_model_is_refused() -> None:
    with pytest.raises(RecipeError, match="#MODEL"):
        open_encoder("http://127.0.0.1:9/v1")


def test_the_fingerprint_names_address_and_model() -> None:
    def of(spec: str) -> str:
        return open_encoder(spec).fingerprint

    assert of("http://127.0.0.1:9/v1#a") == of("http://127.0.0.1:9/v1#a")
    assert of("http://127.0.0.1:9/v1#a") != of("http://127.0.0.1:9/v1#b")
    assert of("http://127.0.0.1:9/v1#a") != of("http://127.0.0.1:8/v1#a")
