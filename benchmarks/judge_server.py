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

from negatives.schema import Collection

_TEXT = re.compile(r"<(query|document) ([0-9a-f]{8})>\n(.*?)\n</\1 \2>", re.DOTALL)
_UNSURE = 0.5


class JudgeServer(ThreadingHTTPServer):
    """Answers from `relevant`, pairs of texts, with these rates of being right, as it is asked.

    Yes or no, a grade, a rating, or the numbers of a list come of the verdict. Where it may say
    unsure, it does so of half of what it would be wrong about. Asked to revise what it takes for
    relevant, it changes nothing, and else it writes a document that is relevant; asked for the
    query of a document, it knows it, or repeats the beginning. Whatever else it is to write, such
    as an argument, is one empty sentence: that tells nobody anything.
    """

    request_queue_size = 256
    daemon_threads = True

    def __init__(self, relevant: set[tuple[str, str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.relevant = relevant
        self._queries = {document: query for query, document in sorted(relevant)}
        self._documents = dict(sorted(relevant))

    def spec(self, sensitivity: float, specificity: float) -> str:
        """The judge of that quality, for `model`."""
        return f"http://127.0.0.1:{self.server_port}/v1#{sensitivity:g}-{specificity:g}"

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The reply to a question about a query and one document or several."""
        asked = body["messages"][-1]["content"]
        texts = [(kind, text) for kind, _, text in _TEXT.findall(asked)]
        query = next((text for kind, text in texts if kind == "query"), "")
        documents = [text for kind, text in texts if kind == "document"]
        wanted = body.get("response_format", {}).get("json_schema", {}).get("schema")
        if wanted is not None:
            return self._said(body, self._form(body["model"], query, documents, wanted))
        if body.get("logprobs"):
            return self._word(body, query, documents[-1])
        return self._said(body, self._written(body["model"], asked, query, documents[-1]))

    def _right(self, model: str, query: str, document: str) -> tuple[bool, float]:
        """Whether it says that the document is relevant, and by how much chance spares an error."""
        sensitivity, _, specificity = model.partition("-")
        drawn = "\n".join((model, query, document)).encode()
        chance = int.from_bytes(hashlib.blake2b(drawn, digest_size=8).digest(), "big") / 2**64
        relevant = (query, document) in self.relevant
        error = 1 - float(sensitivity if relevant else specificity)
        return relevant != (chance < error), chance / error if error else math.inf

    def _form(
        self, model: str, query: str, documents: list[str], wanted: dict[str, Any]
    ) -> dict[str, Any]:
        yes = [self._right(model, query, document)[0] for document in documents]
        fields = {
            "relevant": [number for number, each in enumerate(yes, 1) if each],
            "rating": 9 if yes[-1] else 2,
            **dict.fromkeys(("match", "trust", "grade"), 3 if yes[-1] else 0),
        }
        return {each: fields[each] for each in wanted["properties"]}

    def _word(self, body: dict[str, Any], query: str, document: str) -> dict[str, Any]:
        yes, spared = self._right(body["model"], query, document)
        word, other = ("yes", "no") if yes else ("no", "yes")
        if "unsure" in body["messages"][0]["content"] and spared < _UNSURE:
            word, other = "unsure", word
        told = [
            {"token": word, "logprob": math.log(0.9)},
            {"token": other, "logprob": math.log(0.1)},
        ]
        return self._said(body, word, [{**told[0], "top_logprobs": told}])

    def _written(self, model: str, asked: str, query: str, document: str) -> str:
        if asked.rstrip().endswith("Write the query."):
            query = self._queries.get(document, "")
            known = bool(query) and self._right(model, query, document)[0]
            return query if known else " ".join(document.split()[:8])
        if asked.rstrip().endswith("Write the new document."):
            right = self._right(model, query, document)[0]
            return document if right else self._documents.get(query, "There is none.")
        return "It is as it says."

    def _said(self, body: dict[str, Any], content: Any, tokens: Any = None) -> dict[str, Any]:
        text = content if isinstance(content, str) else json.dumps(content)
        message = {"role": "assistant", "content": text}
        return {
            "choices": [{"message": message, "logprobs": {"content": tokens}}],
            "usage": {
                "prompt_tokens": len(json.dumps(body)) // 4,
                "completion_tokens": max(1, len(text) // 4),
            },
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
def serving(data: Collection, truth: list[tuple[int, int]]) -> Iterator[JudgeServer]:
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
