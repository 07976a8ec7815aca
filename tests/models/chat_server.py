"""A chat endpoint: a real HTTP server on loopback that answers as well, or as badly, as it is told.

It speaks the OpenAI protocol. Which documents it takes for relevant is up to `relevant`; a `script`
may have it be slow, fail, or lie.
"""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Any]
Script = Callable[[int, dict[str, Any]], Reply | None]
TAG = re.compile(r"<(query|document|positive) ([0-9a-f]{8})>\n(.*?)\n</\1 \2>", re.DOTALL)


def shown(body: dict[str, Any], kind: str) -> list[str]:
    """The texts of a kind in a request, by their marks."""
    found = TAG.findall(body["messages"][-1]["content"])
    return [text for name, _, text in found if name == kind]


def completion(
    text: str, among: dict[str, float] | None = None, *, read: int = 100, written: int = 1
) -> dict[str, Any]:
    """A chat completion; `among`: the probabilities of its first token's alternatives."""
    made: dict[str, Any] = {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": read, "completion_tokens": written},
    }
    if among is not None:
        told = [
            {"token": token, "logprob": math.log(p), "bytes": None} for token, p in among.items()
        ]
        made["choices"][0]["logprobs"] = {"content": [{**told[0], "top_logprobs": told}]}
    return made


class ChatServer(ThreadingHTTPServer):
    """Says yes, or 3, of what `relevant` finds so; `bodies` are the requests so far."""

    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: Script = lambda call, body: None
        self.relevant: Callable[[str, str], bool] = lambda query, document: "wing" in document
        self.unsupported: tuple[str, ...] = ()
        self.retry_after = ""
        self.location = ""
        self.seconds = 0.0
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.answered: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    @property
    def spec(self) -> str:
        """What a user would write."""
        return f"http://127.0.0.1:{self.server_port}/v1#small"

    def answer(self, body: dict[str, Any]) -> Reply:
        """The reply to a request, after what the script says."""
        with self.lock:
            self.bodies.append(body)
            call = len(self.bodies)
        time.sleep(self.seconds)
        for name in self.unsupported:
            if name in body:
                return 400, {"error": {"message": f"Unknown parameter: {name}"}}
        scripted = self.script(call, body)
        if scripted is not None:
            return scripted
        with self.lock:
            self.answered[json.dumps([body["model"], body["messages"]])] += 1
        found = [self.relevant(shown(body, "query")[0], each) for each in shown(body, "document")]
        if "documents" in body["messages"][-1]["content"]:
            relevant = [place for place, yes in enumerate(found, 1) if yes]
            grades = [3 if yes else 0 for yes in found]
            asked_grades = "grades" in body["messages"][0]["content"]
            told = {"grades": grades} if asked_grades else {"relevant": relevant}
            return 200, completion(json.dumps(told))
        (yes,) = found
        if "JSON" in body["messages"][0]["content"]:
            grade = 3 if yes else 0
            text = json.dumps({"match": grade, "trust": 2, "grade": grade})
            return 200, completion(text if "response_format" in body else f"So:\n{text}.")
        word, other = ("yes", "no") if yes else ("no", "yes")
        among = {word: 0.8, other: 0.1} if body.get("logprobs") else None
        return 200, completion(word, among)


class _Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.keys.append(self.headers["Authorization"])
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        path = self.path.partition("?")[0]
        status, reply = server.answer(body) if path == "/v1/chat/completions" else (404, "where")
        sent = (reply if isinstance(reply, str) else json.dumps(reply)).encode()
        with server.lock:
            server.at_once -= 1
        with suppress(BrokenPipeError, ConnectionResetError):  # who asked was killed
            self._send(status, sent)

    def _send(self, status: int, sent: bytes) -> None:
        server = self.server
        self.send_response(status)
        if server.retry_after and status == 429:
            self.send_header("Retry-After", server.retry_after)
        if server.location:
            self.send_header("Location", server.location)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[ChatServer]:
    """A server, while it is needed."""
    made = ChatServer()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        thread.join()
        made.server_close()
