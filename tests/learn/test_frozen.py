"""frozen = "docs": the queries' side alone learns, and documents keep the vectors they had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from negatives.api import Run, mine
from negatives.errors import DataError, RecipeError
from negatives.find.dense import Dense
from negatives.learn.train import Trained, train
from negatives.measure.evaluation import evaluate
from negatives.models.encoder import sides
from negatives.models.open_encoder import open_encoder
from negatives.read import load
from tests.learn.small import learning, tiny_bert

pytest.importorskip("sentence_transformers")


def loaded(folder: Path | str) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu")


def frozen(model: str, *changes: str) -> Any:
    return learning(model, 'train.frozen="docs"', "train.learning_rate=0.05", *changes)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, mined: Run, static: str) -> Trained:
    out = tmp_path_factory.mktemp("frozen") / "model"
    return train(mined, out, model=static, recipe=frozen(static))


@pytest.mark.slow
def test_documents_have_the_vectors_they_had_and_queries_others(
    trained: Trained, mined: Run, static: str
) -> None:
    before, after = loaded(static), loaded(trained.path)
    docs = mined.collection.corpus["text"].to_list()[:20]
    queries = mined.collection.queries["text"].to_list()[:20]
    assert np.array_equal(after.encode_document(docs), before.encode(docs))
    assert not np.allclose(after.encode_query(queries), before.encode(queries), atol=1e-3)


@pytest.mark.slow
def test_the_queries_have_learned_to_find_them(trained: Trained, static: str, folder: Path) -> None:
    looks = [row["dev_ndcg@10"] for row in trained.account["history"] if "dev_ndcg@10" in row]
    assert trained.account["best"] == max(looks)
    train_split = load(f"{folder}@train")
    start, end = (
        evaluate(str(model), train_split, metrics=("nDCG@10",)).figures["metrics"]["nDCG@10"]
        for model in (static, trained.path)
    )
    assert end["value"] > start["value"] + 0.02


@pytest.mark.slow
def test_mining_with_it_encodes_no_document_again(
    trained: Trained, mined: Run, static: str, tmp_path: Path
) -> None:
    def encoded(model: str) -> tuple[int, int]:
        """Queries and documents that had to be."""
        out = tmp_path / Path(model).name
        run = mine(mined.collection, out, sources=[Dense(encoder=model, top=20)])
        noted = run.manifest.notes.measured
        return tuple(noted[f"encode dense {what}"]["encoded"] for what in ("queries", "corpus"))

    assert min(encoded(static)) > 0
    queries, docs = encoded(str(trained.path))
    assert queries > 0
    assert docs == 0


def test_an_encoder_of_two_sides_has_one_for_each(trained: Trained, static: str) -> None:
    queries, docs = sides(open_encoder(str(trained.path), device="cpu"))
    assert queries.fingerprint != docs.fingerprint
    assert docs.fingerprint == open_encoder(static, device="cpu").fingerprint
    whole = open_encoder(static, device="cpu")
    assert sides(whole) == (whole, whole)


@pytest.mark.slow
def test_a_transformer_learns_by_refreshed_lists_and_a_bank(mined: Run, tmp_path: Path) -> None:
    model = tiny_bert()
    few = ("train.steps=4", "train.refresh=2", "train.checkpoint=4", "train.evaluate=4")
    recipe = frozen(model, *few, "learn.kind=static-bank", "train.learning_rate=1e-4")
    out = train(mined, tmp_path / "m", model=model, recipe=recipe).path
    docs = mined.collection.corpus["text"].to_list()[:5]
    before = loaded(model).encode(docs)
    assert np.allclose(loaded(out).encode_document(docs), before, atol=1e-6)


def test_what_has_two_sides_is_not_trained_further(
    trained: Trained, mined: Run, static: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="a side for queries and one for documents"):
        train(mined, tmp_path / "m", model=str(trained.path), recipe=learning(static))
    assert not (tmp_path / "m").exists()


def test_a_sparse_encoder_is_refused(mined: Run, static: str, tmp_path: Path) -> None:
    recipe = learning(static, "train.kind=sparse", 'train.frozen="docs"')
    with pytest.raises(RecipeError, match=r"train\.frozen"):
        train(mined, tmp_path / "m", model=tiny_bert(), recipe=recipe)
    assert not (tmp_path / "m").exists()
