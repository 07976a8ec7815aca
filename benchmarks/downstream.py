"""What negatives are worth to a small model: medquad train, nDCG@10 on its dev split.

The built-in static table is fine-tuned on a CPU: 400 steps of 64 queries, InfoNCE over the batch
with qrels-known positives masked, three mined negatives a query, mined once with the table as it
was. Adam, learning rate 0.01, scale 20, two seeds. `dev` chose the default recipe; it is no test.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import load
from benchmarks.page import write_page
from negatives.models.static import StaticEncoder
from negatives.recipe import Recipe, load_recipe, override

STEPS, BATCH, EACH, RATE, SCALE = 400, 64, 3, 0.01, 20.0
SEEDS = (0, 1)
LONGEST = 256

Negatives = Mapping[int, list[int]]


@dataclass(frozen=True)
class Task:
    """Texts as pieces, and who is relevant to whom, by row number."""

    table: Any
    docs: list[list[int]]
    queries: list[list[int]]
    positives: dict[int, list[int]]
    dev_queries: list[list[int]]
    dev_positives: list[set[int]]


def prepare(train: neg.Collection, dev: neg.Collection) -> Task:
    """Split every text into pieces once."""
    import torch

    encoder = StaticEncoder()

    def pieces(texts: pl.Series) -> list[list[int]]:
        return [list(encoder.pieces(text))[:LONGEST] or [0] for text in texts]

    def known(data: neg.Collection) -> dict[int, list[int]]:
        grouped = data.positives.group_by("query", maintain_order=True).agg("doc")
        return dict(grouped.iter_rows())

    asked = known(dev)
    dev_pieces = pieces(dev.queries["text"])
    return Task(
        table=torch.tensor(encoder.table),
        docs=pieces(train.corpus["text"]),
        queries=pieces(train.queries["text"]),
        positives=known(train),
        dev_queries=[dev_pieces[query] for query in asked],
        dev_positives=[set(docs) for docs in asked.values()],
    )


def vectors(table: Any, texts: Sequence[list[int]]) -> Any:
    """float32[texts, dim], unit length: the mean of each text's rows."""
    import torch

    sizes = np.array([len(text) for text in texts])
    starts = torch.tensor(np.cumsum(sizes) - sizes)
    rows = torch.tensor(np.concatenate(texts))
    means = torch.nn.functional.embedding_bag(rows, table, starts, mode="mean")
    return torch.nn.functional.normalize(means, dim=1)


def train(task: Task, negatives: Negatives | None, seed: int) -> Any:
    """The fine-tuned table."""
    import torch

    draw = np.random.default_rng(seed)
    table = torch.nn.Parameter(task.table.clone())
    optimiser = torch.optim.Adam([table], lr=RATE)
    queries = list(task.positives)
    for _ in range(STEPS):
        batch = [queries[n] for n in draw.choice(len(queries), BATCH, replace=False)]
        docs = [int(draw.choice(task.positives[query])) for query in batch]
        if negatives is not None:
            docs += [doc for query in batch for doc in negatives.get(query, [])]
        scores = SCALE * (
            vectors(table, [task.queries[query] for query in batch])
            @ vectors(table, [task.docs[doc] for doc in docs]).T
        )
        known = np.stack([np.isin(docs, task.positives[query]) for query in batch])
        known[np.arange(BATCH), np.arange(BATCH)] = False
        scores = scores.masked_fill(torch.tensor(known), -1e9)
        loss = torch.nn.functional.cross_entropy(scores, torch.arange(BATCH))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return table.detach()


def ndcg(task: Task, table: Any) -> float:
    """Mean nDCG@10 over the dev queries, binary gains."""
    import torch

    with torch.no_grad():
        scores = vectors(table, task.dev_queries) @ vectors(table, task.docs).T
        top = scores.topk(10, dim=1).indices.numpy()
    discount = 1 / np.log2(np.arange(2, 12))
    found = [
        (np.isin(row, list(known)) * discount).sum() / discount[: len(known)].sum()
        for row, known in zip(top, task.dev_positives, strict=True)
    ]
    return float(np.mean(found))


def recipes() -> dict[str, Recipe]:
    """What is compared: the default, the shipped methods, and plain windows."""
    plain = override(load_recipe("ance-static"), ["find.dense.top=100"])
    chosen = {
        "random documents": Recipe(find=(neg.Random(top=10),), pick=neg.Top(by="random_rank")),
        "top": plain.with_pick(neg.Top()),
        "random of the top 10": plain.with_pick(neg.RandomPick(among=10)),
        **{name: load_recipe(name) for name in ("default", "nv-retriever", "simans", "bm25")},
        **{
            f"default, at most {share:.0%} false": override(
                load_recipe("default"), [f"pick.max_false={share}"]
            )
            for share in (0.02, 0.1, 0.2)
        },
        "rocketqa-window (random of the top 50)": load_recipe("rocketqa-window"),
    }
    return {name: override(made, [f"pick.per_query={EACH}"]) for name, made in chosen.items()}


def mined(data: neg.Collection, recipe: Recipe, seed: int) -> Negatives:
    """Row numbers of the negatives of each query."""
    with tempfile.TemporaryDirectory() as folder:
        run = neg.mine(data, Path(folder) / "run", recipe=recipe, seed=seed)
        pairs = data.rows_of(run.negatives.select("query_id", "doc_id"))
    return dict(pairs.group_by("query").agg("doc").iter_rows())


def main() -> None:
    """Train with each kind of negatives and write the page."""
    data, dev = load("medquad@train"), load("medquad@dev")
    task = prepare(data, dev)
    rows = [f"| not fine-tuned | {ndcg(task, task.table):.3f} | | |"]
    makers: dict[str, Callable[[int], Negatives | None]] = {"none (in-batch only)": lambda _: None}
    for name, recipe in recipes().items():
        makers[name] = lambda seed, recipe=recipe: mined(data, recipe, seed)  # type: ignore[misc]
    for name, make in makers.items():
        began = time.perf_counter()
        scores, delivered = [], []
        for seed in SEEDS:
            negatives = make(seed)
            delivered.append(sum(map(len, negatives.values())) if negatives else 0)
            scores.append(ndcg(task, train(task, negatives, seed)))
        share = delivered[0] / (len(task.positives) * EACH)
        each = " ".join(f"{score:.3f}" for score in scores)
        coverage = f"{share:.2f}" if share else ""
        rows.append(f"| {name} | **{np.mean(scores):.3f}** | {each} | {coverage} |")
        print(rows[-1], f"{time.perf_counter() - began:.0f} s", flush=True)
    body = [
        "| negatives | nDCG@10 | by seed | coverage |",
        "|---|---|---|---|",
        *rows,
    ]
    write_page("downstream", "What negatives are worth downstream", __doc__, body)


if __name__ == "__main__":
    main()
