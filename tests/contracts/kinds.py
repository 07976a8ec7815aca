"""A stage of every kind there is, at its defaults but for what it cannot be made without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from negatives.kinds import KINDS, kinds
from negatives.stage import Stage, build

MODEL = "http://127.0.0.1:9/v1#small"
"""Where no language model answers."""

# fmt: off
NEEDED: dict[tuple[str, str], dict[str, Any]] = {
    ("make", "contrastive"): {"model": "some-model"},
    ("make", "adversarial-decoding"): {"model": "some-model"},
    ("make", "bandit"): {"writers": [MODEL, "http://127.0.0.1:9/v1#large"]},
    ("choose", "ifd"): {"model": "some-model"},
    ("find", "reformulations"): {"model": MODEL},
    ("judge", "consistency"): {"lists": ["reworded.run"]},
    **{
        ("judge", kind): {"model": MODEL}
        for kind in ("abstain", "debate", "llm", "reference-adapted", "self-check", "sufficiency")
    },
    ("judge", "llm-cascade"): {"model": MODEL, "large": "http://127.0.0.1:9/v1#large"},
    ("judge", "icr"): {"model": "some-model"},
    ("judge", "perplexity"): {"model": "some-model"},
    **{
        ("make", kind): {"model": MODEL}
        for kind in (
            "adversarial-filtering", "contrasting-demonstrations", "failure-inducing", "graded",
            "imagined-domains", "iterative-deepening", "queries", "verbalized", "written",
        )
    },
    ("judge", "reranker"): {"model": "some-reranker"},
    ("learn", "generic-labels"): {"reinforced": "some-model"},
    ("judge", "text-perplexity"): {"model": "some-model"},
    ("estimate", "ensemble"): {
        "votes": {"bm25_score": 5.0, "dense_score": 0.5, "characters": 30.0}
    },
    ("round", "average"): {"of": ["first", "second"]},
    ("pick", "quotas"): {"quotas": {"bm25": 2, "dense": 1}},
}
# fmt: on
UNFINISHED = ("find", "unfinished")
"""A third party's, which is refused."""


def stages(section: str, *, but: tuple[str, ...] = ()) -> Iterator[Any]:
    """Every kind of a section, `but` for some that need more than a tiny collection has."""
    for kind in sorted(kinds(section)):
        if kind not in but and (section, kind) != UNFINISHED:
            yield build(section, {"kind": kind, **NEEDED.get((section, kind), {})})


def every() -> Iterator[Stage]:
    """Every kind of every section."""
    for section in KINDS:
        yield from stages(section)
