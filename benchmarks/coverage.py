"""What a miner delivers: coverage, false share and hardness, with half of the positives hidden.

Collections whose judging is near-complete, so that a hidden positive among the negatives is a false
negative and nearly all false negatives are hidden positives. Every miner sees the same MiniLM
vectors (and, for `static`, the built-in encoder); hardness is measured with MiniLM throughout.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

import negatives as neg
from benchmarks.data import load, minilm_vectors
from benchmarks.frontier import frontier
from benchmarks.page import write_page, write_picture
from negatives.measure.hidden import half
from negatives.recipe import load_recipe
from negatives.recipe_changes import override

COLLECTIONS = ("cranfield", "cisi", "med")
HIDINGS = 3
ASKED = 5

Miner = Callable[["Case", int], pl.DataFrame]


@dataclass(frozen=True)
class Case:
    """One hiding of one collection."""

    data: neg.Collection
    hidden: pl.DataFrame
    vectors: Mapping[str, Path]
    queries: NDArray[np.float32]
    docs: NDArray[np.float32]

    @property
    def dense(self) -> neg.Dense:
        """MiniLM, precomputed."""
        return neg.Dense(
            encoder="precomputed",
            query_vectors=str(self.vectors["queries"]),
            doc_vectors=str(self.vectors["docs"]),
        )


def hide(data: neg.Collection, vectors: Mapping[str, Path], seed: int) -> Case:
    """Hide half of each query's positives, of queries that have at least two."""
    visible, hidden = half(data, seed)
    rows = {side: table.sort(table.columns[0])["row"].to_numpy() for side, table in
            (("queries", data.queries), ("docs", data.corpus))}  # fmt: skip
    return Case(
        data=visible,
        hidden=hidden,
        vectors=vectors,
        queries=np.load(vectors["queries"])[rows["queries"]],
        docs=np.load(vectors["docs"])[rows["docs"]],
    )


def ours(recipe: str, changes: tuple[str, ...] = (), *, static: bool = False) -> Miner:
    """A shipped recipe, its dense sources on MiniLM's vectors unless `static`."""

    def miner(case: Case, seed: int) -> pl.DataFrame:
        made = override(load_recipe(recipe), [*changes, f"pick.per_query={ASKED}", f"seed={seed}"])
        if not static:
            find = tuple(
                replace_source(case.dense, source) if isinstance(source, neg.Dense) else source
                for source in made.find
            )
            made = replace(made, find=find)
        with tempfile.TemporaryDirectory() as folder:
            return neg.mine(case.data, Path(folder) / "run", recipe=made).negatives.select(
                "query_id", "doc_id"
            )

    return miner


def replace_source(dense: neg.Dense, like: Any) -> neg.Dense:
    """`dense` with the depth of another source."""
    import msgspec

    return msgspec.structs.replace(dense, top=like.top)


class Precomputed:
    """What `mine_hard_negatives` asks of a model, answered from vectors encoded before."""

    def __init__(self, case: Case) -> None:
        texts = (case.data.queries["text"], case.data.corpus["text"])
        self.vectors = {
            text: vector
            for side, table in zip(texts, (case.queries, case.docs), strict=True)
            for text, vector in zip(side.to_list(), table, strict=True)
        }
        self.device = "cpu"
        self.prompts: dict[str, str] = {}
        self.default_prompt_name = None

    def encode_query(self, texts: list[str], **_: Any) -> NDArray[np.float32]:
        """Vectors of texts."""
        return np.stack([self.vectors[text] for text in texts])

    encode_document = encode_query

    def get_embedding_dimension(self) -> int:
        """Width of the vectors."""
        return len(next(iter(self.vectors.values())))

    def similarity(self, left: Any, right: Any) -> Any:
        """Cosine, of unit vectors."""
        import torch

        return torch.as_tensor(left) @ torch.as_tensor(right).T

    def similarity_pairwise(self, left: Any, right: Any) -> Any:
        """Cosine of corresponding rows."""
        import torch

        return (torch.as_tensor(left) * torch.as_tensor(right)).sum(dim=-1)


def theirs(**settings: Any) -> Miner:
    """sentence-transformers' mine_hard_negatives with `range_max=100`."""

    def miner(case: Case, seed: int) -> pl.DataFrame:
        import random

        import torch
        from datasets import Dataset
        from sentence_transformers.util import mine_hard_negatives

        torch.manual_seed(seed)
        random.seed(seed)
        texts = dict(zip(case.data.corpus["doc_id"], case.data.corpus["text"], strict=True))
        queries = dict(zip(case.data.queries["query_id"], case.data.queries["text"], strict=True))
        pairs = [
            {"anchor": queries[query], "positive": texts[doc]}
            for query, doc, _ in case.data.qrels.iter_rows()
        ]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            mined = mine_hard_negatives(
                Dataset.from_list(pairs),
                Precomputed(case),
                corpus=list(texts.values()),
                num_negatives=ASKED,
                range_max=100,
                output_format="triplet",
                verbose=False,
                **settings,
            )
        query_ids = {text: query for query, text in queries.items()}
        doc_ids = {text: doc for doc, text in texts.items()}
        return pl.DataFrame(
            {
                "query_id": [query_ids[text] for text in mined["anchor"]],
                "doc_id": [doc_ids[text] for text in mined["negative"]],
            },
            schema={"query_id": pl.String, "doc_id": pl.String},
        ).unique(maintain_order=True)

    return miner


SHARE = "pick.max_false="
MINERS: dict[str, Miner] = {
    "ours: default": ours("default"),
    "ours: default, 2%": ours("default", (f"{SHARE}0.02",)),
    "ours: default, 10%": ours("default", (f"{SHARE}0.1",)),
    "ours: default, 20%": ours("default", (f"{SHARE}0.2",)),
    "ours: default, static encoder": ours("default", static=True),
    "ours: nv-retriever (95%)": ours("nv-retriever"),
    "ours: simans": ours("simans"),
    "ours: rocketqa-window": ours("rocketqa-window"),
    "ours: ance-static": ours("ance-static"),
    "ours: bm25": ours("bm25"),
    "st: top": theirs(),
    "st: skip 5": theirs(range_min=5),
    "st: skip 10": theirs(range_min=10),
    "st: skip 20": theirs(range_min=20),
    "st: skip 30": theirs(range_min=30),
    "st: random of ranks 10-100": theirs(range_min=10, sampling_strategy="random"),
    "st: random of ranks 30-100": theirs(range_min=30, sampling_strategy="random"),
    "st: relative margin 5% (95% rule)": theirs(relative_margin=0.05),
    "st: relative margin 10%": theirs(relative_margin=0.10),
    "st: absolute margin 0.05": theirs(absolute_margin=0.05),
}
CURVES = {
    "ours: default": [
        "ours: default, 2%",
        "ours: default",
        "ours: default, 10%",
        "ours: default, 20%",
    ],
    "st: skip": ["st: top", *(f"st: skip {n}" for n in (5, 10, 20, 30))],
}


def measure(case: Case, negatives: pl.DataFrame, deviation: float) -> tuple[float, float, float]:
    """Coverage, false share and mean hardness of one mining."""
    if negatives.is_empty():
        return 0.0, 0.0, 0.0
    queries = case.data.qrels["query_id"].n_unique()
    false = len(negatives.join(case.hidden, on=["query_id", "doc_id"], how="semi"))
    pairs = case.data.rows_of(negatives)
    scores = _cosines(case, pairs)
    positives = case.data.positives
    lowest = (
        positives.with_columns(score=pl.Series(_cosines(case, positives)))
        .group_by("query")
        .agg(lowest=pl.col("score").min())
    )
    hardness = (
        pairs.with_columns(score=pl.Series(scores))
        .join(lowest, on="query", how="left")
        .select(((pl.col("score") - pl.col("lowest")) / deviation).mean())
        .item()
    )
    return len(negatives) / (queries * ASKED), false / max(len(negatives), 1), hardness


def _cosines(case: Case, pairs: pl.DataFrame) -> NDArray[np.float32]:
    left, right = case.queries[pairs["query"].to_numpy()], case.docs[pairs["doc"].to_numpy()]
    cosines: NDArray[np.float32] = np.einsum("nd,nd->n", left, right)
    return cosines


def deviation_of(case: Case) -> float:
    """Standard deviation of MiniLM's scores over the default recipe's candidates."""
    with tempfile.TemporaryDirectory() as folder:
        run = neg.mine(case.data, Path(folder) / "run", sources=[neg.BM25(), case.dense])
        return run.manifest.facts.reference_deviation or 0.0


def main() -> None:
    """Measure every miner on every hiding, and write the page."""
    results: dict[str, dict[str, list[tuple[float, float, float]]]] = {}
    for name in COLLECTIONS:
        data = load(name)
        vectors = minilm_vectors(name, data)
        for seed in range(HIDINGS):
            case = hide(data, vectors, seed)
            deviation = deviation_of(case)
            for label, miner in MINERS.items():
                figures = measure(case, miner(case, seed), deviation)
                results.setdefault(label, {}).setdefault(name, []).append(figures)
                print(name, seed, label, *(f"{figure:.3f}" for figure in figures), flush=True)
    means = {
        label: {name: np.mean(values, axis=0).tolist() for name, values in by_name.items()}
        for label, by_name in results.items()
    }
    for name in COLLECTIONS:
        points = {label: by_name[name] for label, by_name in means.items()}
        write_picture(f"coverage-{name}", frontier(name, points, CURVES))
    write_page("coverage", "Coverage, false share, hardness", __doc__, _page(results))


def _page(results: dict[str, dict[str, list[tuple[float, float, float]]]]) -> list[str]:
    header = "| miner | " + " | ".join(COLLECTIONS) + " |\n|---|" + "---|" * len(COLLECTIONS)
    rows = []
    for label, by_name in results.items():
        cells = []
        for name in COLLECTIONS:
            values = np.array(by_name[name])
            mean, spread = values.mean(axis=0), values.std(axis=0)
            cells.append(f"{mean[0]:.2f}, **{mean[1]:.3f}** ± {spread[1]:.3f}, {mean[2]:.2f}")
        rows.append(f"| {label} | " + " | ".join(cells) + " |")
    return [
        f"{ASKED} negatives a query; coverage (delivered / asked), false share (bold; mean and "
        f"standard deviation over {HIDINGS} hidings), mean hardness (0: as high as the query's "
        "lowest visible positive). sentence-transformers runs with `range_max=100`.",
        "",
        header,
        *rows,
        "",
        "The same as pictures: to the right is harder, down is fewer false, hollow is less "
        "than 90% delivered. The line of ours varies the false share that is asked for, that of "
        "sentence-transformers how many ranks are skipped.",
        "",
        *(
            f"![hardness against false share on {name}](coverage-{name}.svg)\n"
            for name in COLLECTIONS
        ),
    ]
