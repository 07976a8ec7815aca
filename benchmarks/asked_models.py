"""Recipes that ask language models, and whom they ask: one that is served, or a simulated judge.

A real one is small, for it runs on a processor, and its word is worth little (docs/results/
judges.md). The simulated one says what a recipe does with the word of a judge of known quality; it
errs about a pair, whatever the form of the question, and so tells nothing of which form is better.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.data import CACHE
from benchmarks.judge_server import serving
from negatives.recipe import load_recipe
from negatives.schema import Collection

REPLIES = CACHE / "recipes" / "replies"
GGUF = Path(os.environ.get("NEGATIVES_BENCH_GGUF", ""))
PORT = 44471
"""Where a language model is served, so that its replies are found again."""
JUDGES = (
    "umbrela",
    "self-check-annotator",
    "self-j",
    "reviseval",
    "abstention",
    "sim-rag",
    "label-models",
    "debate",
    "multi-judge-debate",
    "rlhn",
)
"""Recipes that have a language model judge."""
READERS = {
    "icr": ("judge.icr.top=10", "judge.icr.characters=400"),
    "perplexity-filter": ("judge.perplexity.top=5", "judge.perplexity.characters=400"),
    "genqr-ensemble": ("find.reformulations.ways=3",),
}
"""Recipes that read more of a model than an answer, or have it write what is searched: no simulated
judge can stand for it."""
_SHORT = "tokens=160", "unknown=0.7"
_LIST = "asked=3", "tokens=320", "unknown=0.7"
WRITERS = {
    name: tuple(f"make.{kind}.{each}" for each in ("most=30", *more))
    for name, kind, more in (
        ("dont-retrieve-generate", "written", _SHORT),
        ("negative-prompt", "written", _SHORT),
        ("contrasting-demonstrations", "contrasting-demonstrations", _SHORT),
        ("imagined-domains", "imagined-domains", ("count=1", *_SHORT)),
        ("gpl-queries", "queries", ("count=1", *_SHORT)),
        ("reversegen", "failure-inducing", _SHORT),
        ("verbalized-sampling", "verbalized", _LIST),
        ("adversarial-filtering", "adversarial-filtering", ("keep=1", *_LIST)),
        ("sycl", "graded", ("tokens=320", "unknown=0.7")),
        ("adversarial-decoding", "adversarial-decoding", ()),
        ("judged-synthetic-pipeline", "written", ("count=1", *_SHORT)),
        ("generator-bandit", "bandit", ("explore=10", *_SHORT)),
        ("iterative-deepening-sampling", "iterative-deepening", ("depth=2", *_LIST[1:])),
        ("difficult-replay", "adversarial-filtering", ("keep=1", *_LIST)),
        ("impossible-distillation", "queries", ("count=1", *_SHORT)),
    )
}
"""Recipes that have a language model write, for the queries, or of the documents, of a small part:
negatives, or queries of their own. A small model rambles, so that its replies are cut, and up to
70% of them may be unreadable: a query without a text has mined negatives alone."""
WRITERS["judged-synthetic-pipeline"] += ("judge.llm.top=1", "judge.llm.characters=300")
QUALITY = 0.9, 0.95
"""Of the simulated judge: how many relevant pairs, and how many others, it is right about."""


def asked() -> dict[str, bool]:
    """The language models that recipes name, and whether each is at an address."""
    recipes = (load_recipe(name) for name in (*JUDGES, *READERS, *WRITERS, "ifd"))
    stages = (stage for recipe in recipes for stage in recipe.stages)
    names = (name for stage in stages for name in named(stage.settings().values()))
    return {name: name.startswith("http") for name in names}


@contextmanager
def simulated(data: Collection) -> Iterator[dict[str, str]]:
    """In place of the language models at an address: one that knows what is relevant, and errs."""
    truth = data.positives.select("query", "doc").rows()
    os.environ["NEGATIVES_CACHE"] = str(REPLIES)
    with serving(data, truth) as server:
        spec = f"{server.spec(*QUALITY)}?concurrency=16"
        yield {name: spec for name, there in asked().items() if there}


@contextmanager
def language_models() -> Iterator[dict[str, str]]:
    """In place of those that recipes name: one that is served, and the small one in this process.

    The first is also the second and the third of those that name several; what is called small, to
    be chosen or not, is the small one, served too.
    """
    from tests.models.small_model import serving_model

    from benchmarks.smollm2 import smollm2

    os.environ["NEGATIVES_CACHE"] = str(REPLIES)
    local = str(smollm2())
    file = GGUF if GGUF.suffix == ".gguf" else None
    with (
        serving_model(2048, port=PORT, file=file) as model,
        serving_model(2048, port=PORT + 1) as small,
    ):
        served = {name: model if there else local for name, there in asked().items()}
        yield served | {name: small for name in served if name.endswith("#small")}


def named(values: Iterable[Any]) -> Iterator[str]:
    """Language models among settings: at an address, or by the hub's name."""
    for value in values:
        if isinstance(value, list):
            yield from named(value)
        elif isinstance(value, str) and value.startswith(("http://", "HuggingFaceTB/")):
            yield value
