"""Training throughput: `negatives train` beside sentence-transformers' own trainer.

The same model, rows (medquad, three negatives drawn by chance), batch, optimiser and steps. Theirs
masks the diagonal, ours by text; both take batches at random. Both train in turn, in the same
process; the ratio is of the medians of examples a second. No looks, and one checkpoint at the end
on our side, none on theirs.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from benchmarks.data import load
from benchmarks.learning import minilm, sampled, tiny
from benchmarks.page import write_page
from negatives.learn.base_models import limit, usual_kind
from negatives.learn.settings import TextTraining
from negatives.learn.train import train
from negatives.learn.training_set import TrainingSet, training_set
from negatives.stage import build

REPEATS = 5
EACH = 3
THREADS = 2
SIZES = {
    "static": {"steps": 40, "batch_size": 64, "max_length": 256},
    "BERT-tiny": {"steps": 40, "batch_size": 32, "max_length": 64},
    "MiniLM": {"steps": 6, "batch_size": 16, "max_length": 64},
}


def examples() -> TrainingSet:
    """2,000 questions of medquad, each with three documents drawn by chance."""
    data, _ = sampled(load("medquad@train"), load("medquad@dev"), 2_000)
    ids = data.queries["query_id"].gather(data.mined_queries)
    drawn = np.random.default_rng(0).integers(0, len(data.corpus), len(ids) * EACH)
    negatives = pl.DataFrame(
        {
            "query_id": ids.gather(np.repeat(np.arange(len(ids)), EACH)),
            "doc_id": data.corpus["doc_id"].gather(drawn),
            "position": pl.Series(np.tile(np.arange(EACH), len(ids)), dtype=pl.Int16),
            "p_relevant": pl.Series([0.0] * len(drawn), dtype=pl.Float32),
        }
    )
    return training_set(data, negatives, EACH)


def ours(model: str, made: TrainingSet, settings: TextTraining) -> float:
    """Examples a second of `negatives train`."""
    with tempfile.TemporaryDirectory() as folder:
        account = train(
            made, Path(folder) / "m", model=model, settings=settings, look=False, threads=THREADS
        ).account
    return float(settings.steps * settings.batch_size / account["seconds"])


def theirs(model: str, made: TrainingSet, settings: TextTraining, **options: Any) -> float:
    """Examples a second of `SentenceTransformerTrainer`, with further options of its own."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    base = settings.open(model, threads=THREADS, device="auto")
    limit(base, settings.max_length)
    data = made.collection
    texts = {
        "query": data.query_texts(made.positives[:, 0].astype(np.uint32)),
        "positive": data.doc_texts(made.positives[:, 1].astype(np.uint32)),
    }
    rows = made.negatives[made.positives[:, 0]]
    for place in range(EACH):
        texts[f"negative_{place + 1}"] = data.doc_texts(rows[:, place].astype(np.uint32))
    with tempfile.TemporaryDirectory() as folder:
        trainer = SentenceTransformerTrainer(
            model=base.model,
            args=SentenceTransformerTrainingArguments(
                output_dir=folder,
                max_steps=settings.steps,
                per_device_train_batch_size=settings.batch_size,
                learning_rate=settings.peak,
                warmup_steps=int(settings.warmup * settings.steps),
                logging_steps=max(1, settings.steps // 100),
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                use_cpu=base.model.device.type == "cpu",
                **options,
            ),
            train_dataset=Dataset.from_dict(texts),
            loss=MultipleNegativesRankingLoss(base.model),
        )
        seconds = trainer.train().metrics["train_runtime"]
    return float(settings.steps * settings.batch_size / seconds)


def contest(name: str, made: TrainingSet) -> str:
    """A row of the table."""
    model = {"static": "static", "BERT-tiny": tiny(), "MiniLM": minilm()}[name]
    sizes: dict[str, Any] = SIZES[name] | {"checkpoint": 10_000, "negatives": EACH}
    sizes |= {"kind": usual_kind(model)}
    settings = cast("TextTraining", build("train", sizes))
    found: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(REPEATS):
        found["theirs"].append(theirs(model, made, settings))
        found["ours"].append(ours(model, made, settings))
    mine, other = (statistics.median(found[side]) for side in ("ours", "theirs"))
    spread = " ".join(f"{a / b:.2f}" for a, b in zip(found["ours"], found["theirs"], strict=True))
    return (
        f"| {name} | {settings.batch_size} x {settings.steps}, {settings.max_length} pieces | "
        f"{mine:,.1f} | {other:,.1f} | **{mine / other:.2f}** | {spread} |"
    )


def main() -> None:
    """Every model, and the page."""
    made = examples()
    lines = [
        f"{THREADS} threads, {REPEATS} runs of each, in turn; 1 + {EACH} documents an example.",
        "",
        "| model | batch | ours, examples a second | theirs | ours / theirs | by run |",
        "|---|---|---:|---:|---:|---|",
        *(contest(name, made) for name in SIZES),
    ]
    write_page("throughput", "Training throughput", __doc__, lines)


if __name__ == "__main__":
    main()
