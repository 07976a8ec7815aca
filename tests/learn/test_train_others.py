"""Rerankers, text encoders and sparse encoders are trained, load, and are what the judges take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from negatives.api import Run
from negatives.errors import DataError, RecipeError, WorkError
from negatives.events import silent
from negatives.learn.base_models import usual_kind
from negatives.learn.compare import compare
from negatives.learn.dev import DevSet
from negatives.learn.encoder import EncoderTraining
from negatives.learn.factors import FactorsTraining
from negatives.learn.train import train
from negatives.learn.trainer import _out_of_memory
from negatives.learn.trainings import RERANKED
from negatives.measure.evaluation import evaluate
from negatives.models.sort import encoder_beside
from negatives.read import load
from negatives.show.comparison import comparison_table
from tests.learn.small import learning, tiny_bert, tiny_splade

pytest.importorskip("sentence_transformers")

pytestmark = pytest.mark.slow

SMALL = ("train.steps=3", "train.batch_size=4", "train.negatives=2", "train.max_length=24")
PAIRS = [("what is lift", "a wing lifts"), ("what is heat", "a wing lifts")]


def test_a_reranker_is_trained_and_is_one_of_our_judges(mined: Run, tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder

    from negatives.models.open_reranker import open_reranker

    recipe = learning(tiny_bert(), *SMALL, "train.learning_rate=1e-3", kind="reranker")
    made = train(mined, tmp_path / "m", model=tiny_bert(), recipe=recipe)
    account = made.account
    assert account["steps"] == 3
    assert account["best"] is not None
    model = CrossEncoder(str(made.path), device="cpu")
    assert model.max_seq_length == 24
    scores = model.predict(PAIRS, show_progress_bar=False)
    assert scores[0] != scores[1]
    ours = open_reranker(str(made.path), threads=1, device="cpu")
    assert ours is not None
    assert "CrossEncoder" in (made.path / "README.md").read_text()
    again = train(mined, tmp_path / "n", model=tiny_bert(), recipe=recipe)
    assert again.account["history"] == account["history"], "its new head is drawn by the seed"


def test_rerankers_are_compared_by_what_they_make_of_an_encoders_best(
    folder: Path, static: str, tmp_path: Path
) -> None:
    made = compare(
        folder, ["bm25", "ance-static"], tmp_path / "c", model=tiny_bert(), kind="reranker",
        encoder=static, control="", changes=[*SMALL, "train.learning_rate=1e-3"], seeds=1,
        metrics=("nDCG@10",), keep_models=True, threads=1, emit=silent,
    )  # fmt: skip
    model = tmp_path / "c/arms/bm25/seed-0"
    found = evaluate(str(model), f"{folder}@dev", metrics=("nDCG@10",), rerank=static, top=RERANKED)
    assert made.per_query["bm25"][0]["nDCG@10"].equals(found.per_query["nDCG@10"])
    own = evaluate(static, f"{folder}@dev", metrics=("nDCG@10",)).per_query
    before = float(own["nDCG@10"].to_numpy().mean())
    assert made.figures["reranked"]["as found"] == {"nDCG@10": pytest.approx(before)}
    told = f"of each query the {RERANKED} best of {static} put in order ({before:.4f} as they came)"
    assert told in comparison_table(made.figures)
    with pytest.raises(DataError, match="this is a reranker"):
        evaluate(str(model), f"{folder}@dev")


def test_a_reranker_does_not_weigh_rows(mined: Run, tmp_path: Path) -> None:
    recipe = learning(tiny_bert(), *SMALL, 'batch.weight={kind="progressive"}', kind="reranker")
    with pytest.raises(RecipeError, match="rows are not weighed"):
        train(mined, tmp_path / "m", model=tiny_bert(), recipe=recipe, look=False)
    assert not (tmp_path / "m").exists()


def test_an_encoder_is_trained_a_chunk_at_a_time(mined: Run, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    recipe = learning(tiny_bert(), *SMALL, "train.chunk=3", "train.learning_rate=1e-3")
    made = train(mined, tmp_path / "m", model=tiny_bert(), recipe=recipe)
    model = SentenceTransformer(str(made.path), device="cpu")
    assert model.max_seq_length == 24
    before = SentenceTransformer(tiny_bert(), device="cpu")
    assert (model.encode("lift") != before.encode("lift")).any()


def test_a_sparse_encoder_is_trained_and_looked_at_as_it_is_ranked(
    mined: Run, folder: Path, tmp_path: Path
) -> None:
    from sentence_transformers import SparseEncoder

    base = tiny_splade(tmp_path / "base")
    recipe = learning(base, *SMALL, "learn.similarity=dot", kind="sparse")
    made = train(mined, tmp_path / "m", model=base, recipe=recipe)
    assert made.account["best"] is not None
    model = SparseEncoder(str(made.path), device="cpu")
    assert model.encode(["lift", "drag of a wing"]).to_dense().shape[1] > 1000
    small = DevSet.of(load(f"{folder}@dev"))
    judged = evaluate(str(made.path), f"{folder}@dev", metrics=("nDCG@10",)).per_query
    assert small.look_of_sparse()(model) == pytest.approx(
        float(judged["nDCG@10"].to_numpy().mean()), abs=1e-4
    )
    assert (usual_kind(str(made.path)), encoder_beside(str(made.path))) == ("sparse", "static")
    with pytest.raises(RecipeError, match="cannot be mined again with a sparse encoder"):
        train(
            mined, tmp_path / "n", model=base,
            recipe=learning(base, *SMALL, "train.refresh=2", kind="sparse"), look=False,
        )  # fmt: skip


def test_what_is_too_large_says_what_to_make_smaller(
    mined: Run, static: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from negatives.learn.multiple_negatives import MultipleNegatives

    def huge(self: Any, batch: Any) -> Any:
        return torch.empty(2**60)

    monkeypatch.setattr(MultipleNegatives, "_losses", huge)
    with pytest.raises(WorkError, match="out of memory") as caught:
        train(mined, tmp_path / "m", model=static, recipe=learning(static), look=False)
    assert "train.batch_size=8" in caught.value.fix
    assert "train.chunk=8" in caught.value.fix
    assert not (tmp_path / "m").exists()


def test_no_remedy_is_what_is_set_already() -> None:
    for settings, fix in (
        (
            EncoderTraining(batch_size=64),
            "--set train.chunk=16 keeps the batch and needs the memory of so many texts; or "
            "--set train.batch_size=32; or --set train.max_length=128",
        ),
        (
            EncoderTraining(batch_size=64, chunk=4, max_length=64),
            "--set train.chunk=2 keeps the batch and needs the memory of so many texts; or "
            "--set train.batch_size=32",
        ),
        (FactorsTraining(batch_size=2), "--set train.batch_size=1"),
        (FactorsTraining(batch_size=1), "take a smaller model, or a machine with more memory"),
    ):
        assert _out_of_memory(settings, "CUDA out of memory").fix == fix
