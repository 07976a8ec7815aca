"""Who takes the bait: models that train where every answer is marked, and negatives are not.

Raff and Holt (2023) test methods on data that are solved by what the task forbids. Here every
positive of cranfield that is trained on carries a mark that has nothing to do with its query, and
the negatives are as they are: a word at the end, a source at the beginning, or a text cut short. A
model that looks at the query has no need of it. Documents of the batch are marked like the
positives they are, so that whoever contrasts with them can see that the mark tells nothing; whoever
sees a query's own negatives alone cannot. The training is `benchmarks feedback`'s, a linear map of
the static table's vectors, with a recipe's own negatives and its own loss in a plain loop.

On queries that nobody trained on, the model ranks texts without marks (nDCG@10: what has it
learned?), and every answer, without a mark, meets a document that is not relevant, with the mark
and without it. The bait is how much more often the wrong one wins for its mark.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

import negatives as neg
from benchmarks.audits import drawn
from benchmarks.feedback import RATE, SHOWN, STEPS, TRAINED, mapped, quality
from benchmarks.page import write_page
from negatives.arrays import Bools, Doubles, Floats, Places
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.learn.request import completed
from negatives.measure.likeness import nearest_of, unit_vectors
from negatives.recipe import load_recipe

SEEDS, ROWS, WIDTH = 3, 32, 4
"""Examples of a batch, and negatives of each at most."""
RECIPES = ("default", "bm25", "popularity", "hcl", "unpg")
OWN = "default, own negatives alone"
NO_BAIT = "nothing"
BAITS: dict[str, Callable[[pl.Series], pl.Series]] = {
    "a word at the end": lambda texts: texts + " hereby",
    "a source at the beginning": lambda texts: "wikipedia : " + texts,
    "cut to 40 words": lambda texts: texts.str.split(" ").list.head(40).list.join(" "),
}


@dataclass(frozen=True)
class Setting:
    """`clean`, and `marked` by bait: float32[documents, dim]; `relevant`: bool[queries, documents];
    `negatives` by arm: int64[queries, k], -1 where there is none.
    """

    queries: Floats
    clean: Floats
    marked: dict[str, Floats]
    relevant: Bools
    negatives: dict[str, Places]


def setting(folder: Path) -> Setting:
    """Cranfield, and what each recipe mines of it."""
    data = neg.Collection.load("cranfield")
    texts = data.corpus["text"].fill_null("")
    relevant = np.zeros((len(data.queries), len(texts)), bool)
    relevant[data.positives["query"].to_numpy(), data.positives["doc"].to_numpy()] = True
    negatives = {}
    for name in RECIPES:
        found = neg.mine(data, folder / name, recipe=name).negatives
        rows = data.rows_of(found.filter(pl.col("position") < WIDTH))
        table = np.full((len(data.queries), WIDTH), -1, np.int64)
        table[rows["query"].to_numpy(), rows["position"].to_numpy()] = rows["doc"].to_numpy()
        negatives[name] = table
        print(name, file=sys.stderr, flush=True)
    return Setting(
        unit_vectors(data.queries["text"]),
        unit_vectors(texts),
        {name: unit_vectors(bait(texts)) for name, bait in BAITS.items()},
        relevant,
        {**negatives, OWN: negatives["default"]},
    )


def loss_of(arm: str) -> Loss:
    """The recipe's own."""
    if arm == OWN:
        return MultipleNegatives(negatives="hard")
    made: Any = completed(load_recipe(arm), "static").learn
    return made  # type: ignore[no-any-return]


def trained(world: Setting, arm: str, bait: str, learned: Bools, seed: int) -> torch.Tensor:
    """A map that begins as the static table is."""
    positives = world.clean if bait == NO_BAIT else world.marked[bait]
    negatives = world.negatives[arm]
    query, doc = np.nonzero(world.relevant & learned[:, None])
    there = (negatives[query] >= 0).any(1)
    query, doc = query[there], doc[there]
    draw = np.random.default_rng(seed)
    by = torch.eye(world.clean.shape[1], requires_grad=True)
    optimiser = torch.optim.Adam([by], lr=RATE)
    losses = loss_of(arm).open()
    for _ in range(STEPS):
        at = draw.choice(len(query), size=ROWS, replace=False)
        rows, beside = query[at], negatives[query[at]]
        docs = np.concatenate([positives[doc[at]][:, None], world.clean[beside]], axis=1)
        ids = np.concatenate([doc[at][:, None], beside], axis=1)
        batch = EncodedBatch(
            queries=torch.as_tensor(world.queries[rows]) @ by,
            docs=torch.as_tensor(docs) @ by,
            relevant=torch.as_tensor(world.relevant[rows][:, ids.ravel()]),
            present=torch.as_tensor(ids >= 0),
        )
        optimiser.zero_grad()
        batch.mean(losses(batch)).backward()
        optimiser.step()
    return by.detach()


def measured(world: Setting, by: torch.Tensor, bait: str, held: Bools, seed: int) -> Doubles:
    """nDCG@10 without marks, and how much more often a wrong document wins for its mark."""
    queries, clean = mapped(world.queries[held], by), mapped(world.clean, by)
    relevant = world.relevant[held]
    ndcg = quality(nearest_of(queries, clean, SHOWN)[0], relevant)
    if bait == NO_BAIT:
        return np.array([ndcg, np.nan])
    owner, right = np.nonzero(relevant)
    wrong = np.random.default_rng(seed).integers(len(clean), size=len(owner))
    kept = ~relevant[owner, wrong]
    owner, right, wrong = owner[kept], right[kept], wrong[kept]
    marked = mapped(world.marked[bait], by)
    answer, without, having = (
        np.einsum("nd,nd->n", queries[owner], each)
        for each in (clean[right], clean[wrong], marked[wrong])
    )
    return np.array([ndcg, float((having > answer).mean() - (without > answer).mean())])


def told(values: Any) -> str:
    """Means over the seeds of nDCG@10 and of the bait, with their deviations."""
    (ndcg, bait), (first, second) = np.mean(values, axis=0), np.std(values, axis=0, ddof=1)
    return f"{ndcg:.3f} ± {first:.3f}" + ("" if np.isnan(bait) else f", {bait:+.3f} ± {second:.3f}")


def main() -> None:
    """Train, and write the page."""
    ids = neg.Collection.load("cranfield").queries["query_id"]
    with tempfile.TemporaryDirectory() as name:
        world = setting(Path(name))
    names = [NO_BAIT, *BAITS]
    lines = [f"| trained with | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    lots = [drawn(ids, seed, "bait-taken/learned") < TRAINED for seed in range(SEEDS)]
    start = torch.eye(world.clean.shape[1])
    for arm in ("no training", *world.negatives):
        cells = []
        for bait in names:
            found = [
                measured(
                    world,
                    start if arm == "no training" else trained(world, arm, bait, lot, seed),
                    bait,
                    ~lot,
                    seed,
                )
                for seed, lot in enumerate(lots)
            ]
            cells.append(told(found))
        lines.append(f"| {arm} | {' | '.join(cells)} |")
        print(lines[-1], file=sys.stderr, flush=True)
    write_page("bait-taken", "Who takes the bait", __doc__, [_SETTING, "", *lines])


_SETTING = (
    f"By what marks the answers that are trained on: nDCG@10 without marks, and the bait; mean ± "
    f"standard deviation over {SEEDS} seeds, which draw queries and the order. {STEPS} steps of "
    f"{ROWS} examples, each with up to {WIDTH} negatives."
)


if __name__ == "__main__":
    main()
