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
    """What a page holds: every tag with its attributes, and the text that a reader sees."""

    void = frozenset({"meta", "br", "img", "link", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.styles: list[str] = []
        self.scripts: list[str] = []
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
        kept = {"style": self.styles, "script": self.scripts}
        kept.get(self.open[-1] if self.open else "", self.words).append(data)

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


def compared() -> dict[str, Any]:
    """Figures of a comparison of four arms, as `negatives compare` writes them."""
    means = {"default": 0.512, "nv-retriever": 0.498, "theirs": 0.505, "none": 0.471}
    tests = {"nv-retriever": (-0.014, 0.08), "theirs": (-0.007, 0.41), "none": (-0.041, 0.003)}
    rows = []
    for arm, mean in means.items():
        row: dict[str, Any] = {
            "arm": arm,
            "mean": mean,
            "low": mean - 0.05,
            "high": mean + 0.05,
            "by_seed": [mean - 0.004, mean + 0.004],
        }
        if arm in tests:
            difference, p = tests[arm]
            row["against_first"] = {
                "difference": difference,
                "low": difference - 0.02,
                "high": difference + 0.02,
                "p_holm": p,
                "dz": None if arm == "theirs" else -0.12,
                "better": 30,
                "worse": 45,
            }
        rows.append(row)
    mined = {
        "per_query": 7, "coverage": 1.0, "false_share": 0.034, "false_share_at_most": 0.046,
        "hardness": 1.89, "scorer": "dense",
    }  # fmt: skip
    cost = {"mining_seconds": 4.2, "training_seconds": 9.1, "steps": 20, "device": "cpu"}
    return {
        "data": "split@train",
        "on": "split@dev",
        "queries": 75,
        "left_out": 2,
        "model": "static",
        "seeds": 2,
        "settings": {"batch_size": 32},
        "against": "default",
        "metrics": {"nDCG@10": rows},
        "negatives": {
            "default": mined,
            "nv-retriever": mined | {"coverage": 0.36, "false_share": None, "hardness": -0.48},
            "theirs": None,
            "none": None,
        },
        "costs": dict.fromkeys(means, cost),
    }
