"""A chat server that writes what generators ask for, from the texts that it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.models.chat_server import ChatServer, completion, serving, shown


def writes(body: dict[str, Any]) -> dict[str, Any]:
    """What a good model replies to each of the shipped prompts."""
    system = body["messages"][0]["content"]
    document, query = (" ".join(shown(body, kind)) for kind in ("document", "query"))
    if "hard to find it by" in system:
        tried = "Found at once" in body["messages"][-1]["content"]
        return {"queries": ["warm in a bowl" if tried else " ".join(document.split()[:4])]}
    if '"domains"' in system:
        return {"domains": [{"domain": "music", "passage": f"A song on {query} is sung."}]}
    if '"queries"' in system:
        words = document.split()
        return {"queries": [" ".join(words[:4]), " ".join(words[2:7]), "pears of no use"]}
    if '"perfect"' in system:
        levels = ("perfect", "high", "related", "irrelevant")
        return {level: f"A {level} passage on {query}." for level in levels}
    if '"responses"' in system:
        return {
            "responses": [
                {"text": f"Passage {n} which is about {query}.", "probability": p}
                for n, p in enumerate((0.5, "20%", 0.1, 0.1, 0.1))
            ]
        }
    return {"passages": [f"Something else than {query} is told here."]}


def replying(body: dict[str, Any]) -> dict[str, Any]:
    """That as a chat completion."""
    return completion(json.dumps(writes(body)), read=50, written=20)


@contextmanager
def writing() -> Iterator[ChatServer]:
    """A server that does."""
    with serving() as server:
        server.script = lambda call, body: (200, replying(body))
        yield server
