"""Each sentence-transformers shape trains a real model for a step, from the file as it is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from negatives.api import Run

datasets = pytest.importorskip("datasets")
pytest.importorskip("sentence_transformers")

pytestmark = pytest.mark.slow

READERS = {".parquet": "parquet", ".jsonl": "json", ".csv": "csv"}


def exported(run: Run, tmp_path: Path, name: str, **options: Any) -> Any:
    """The export, as the `datasets` library reads it."""
    file = tmp_path / name
    run.export(file, **options)
    return datasets.load_dataset(
        READERS[file.suffix], data_files=str(file), split="train", cache_dir=str(tmp_path / "hf")
    )


def step_of_encoder(encoder: Path, dataset: Any, loss: str, tmp_path: Path) -> set[str]:
    """Train one step; the columns that the loss was given."""
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer import losses

    model = SentenceTransformer(str(encoder), device="cpu")
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(output_dir=str(tmp_path / "out"), **ONE_STEP),
        train_dataset=dataset,
        loss=getattr(losses, loss)(model),
    )
    batch = next(iter(trainer.get_train_dataloader()))
    assert math.isfinite(trainer.train().training_loss)
    texts = {str(name) for name in batch if name.endswith("_input_ids")}
    return {name.removesuffix("_input_ids") for name in texts} | ({"label"} & set(batch))


def step_of_reranker(encoder: Path, dataset: Any, loss: str, tmp_path: Path) -> float:
    """Train one step; its loss."""
    from sentence_transformers.cross_encoder import (
        CrossEncoder,
        CrossEncoderTrainer,
        CrossEncoderTrainingArguments,
        losses,
    )

    model = CrossEncoder(str(encoder), num_labels=1, device="cpu")
    trainer = CrossEncoderTrainer(
        model=model,
        args=CrossEncoderTrainingArguments(output_dir=str(tmp_path / "out"), **ONE_STEP),
        train_dataset=dataset,
        loss=getattr(losses, loss)(model),
    )
    return float(trainer.train().training_loss)


ONE_STEP: dict[str, Any] = {
    "max_steps": 1,
    "per_device_train_batch_size": 3,
    "report_to": [],
    "save_strategy": "no",
    "use_cpu": True,
    "disable_tqdm": True,
}


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".csv"])
def test_triplets_train_an_encoder(run: Run, encoder: Path, tmp_path: Path, ending: str) -> None:
    dataset = exported(run, tmp_path, f"t{ending}", format="triplet")
    columns = step_of_encoder(encoder, dataset, "MultipleNegativesRankingLoss", tmp_path)
    assert columns == {"anchor", "positive", "negative"}


def test_triplets_with_scores_distil(run: Run, encoder: Path, tmp_path: Path) -> None:
    dataset = exported(run, tmp_path, "t.parquet", format="triplet", scores=True)
    columns = step_of_encoder(encoder, dataset, "MarginMSELoss", tmp_path)
    assert columns == {"anchor", "positive", "negative", "label"}


def test_n_tuples_train_an_encoder(run: Run, encoder: Path, tmp_path: Path) -> None:
    dataset = exported(run, tmp_path, "n.parquet", format="n-tuple")
    columns = step_of_encoder(encoder, dataset, "MultipleNegativesRankingLoss", tmp_path)
    assert columns == {"anchor", "positive", "negative_1", "negative_2", "negative_3"}


def test_n_tuples_with_scores_distil(run: Run, encoder: Path, tmp_path: Path) -> None:
    dataset = exported(run, tmp_path, "n.jsonl", format="n-tuple", scores=True)
    columns = step_of_encoder(encoder, dataset, "MarginMSELoss", tmp_path)
    assert columns == {"anchor", "positive", "negative_1", "negative_2", "negative_3", "label"}


@pytest.mark.parametrize(("scores", "loss"), [(False, "BinaryCrossEntropyLoss"), (True, "MSELoss")])
def test_labeled_pairs_train_a_reranker(
    run: Run, encoder: Path, tmp_path: Path, scores: bool, loss: str
) -> None:
    dataset = exported(run, tmp_path, "p.csv", format="labeled-pair", scores=scores)
    assert math.isfinite(step_of_reranker(encoder, dataset, loss, tmp_path))


@pytest.mark.parametrize(
    ("scores", "loss", "ending"),
    [
        (False, "LambdaLoss", ".parquet"),
        (False, "ListNetLoss", ".jsonl"),
        (True, "ListNetLoss", ".parquet"),
    ],
)
def test_labeled_lists_train_a_reranker(
    run: Run, encoder: Path, tmp_path: Path, scores: bool, loss: str, ending: str
) -> None:
    dataset = exported(run, tmp_path, f"l{ending}", format="labeled-list", scores=scores)
    assert math.isfinite(step_of_reranker(encoder, dataset, loss, tmp_path))


def test_the_bundled_sample_trains_an_encoder(
    cranfield: Run, encoder: Path, tmp_path: Path
) -> None:
    dataset = exported(cranfield, tmp_path, "t.parquet", format="triplet")
    columns = step_of_encoder(encoder, dataset, "MultipleNegativesRankingLoss", tmp_path)
    assert columns == {"anchor", "positive", "negative"}
