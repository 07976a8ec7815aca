"""python -m benchmarks [NAME ...]: measure, and write docs/results/NAME.md; without names, all."""

from __future__ import annotations

import importlib
import os
import sys

NAMES = (
    "adapt",
    "audits",
    "audits_bias",
    "audits_models",
    "audits_scale",
    "audits_texts",
    "auto",
    "bait_taken",
    "baits",
    "batching",
    "benchmark_noise",
    "canaries",
    "captions_truth",
    "cascade",
    "blind",
    "choosing",
    "compression",
    "cuda",
    "decoding",
    "directions",
    "encoders",
    "coverage",
    "encoding",
    "estimator",
    "exported",
    "faq",
    "feedback",
    "forgetting",
    "graph_truth",
    "generalise",
    "grounding",
    "growth",
    "guidance",
    "guides",
    "images",
    "imbalance",
    "instructions",
    "judgements",
    "judges",
    "labels",
    "knowledge_graphs",
    "large",
    "learning",
    "lexical",
    "links",
    "lint",
    "local_models",
    "losses",
    "made_images",
    "passages",
    "passages_minilm",
    "picture",
    "pipeline",
    "places",
    "planted",
    "recipes",
    "redirected",
    "references",
    "recommendation",
    "reranker",
    "responses",
    "review_server",
    "reviewing",
    "samplers",
    "search",
    "series",
    "shared_errors",
    "several",
    "speed",
    "steps",
    "sums",
    "throughput",
    "truth",
    "unit_tests",
    "unlearned",
    "unlearning",
    "written",
    "whole",
    "scale",
)


def main(names: list[str]) -> None:
    """Run the named benchmarks in order."""
    for name in names:
        if name not in NAMES:
            sys.exit(f"no benchmark {name!r}; there are {', '.join(NAMES)}")
    for name in names or NAMES:
        importlib.import_module(f"benchmarks.{name}").main()


os.environ.setdefault(
    "NEGATIVES_CACHE", "off"
)  # a second run must not find the first one's vectors
main(sys.argv[1:])
