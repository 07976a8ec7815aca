"""Rankings by a sparse encoder: the products of its own vectors are the oracle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negatives.errors import DataError, InputError
from negatives.events import silent
from negatives.find.dense import Dense
from negatives.machine import Machine
from negatives.measure import by_sparse
from negatives.measure.barred import SameId, nobody
from negatives.models.open_encoder import open_encoder
from negatives.models.sort import sort_of
from negatives.opening import Context
from tests.build import collection
from tests.learn.small import tiny_bert, tiny_splade
from tests.measure.ranked import rank

pytest.importorskip("sentence_transformers")

pytestmark = pytest.mark.slow

WORDS = ["a wing lifts", "heat flows", "shock waves", "a wing lifts heat", "drag of a plate"]
DOCS = {f"d{n:02d}": f"{WORDS[n % 5]} {WORDS[n % 3]}" if n != 4 else "" for n in range(23)}
QUERIES = {"d01": "what lifts a wing", "q2": "drag", "q3": "what is heat"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_splade(tmp_path_factory.mktemp("sparse"))


@pytest.fixture
def context(tmp_path: Path) -> Context:
    data = collection(DOCS, QUERIES, [("d01", "d00", 1), ("q2", "d03", 1), ("q3", "d05", 1)])
    return Context(
        collection=data, scratch=tmp_path, machine=Machine(threads=1), seed=0, emit=silent
    )


def test_the_highest_products_come_first_whatever_a_tile_holds(
    model: str, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentence_transformers import SparseEncoder

    theirs = SparseEncoder(model, device="cpu")
    asked = theirs.encode_query([*QUERIES.values()], convert_to_tensor=True).to_dense().numpy()
    held = theirs.encode_document([*DOCS.values()], convert_to_tensor=True).to_dense().numpy()
    product = dict(zip(QUERIES, asked @ held.T, strict=True))
    for tile, depth, bar in (
        (4096, 1000, nobody),
        (7, 5, nobody),
        (5, 1000, SameId.of(context.collection)),
    ):
        monkeypatch.setattr(by_sparse, "TILE", tile)
        monkeypatch.setattr(by_sparse, "ENCODED", min(tile, 3))
        monkeypatch.setattr(by_sparse, "CELL", 32 if tile > 7 else 1 << 22)  # a query at a time
        found = rank(model, context, depth=depth, bar=bar)
        for query, scores in product.items():
            left = [
                (-scores[row], row)
                for row, doc in enumerate(DOCS)
                if DOCS[doc] and scores[row] > 0 and (bar is nobody or doc != query)
            ]
            best = {[*DOCS][row] for _, row in sorted(left)[:depth]}
            mine = found.filter(pl.col("query_id") == query)
            order = mine["score"].to_numpy()
            assert (np.diff(order) <= 0).all()
            expected = [scores[[*DOCS].index(doc)] for doc in mine["doc_id"]]
            np.testing.assert_allclose(order, expected, rtol=1e-4)
            cut = min(scores[[*DOCS].index(doc)] for doc in best)
            assert len(mine) == len(best)
            assert order.min() >= cut - 1e-3 * abs(cut)


def test_settings_of_dense_encoders_are_refused(model: str, context: Context) -> None:
    with pytest.raises(InputError, match="prompts, vectors and keys are for dense encoders"):
        rank(Dense(encoder=model, query_prompt="query: "), context)


def test_it_is_no_dense_encoder(model: str) -> None:
    assert (sort_of(model), sort_of(tiny_bert())) == ("sparse", "dense")
    for name in (model, f"onnx:{model}"):
        with pytest.raises(DataError, match="this is a sparse encoder") as caught:
            open_encoder(name)
        assert "negatives evaluate MODEL DATA" in caught.value.fix
