"""Passages of which one is labelled, with MiniLM: is what holds for the static table true of it?

The data are those of benchmark `passages` with titles, smaller, so that a processor is done with
them: 1,200 training questions and 400 dev questions, drawn by ids, and every passage of each
document that one of them asks for, or of 500 others. MiniLM encodes, mines, and is trained for 40
steps of 16, 64 pieces a text, with three negatives a query. `naive top` are the most similar
passages that are not labelled, `random of the top 50` three of the fifty drawn by chance; `default`
and `passages` are recipes. `of the right document` is the share of the negatives that are passages
of an answer to their own query, and so false or nearly so.

nDCG@10 is the mean over dev questions and seeds; differences are tested by paired randomisation
over questions, p corrected for the number of arms (Holm). NEGATIVES_BENCH_SEEDS says how often each
is trained (3); what is done is kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import polars as pl

from benchmarks.data import CACHE
from benchmarks.learning import minilm
from benchmarks.page import write_page
from benchmarks.passages import EACH, METRIC, against, recipes
from benchmarks.passages_data import answer_of, few
from negatives.learn.compare import compare
from negatives.schema import Collection
from negatives.store.run import Run

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
WORK = CACHE / "passages-minilm"
TRAINED, JUDGED = 1_200, 400
ARMS = ("default", "passages", "naive top", "random of the top 50")
SETTINGS = (
    "train.steps=40", "train.batch_size=16", "train.max_length=64", f"train.negatives={EACH}",
    "train.checkpoint=400",
)  # fmt: skip


def of_the_right_document(arm: str, train: Collection) -> float | None:
    """The share of an arm's negatives that are passages of an answer to their own query."""
    run = WORK / "arms" / arm / "run"
    if not run.is_dir():
        return None
    chosen = Run(run).negatives.select("query_id", answer=answer_of(pl.col("doc_id")))
    right = train.qrels.select("query_id", answer=answer_of(pl.col("doc_id"))).unique()
    return len(chosen.join(right, on=["query_id", "answer"], how="semi")) / len(chosen)


def body(train: Collection, figures: dict[str, Any], frames: dict[str, Any]) -> Iterator[str]:
    """The table, and what the recipe for passages and the default are beside the others."""
    yield (
        f"{figures['queries']:,} questions judged, {figures['seeds']} seeds, "
        f"{len(train.corpus):,} passages.\n"
    )
    yield "| negatives | of the right document | nDCG@10 | by seed |"
    yield "|---|---:|---:|---|"
    for row in sorted(figures["metrics"][METRIC], key=lambda row: float(row["mean"])):
        share = of_the_right_document(row["arm"], train)
        seeds = " ".join(f"{value:.3f}" for value in row["by_seed"])
        told = "" if share is None else f"{share:.2%}"
        yield f"| {row['arm']} | {told} | **{row['mean']:.4f}** | {seeds} |"
    for ours in ("passages", "default"):
        yield ""
        yield f"| {ours} against | difference | 95% interval | p |"
        yield "|---|---:|---|---:|"
        for arm, (found, p) in against(frames, ours).items():
            yield (
                f"| {arm} | {-found['difference']:+.4f} | {-found['high']:+.4f} to "
                f"{-found['low']:+.4f} | {p:.4f} |"
            )


def main() -> None:
    """Compare, and write the page."""
    train, dev = few("titled", TRAINED, JUDGED)
    made = compare(
        train,
        [each for each in recipes() if each.name in ARMS],
        WORK,
        on=dev,
        model=minilm(),
        encoder=minilm(),
        changes=SETTINGS,
        seeds=SEEDS,
        metrics=(METRIC,),
    )
    lines = body(train, made.figures, made.per_query)
    write_page("passages-minilm", "Passages of which one is labelled, with MiniLM", __doc__, lines)


if __name__ == "__main__":
    main()
