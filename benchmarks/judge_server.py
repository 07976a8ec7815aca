"""A simulated language model behind a real endpoint: it knows the truth, and errs as often as told.

It speaks the OpenAI protocol over HTTP, on loopback. What it is asked about it recognises by its
text, and whether it errs about a pair is drawn by the hash of both texts: asked twice, it says the
same.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import negatives as neg

_TEXT = re.compile(r"<(query|document) ([0-9a-f]{8})>\n(.*?)\n</\1 \2>", re.DOTALL)


class JudgeServer(ThreadingHTTPServer):
    """Answers yes or no from `relevant`, pairs of texts, with these rates of being right."""

    request_queue_size = 256
    daemon_threads = True

    def __init__(self, relevant: set[tuple[str, str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.relevant = relevant

    def spec(self, sensitivity: float, specificity: float) -> str:
        """The judge of that quality, for `model`."""
        return f"http://127.0.0.1:{self.server_port}/v1#{sensitivity:g}-{specificity:g}"

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The reply to a question about one pair."""
        texts = {kind: text for kind, _, text in _TEXT.findall(body["messages"][-1]["content"])}
        pair = (texts["query"], texts["document"])
        sensitivity, _, specificity = body["model"].partition("-")
        draw = hashlib.blake2b("\n".join((body["model"], *pair)).encode(), digest_size=8).digest()
        chance = int.from_bytes(draw, "big") / 2**64
        yes = chance < (float(sensitivity) if pair in self.relevant else 1 - float(specificity))
        word, other = ("yes", "no") if yes else ("no", "yes")
        told = [
            {"token": word, "logprob": math.log(0.9)},
            {"token": other, "logprob": math.log(0.1)},
        ]
        return {
            "choices": [
                {
                    "message": {"role": "assistant", "content": word},
                    "logprobs": {"content": [{**told[0], "top_logprobs": told}]},
                }
            ],
            "usage": {"prompt_tokens": len(json.dumps(body)) // 4, "completion_tokens": 1},
        }


class _Handler(BaseHTTPRequestHandler):
    server: JudgeServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        sent = json.dumps(self.server.answer(body)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(data: neg.Collection, truth: list[tuple[int, int]]) -> Iterator[JudgeServer]:
    """A server that knows these pairs of row numbers of a collection for relevant."""
    queries, docs = data.queries["text"], data.corpus["text"]
    made = JudgeServer({(queries[query], docs[doc]) for query, doc in truth})
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        thread.join()
        made.server_close()
