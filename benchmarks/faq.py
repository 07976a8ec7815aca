"""A FAQ, in which every positive is the answer: what the recipe for passages costs there.

The thousand questions of the tutorial (examples/faq.csv), a fifth of them held out so that no
answer is on both sides. Three negatives a query, the built-in table, 100 steps.
`passages` is the default recipe with the judge `out-of-reach`, `95% rule` the recipe nv-retriever.
nDCG@10 is the mean over the questions held out and over seeds; differences are tested by paired
randomisation over questions, p corrected for the number of arms (Holm). NEGATIVES_BENCH_SEEDS says
how often each is trained.
"""

from __future__ import annotations

import os

import negatives as neg
from benchmarks.data import CACHE
from benchmarks.page import write_page
from negatives.learn.compare import compare
from negatives.recipe import load_recipe
from negatives.recipe_changes import override

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
METRIC = "nDCG@10"
ARMS = {"default": "default", "passages": "passages", "nv-retriever": "95% rule"}


def main() -> None:
    """Mine, train, and write the page."""
    sides = neg.Collection.load("examples/faq.csv").split_queries(dev=0.2)
    made = compare(
        sides["train"],
        [override(load_recipe(name), ["pick.per_query=3"]) for name in ARMS],
        CACHE / "faq",
        on=sides["dev"],
        model="static",
        changes=["train.steps=100", "train.negatives=3"],
        seeds=SEEDS,
        metrics=(METRIC,),
    )
    figures = made.figures
    lines = [
        f"{figures['queries']:,} questions judged, {figures['seeds']} seeds.",
        "",
        "| negatives | nDCG@10 | by seed | less default | p |",
        "|---|---:|---|---:|---:|",
    ]
    for row in figures["metrics"][METRIC]:
        test = row.get("against_first")
        less, p = (f"{test['difference']:+.4f}", f"{test['p_holm']:.4f}") if test else ("", "")
        seeds = " ".join(f"{value:.3f}" for value in row["by_seed"])
        name = ARMS.get(row["arm"], "in-batch only")
        lines.append(f"| {name} | **{row['mean']:.4f}** | {seeds} | {less} | {p} |")
    write_page("faq", "A FAQ, where every positive answers", __doc__, lines)


if __name__ == "__main__":
    main()
