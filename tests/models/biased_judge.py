"""A simulated judge behind a real endpoint, that knows the truth, errs as told, and leans as told.

Whether it errs about a pair is drawn by the pair, and with `noise` by the way it is asked besides.
What it leans to is one of `LEANINGS`; it leans in the share `strength` of the pairs. Asked for an
answer without a document, it knows that of a third of the queries, has a wrong one of another
third, and says of the rest that it does not know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from negatives.models.stimuli import STIMULI
from negatives.schema import Collection
from tests.models.chat_server import ChatServer, completion, serving, shown

LEANINGS: Final = {
    "yes": "says the word yes",
    "no": "says the word no",
    "first word": "says the word that is named first",
    "early": "finds what stands in the first half of a list relevant",
    "alone": "finds a document that stands alone relevant",
    "appeal": "finds what is followed by an appeal relevant",
    "wording": "finds what it is asked about in other words relevant",
    "unsure": "says no, or unsure where it may",
    "ignorance": "says no, or unsure where it may, of queries whose answer it does not know",
}


@dataclass(frozen=True)
class BiasedJudge:
    """`relevant`: pairs of texts; sensitivity and specificity are those of the unbiased part."""

    relevant: frozenset[tuple[str, str]]
    sensitivity: float = 0.85
    specificity: float = 0.85
    leaning: str = ""
    strength: float = 0.0
    noise: bool = False
    seed: int = 0
    answers: Mapping[str, str] = field(default_factory=dict)
    """Text of a query -> its right answer."""
    hedges: float = 0.0
    """Share of the pairs, whatever it would say of them, of which it says unsure where it may."""

    def __call__(self, call: int, body: dict[str, Any]) -> tuple[int, Any]:
        """The reply to a request, as a script of `ChatServer`."""
        system, user = (body["messages"][place]["content"] for place in (0, -1))
        query, documents = shown(body, "query")[0], shown(body, "document")
        if "from what you know" in system:
            said = {"known": f"It is {self.answers[query]}.", "wrong": "Something else."}
            return 200, completion(said.get(self.knowledge(query), "unknown"))
        if "numbered documents" in system:
            found = [
                self._yes(query, each, system, early=2 * place < len(documents))
                for place, each in enumerate(documents)
            ]
            numbers = [place for place, yes in enumerate(found, 1) if yes]
            return 200, completion(json.dumps({"relevant": numbers}))
        yes = self._yes(query, documents[0], system, alone=True, user=user)
        word = "yes" if yes != ("fails to answer" in system) else "no"
        if "say unsure" in system and self._unsure(query, documents[0]):
            return 200, completion("unsure", {"unsure": 0.9, word: 0.1})
        if self._draw("leans", query, documents[0]) < self.strength:
            if self.leaning in ("yes", "no"):
                word = self.leaning
            if self.leaning == "first word":
                word = "no" if "no or yes" in system else "yes"
        among = {word: 0.9, "no" if word == "yes" else "yes": 0.1}
        return 200, completion(word, among)

    def _yes(
        self,
        query: str,
        document: str,
        system: str,
        *,
        early: bool = False,
        alone: bool = False,
        user: str = "",
    ) -> bool:
        """Whether it finds the document relevant."""
        leans = {
            "early": early,
            "alone": alone,
            "appeal": any(each in user for each in STIMULI),
            "wording": "Somebody has searched" in system,
        }
        leant = self._draw("leans", query, document) < self.strength
        if self._evades(query) and leant:
            return False
        if leans.get(self.leaning) and leant:
            return True
        way = system + user if self.noise else ""
        right = (query, document) in self.relevant
        rate = self.sensitivity if right else 1 - self.specificity
        return self._draw("errs" + way, query, document) < rate

    def knowledge(self, query: str) -> str:
        """What it knows of a query by itself: "known", "wrong", or nothing, "not known"."""
        return ("known", "wrong", "not known")[int(3 * self._draw("knows", query, ""))]

    def _evades(self, query: str) -> bool:
        ignorant = self.leaning == "ignorance" and self.knowledge(query) == "not known"
        return ignorant or self.leaning == "unsure"

    def _unsure(self, query: str, document: str) -> bool:
        leant = self._draw("leans", query, document) < self.strength
        hedged = self._draw("hedges", query, document) < self.hedges
        return hedged or (self._evades(query) and leant)

    def _draw(self, stream: str, query: str, document: str) -> float:
        text = "\n".join((str(self.seed), stream, query, document))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) / 2**64


def known(data: Collection) -> frozenset[tuple[str, str]]:
    """The positives of a collection, by their texts."""
    rows, queries, docs = data.positives, data.queries["text"], data.corpus["text"]
    return frozenset(zip(queries.gather(rows["query"]), docs.gather(rows["doc"]), strict=True))


@contextmanager
def judging(judge: BiasedJudge) -> Iterator[str]:
    """The specification of the judge, while it is served."""
    with serving() as server:
        made: ChatServer = server
        made.script = judge
        yield f"{made.spec}?concurrency=2"
