"""What negatives teach of questions unlike those of training, and of those like them.

After Zhan et al. (CIKM 2022). Questions of medquad, 3,000 of its training split and 600 of dev,
with 3,000 answers beside theirs. MiniLM, which is not what is trained, says which questions are
alike. *Folds*: questions of both splits are put into five clusters, and each is left out of
training once; questions of dev in the clusters that were trained on interpolate, those of the one
left out extrapolate. *Samples*: a quarter of the training questions, those nearest to dev, against
as many that are far; dev is the same. The static table learns for 250 steps of 64, three negatives
a question, mined inside each training set by the table as it comes; `none` has those of the batch
alone. nDCG@10, the mean over dev's questions, averaged over the seeds, which draw clusters, samples
and the order of training; *lost* is what extrapolation has less than interpolation.

NEGATIVES_BENCH_SEEDS says how often (3). What is trained is kept in .cache/benchmarks/generalise.
"""

from __future__ import annotations

import os
from dataclasses import replace
from statistics import mean
from typing import Any, get_args

import negatives as neg
from benchmarks.data import CACHE
from benchmarks.learning import EACH, METRIC, Study, minilm, sampled, split
from benchmarks.page import write_page
from negatives.learn.generalise import SIDES, Protocol, generalise
from negatives.recipe import load_recipe
from negatives.recipe_changes import override

STUDY = Study("generalise", "medquad", "static", "static", (), 3, "", 3_000)
SETTINGS = ("train.steps=250", "train.batch_size=64", f"train.negatives={EACH}")


def arms() -> list[Any]:
    """The default recipe first, which the others are tested against, and naive top."""
    plain = override(load_recipe("ance-static"), ["find.dense.top=100"])
    top = replace(plain.with_pick(neg.Top()), name="naive-top")
    return [override(made, [f"pick.per_query={EACH}"]) for made in (load_recipe("default"), top)]


def figures(protocol: Protocol, seed: int) -> list[dict[str, Any]]:
    """The rows of one protocol with one seed, an arm each."""
    train, dev = sampled(*split(replace(STUDY, sample=0)), STUDY.sample)
    found = generalise(
        train, arms(), CACHE / "generalise" / f"{protocol}-{seed}",
        on=dev, protocol=protocol, similar_by=minilm(), changes=SETTINGS, metrics=(METRIC,),
        seed=seed,
    )  # fmt: skip
    rows: list[dict[str, Any]] = found["metrics"][METRIC]
    return rows


def main() -> None:
    """Train, and write the page."""
    seeds = range(int(os.environ.get("NEGATIVES_BENCH_SEEDS", STUDY.seeds)))
    lines = [f"Seeds: {len(seeds)}.", ""]
    for protocol in get_args(Protocol):
        of_seeds = [figures(protocol, seed) for seed in seeds]
        lines += [f"## {protocol.capitalize()} {{ #{protocol} }}", ""]
        lines += [f"| negatives | {' | '.join(SIDES)} | lost | lost, by seed |", "|---" * 5 + "|"]
        for rows in zip(*of_seeds, strict=True):
            sides = [mean(row[side]["value"] for row in rows) for side in SIDES]
            lost = [f"{row['lost']:+.4f}" for row in rows]
            shown = " | ".join(f"{value:.4f}" for value in sides)
            lines.append(
                f"| {rows[0]['arm']} | {shown} | {sides[0] - sides[1]:+.4f} | {' '.join(lost)} |"
            )
        lines.append("")
    write_page("generalise", "Questions unlike those of training", __doc__, lines)


if __name__ == "__main__":
    main()
