"""Small runs for the tests of reports, and a reader of their pages."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import negatives as neg
from negatives.schema import Collection
from negatives.stage import Judge, Picker, Source
from tests.build import collection

HOSTILE = "</style><script>alert('x')</script> {{ 7 * 7 }} {% raw %} <img src=x onerror=alert(1)> &"

TOPICS = ("wing", "shell", "plate", "flow", "shock", "heat", "beam", "jet")


def tiny() -> Collection:
    """Eight queries, sixteen documents: each about its own topic, each naming the next one too.

    Document 3 and query 0 hold what must never reach a page unescaped; documents 14 and 15 are
    positives of query 0 with the same text but for case, so that one of them has a copy.
    """
    corpus = {
        f"d{place:02}": f"{topic} {topic} study of {TOPICS[(place + 1) % 8]} number {place}"
        for place, topic in enumerate((*TOPICS, *TOPICS))
    }
    corpus["d03"] = f"flow {HOSTILE} wing"
    corpus["d15"] = corpus["d00"].upper()
    queries = {f"q{place}": f"what is known of {topic}" for place, topic in enumerate(TOPICS)}
    queries["q0"] = f"wing {HOSTILE}"
    qrels = [(f"q{place}", f"d{place:02}", 1) for place in range(8)]
    qrels += [("q0", "d08", 2), ("q1", "d10", 0), ("q2", "d11", 0)]
    return collection(corpus, queries, qrels)


def mined(
    out: Path,
    sources: list[Source] | None = None,
    judges: list[Judge] | None = None,
    pick: Picker | None = None,
) -> neg.Run:
    """A run on the tiny collection."""
    return neg.mine(
        tiny(),
        out,
        sources=sources or [neg.BM25(top=6), neg.Random(top=4)],
        judges=judges or [],
        pick=pick or neg.Top(per_query=4),
    )


class Page(HTMLParser):
    """What a page holds: every tag with its attributes, ids, and the text outside of styles."""

    void = frozenset({"meta", "br", "img", "link"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.styles: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        kept = self.styles if self.open and self.open[-1] == "style" else self.words
        kept.append(data)

    @property
    def text(self) -> str:
        """Visible text, on one line."""
        return " ".join("".join(self.words).split())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every tag of a name."""
        return [attributes for name, attributes in self.tags if name == tag]


def section(summary: dict[str, Any], name: str) -> dict[str, Any]:
    """The figures of one section."""
    figures: dict[str, Any] = summary["sections"][name]
    return figures
