"""An embeddings endpoint: a real HTTP server on loopback, with a real encoder behind it."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from negatives import Dense, Top, mine, tiny
from negatives.cli.app import run
from negatives.errors import RecipeError, RunError, ServiceError
from negatives.events import Event, Spent, Warned
from negatives.models.endpoint import BATCH, CHARACTERS, LARGEST, EndpointEncoder
from negatives.models.http_call import service_url
from negatives.models.open_encoder import open_encoder
from negatives.models.service import LONGEST_WAIT, SAID, TRIES
from negatives.models.static import StaticEncoder
from negatives.secrets import refuse_secrets
from tests.each import for_each

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
        self.retry_after: dict[int, str] = {}
        self.headers: list[str | None] = []
        self.location = ""

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
        if status in self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after[status])
        if self.server.location:
            self.send_header("Location", self.server.location)
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


def always(status: int, reply: Any) -> Script:
    return lambda call, body: (status, reply)


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


def test_a_text_that_comes_twice_is_sent_once(server: Server) -> None:
    encoder, _ = opened(server)
    many = ["heat", "wing", "heat", "wing", "heat"]
    np.testing.assert_array_equal(encoder.encode(many).vectors, server.encoder.encode(many).vectors)
    assert server.bodies[-1]["input"] == ["heat", "wing"]


def test_a_call_is_also_bounded_in_characters(server: Server) -> None:
    long = [f"{row}" * (CHARACTERS // 2) for row in range(5)] + ["9" * (CHARACTERS + 1), "a", "b"]
    encoder, _ = opened(server)
    np.testing.assert_array_equal(encoder.encode(long).vectors, server.encoder.encode(long).vectors)
    assert sorted(len(body["input"]) for body in server.bodies[1:]) == [1, 1, 2, 2, 2]


def test_as_many_calls_are_made_at_a_time_as_the_specification_says(server: Server) -> None:
    width = EndpointEncoder(server.spec).dim
    together = threading.Barrier(6)

    def script(call: int, body: dict[str, Any]) -> Reply | None:
        if len(body["input"]) > 1:
            together.wait(10)  # breaks, and fails the call, unless six wait here together
        return None

    server.script = script
    encoder = EndpointEncoder(f"{server.spec}?concurrency=6")
    many = [f"text {row}" for row in range(6 * BATCH)]
    made = encoder.encode(many).vectors
    np.testing.assert_array_equal(made, server.encoder.encode(many).vectors)
    assert made.shape[1] == width


def test_texts_leave_the_machine(server: Server) -> None:
    assert opened(server)[0].remote


@pytest.mark.parametrize("asked", ["7", "Fri, 01 Jan 2100 00:00:00 GMT", "soon", "-3"])
def test_the_wait_the_endpoint_asks_for_is_kept_within_reason(server: Server, asked: str) -> None:
    server.retry_after[429] = asked
    server.script = lambda call, body: (429, {"error": "slow down"}) if call == 1 else None
    encoder, waits = opened(server)
    encoder.encode(TEXTS)
    expected = {"7": 7.0, "soon": 0.5, "-3": 0.5}.get(asked, LONGEST_WAIT)
    assert waits == [expected]


def test_a_rate_limit_makes_the_other_calls_wait_too(server: Server) -> None:
    arrived: list[float] = []

    def script(call: int, body: dict[str, Any]) -> Reply | None:
        arrived.append(time.monotonic())
        return (429, {"error": "slow down"}) if call == 2 else None

    server.retry_after[429] = "1"
    server.script = script
    many = [f"text {row}" for row in range(3 * BATCH)]
    EndpointEncoder(f"{server.spec}?concurrency=1").encode(many)
    encoder = EndpointEncoder(server.spec)
    encoder._service._not_before = time.monotonic() + 1
    began = time.monotonic()
    encoder.encode(many)
    assert arrived[2] - arrived[1] > 0.9
    assert all(at - began > 0.9 for at in arrived if at > began)


def test_the_failure_of_one_call_ends_the_others(server: Server) -> None:
    server.script = lambda call, body: (
        (400, {"error": {"message": "bad text"}}) if "text 0" in body["input"] else None
    )
    many = [f"text {row}" for row in range(60 * BATCH)]
    with pytest.raises(ServiceError, match="bad text"):
        opened(server)[0].encode(many)
    assert len(server.bodies) < 20


def test_a_batch_that_gives_up_because_another_failed_does_not_hide_why_that_one_did(
    server: Server,
) -> None:
    waits = threading.Event()

    def script(call: int, body: dict[str, Any]) -> Reply | None:
        if body["input"][0] == "text 0":
            waits.set()
            return 429, "busy"
        if body["input"][0] == f"text {BATCH}":
            waits.wait(10)
            time.sleep(0.05)  # the first batch waits for its next try
            return 401, "no such key"
        return None

    server.script, server.retry_after = script, {429: "30"}
    with pytest.raises(ServiceError, match="no such key"):
        EndpointEncoder(server.spec).encode([f"text {n}" for n in range(2 * BATCH)])


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


@for_each(
    "reply",
    [
        "not json",
        {"object": "list", "data": []},
        {"object": "list", "data": [{"index": 0, "embedding": ["x"]}]},
        {"object": "list", "data": [{"index": 7, "embedding": [1.0]}]},
        {"object": "list", "data": None},
        {"strange": True},
        [],
        '{"data": [{"index": 0, "embedding": [NaN]}]}',
        '{"data": [{"index": 0, "embedding": [1e999]}]}',
        {"data": [{"index": 0, "embedding": [1e39, 0.0]}]},
        {"data": [{"index": 0, "embedding": []}]},
        "[" * 200_000,
    ],
    ids=lambda reply: str(reply)[:60],
)
def test_an_unusable_reply_is_a_service_error(server: Server, reply: Any) -> None:
    refusal(server, lambda call, body: (200, reply))


def test_what_is_wrong_with_the_vectors_is_told(server: Server) -> None:
    """As a user would read it, not as the library that was made to read it would say."""
    for said, indices, widths in [
        ("2 vectors for 3 texts", [0, 1], [4, 4]),
        ("3 vectors that are not numbered from 0 to 2", [0, 0, 0], [4, 4, 4]),
        ("vectors of 3 and 4 numbers in one reply", [0, 1, 2], [4, 4, 3]),
        ("vectors of no numbers", [0, 1, 2], [0, 0, 0]),
    ]:
        encoder = opened(server)[0]
        data = [
            {"index": n, "embedding": [1.0] * width}
            for n, width in zip(indices, widths, strict=True)
        ]
        server.script = always(200, {"data": data})
        with pytest.raises(ServiceError) as caught:
            encoder._call(["a", "b", "c"])
        assert said in caught.value.what


def test_an_error_that_comes_with_status_200_is_asked_again_and_repeated(server: Server) -> None:
    wrong = {"error": {"message": "the model is being loaded"}}
    assert "the model is being loaded" in refusal(server, always(200, wrong))
    server.script = lambda call, body: (200, wrong) if call % 2 else None
    server.bodies.clear()
    encoder, waits = opened(server)
    assert encoder.encode(TEXTS).vectors.shape == (4, encoder.dim)
    assert waits


def test_a_server_that_miscounts_its_tokens_has_answered_all_the_same(server: Server) -> None:
    for usage in ["none", [], {"total_tokens": "9"}, {"total_tokens": -9}, {"total_tokens": 2**70}]:
        data = [{"index": 0, "embedding": [1.0, 2.0]}]
        server.script = always(200, {"data": data, "usage": usage})
        encoder = opened(server)[0]
        assert encoder.encode(["a"]).vectors.tolist() == [[1.0, 2.0]]
        assert encoder.tokens == 0


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
    assert set(server.headers) == {None}, "without a key there is no Authorization at all"


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


def test_the_key_is_masked_before_what_the_endpoint_says_is_cut(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    places = ["x" * n for n in range(SAID - len(SECRET) - 60, SAID + 10, 7)]
    for before in (*places, " " * (2**16 - 5), " " * 99_990):
        said = before + SECRET
        message = refusal(server, always(401, said), api_key="env:MY_KEY")
        assert SECRET[:6] not in message


def test_what_the_endpoint_says_cannot_steer_the_terminal(server: Server) -> None:
    message = refusal(server, lambda call, body: (400, "\x1b]0;owned\x07\x1b[2Jbad\r\nerror: \x9b"))
    assert "\\u001b]0;owned\\u0007\\u001b[2Jbad" in message
    assert not [letter for letter in message if letter != "\n" and not letter.isprintable()]


def test_a_redirect_is_refused_and_the_texts_go_nowhere_else(server: Server) -> None:
    other = Server()
    thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        server.location = f"http://me:pw@127.0.0.1:{other.server_port}/v1/embeddings?token=abc"
        for status in (301, 302, 303, 307, 308):
            message = refusal(server, always(status, "elsewhere"))
            assert f"redirect (status {status}) to http://127.0.0.1:{other.server_port}/" in message
            assert "pw" not in message
            assert "abc" not in message
        assert not other.bodies
    finally:
        other.shutdown()
        thread.join()
        other.server_close()


class Raw:
    """A server that reads a request and then sends the pieces it was given, one after another."""

    def __init__(self, pieces: Iterator[bytes], pause: float = 0.0) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.pieces, self.pause, self.sent = pieces, pause, 0
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self) -> str:
        self.thread.start()
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}/v1#m"

    def __exit__(self, *_: object) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join()

    def serve(self) -> None:
        while True:
            try:
                connection = self.listening.accept()[0]
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.recv(1 << 16)
                for piece in self.pieces:
                    connection.sendall(piece)
                    self.sent += len(piece)
                    time.sleep(self.pause)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def test_a_reply_that_trickles_ends_with_the_time_of_the_whole_call() -> None:
    for beginning in (b"HTTP", HEAD, HEAD + b"\r\n"):
        pieces = itertools.chain([beginning], itertools.repeat(b"x"))
        with Raw(pieces, pause=0.02) as spec:
            encoder = EndpointEncoder(f"{spec}?seconds=1", sleep=lambda seconds: None)
            began = time.monotonic()
            with pytest.raises(ServiceError, match="no whole reply in 1 seconds") as caught:
                encoder.encode(["heat"])
            assert time.monotonic() - began < 5
            assert "give it longer: m?seconds=2" in str(caught.value)
            assert encoder.calls == 1  # nothing was ever answered: it is not waited for twice


def test_a_reply_without_end_is_not_read_to_its_end() -> None:
    endless = itertools.chain([HEAD + b"\r\n"], itertools.repeat(b" " * (1 << 20)))
    announced = iter([HEAD + b"Content-Length: 4294967296\r\n\r\n"])
    for pieces in (endless, announced):
        raw = Raw(pieces)
        with (
            raw as spec,
            pytest.raises(ServiceError, match="an unreadable reply: a reply of"),
        ):
            EndpointEncoder(spec).encode(["heat"])
        assert raw.sent < 100 * LARGEST


@for_each(
    "written",
    [
        "http://me:{}@127.0.0.1:9/v1#m",
        "HTTP://me:{}@127.0.0.1:9/v1#m",
        "http:\\\\me:{}@127.0.0.1:9/v1#m",
        "http://me%3A{}%40127.0.0.1:9/v1#m",
        "http://me:#{}@127.0.0.1:9/v1#m",
        "http://{}@127.0.0.1:9/v1#m",
        "http://127.0.0.1:9/v1?api_key={}#m",
        "http://127.0.0.1:9/v1?{}#m",
        "http://127.0.0.1:9/v1?api-version=2024-02-01&key={}#m",
        "http://127.0.0.1:9/v1%3Fapi_key%3D{}#m",
        "http://127.0.0.1:9/v1/token/{}#m",
        "http://127.0.0.1:9/v1;access_token={}#m",
        "http://127.0.0.1:9/{}/v1#m",
        "http://127.0.0.1:9/v1#{}",
        "http://127.0.0.1:9/v1#m?api_key={}",
        "http://127.0.0.1:9/v1#m&password={}",
        "http://127.0.0.1:9/v1#m#{}",
        "ftp://me:{}@127.0.0.1/m",
    ],
)
def test_a_secret_in_an_address_is_refused_before_it_is_kept_anywhere(
    written: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path / "cache"))
    address, out = written.format(SECRET), tmp_path / "run"
    file = tmp_path / "recipe.toml"
    file.write_text(
        f'[[find]]\nkind = "dense"\nencoder = {json.dumps(address)}\n[pick]\nkind = "top"\n'
    )
    for command in (
        ["mine", "cranfield", "--encoder", address],
        ["mine", "cranfield", "--recipe", str(file)],
        ["train", "cranfield", "--model", address],
        ["train", "cranfield", "--encoder", address],
        ["compare", "cranfield", "--recipes", "bm25", "--encoder", address],
        ["mine", address],
    ):
        assert run([*command, "--out", str(out)]) == 2
    assert run(["evaluate", address, "cranfield"]) == 2
    assert run(["doctor", "--bench", "--encoder", address]) == 2
    told = capsys.readouterr()
    assert SECRET not in told.out + told.err
    assert told.err.count("written into the address") == 8
    assert [path for path in tmp_path.rglob("*") if path != file and path.is_file()] == []


def test_addresses_without_secrets_are_taken() -> None:
    for address in (
        "http://127.0.0.1:8080/v1#all-minilm?concurrency=8",
        "http://[::1]:8080/v1#all-minilm",
        "https://host/v1?api-version=2024-02-01#text-embedding-3-small",
        "https://host/accounts/0123456789abcdef0123456789abcdef/v1#@cf/baai/bge-m3",
        "http://host/v1#nomic-embed-text:latest",
        "http://host/v1#jina-embeddings-v2-base-en",
        "http://host/v1/tokenizer#multi-token",
    ):
        refuse_secrets(address)


def test_a_parameter_of_the_address_stays_behind_the_service() -> None:
    assert service_url("https://h/v1/?api-version=1", "embeddings") == (
        "https://h/v1/embeddings?api-version=1"
    )


def test_a_key_that_cannot_be_one_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for held in (f"{SECRET}\n", f"{SECRET}\r\nX-Other: 1", f"two {SECRET}", f"{SECRET}é"):
        monkeypatch.setenv("MY_KEY", held)
        with pytest.raises(RecipeError, match="MY_KEY holds what no key does") as caught:
            open_encoder("http://127.0.0.1:9/v1#static", api_key="env:MY_KEY")
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


def test_a_run_that_its_server_stopped_goes_on_when_the_server_is_called_otherwise(
    server: Server, tmp_path: Path
) -> None:
    def sources(options: str) -> list[Any]:
        return [Dense(encoder=f"{server.spec}?{options}", top=4, optional=False)]

    server.script = always(401, {"error": "no"})
    with pytest.raises(ServiceError):
        mine(tiny.collection(), tmp_path, sources=sources("seconds=2"), pick=Top(per_query=1))
    server.script = lambda call, body: None
    run = mine(tiny.collection(), tmp_path, sources=sources("seconds=9"), pick=Top(per_query=1))
    assert "seconds=9" in run.path.joinpath("recipe.toml").read_text()
    other = [Dense(encoder=f"{server.spec}er", top=4, optional=False)]
    with pytest.raises(RunError, match="differs in: recipe find"):
        mine(tiny.collection(), tmp_path, sources=other, pick=Top(per_query=1))
