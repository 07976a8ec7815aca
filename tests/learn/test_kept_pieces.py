"""A static model that keeps its pieces gives what it gave, whatever there is room for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sentence_transformers")

from negatives.learn.kept_pieces import BYTES_A_PIECE, keep_pieces

WORDS = ["wing", "flow", "of", "a", "shock", "", "zzz", "Heat,"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), min_size=1)


@pytest.fixture(scope="module")
def models(static: str) -> tuple[Any, Any]:
    from sentence_transformers import SentenceTransformer

    plain, keeping = (SentenceTransformer(static, device="cpu") for _ in range(2))
    keep_pieces(keeping, 20 * BYTES_A_PIECE)
    return plain, keeping


@pytest.mark.slow
@settings(max_examples=50)
@given(batches=st.lists(TEXTS, min_size=1, max_size=4))
def test_features_are_those_of_the_model_itself(
    models: tuple[Any, Any], batches: list[list[str]]
) -> None:
    plain, keeping = models
    for texts in batches:
        for prompt in (None, "wing: "):
            wanted = plain.preprocess(texts, prompt=prompt)
            found = keeping.preprocess(texts, prompt=prompt)
            assert found.keys() == wanted.keys()
            for name in wanted:
                assert found[name].dtype == wanted[name].dtype
                assert found[name].tolist() == wanted[name].tolist()


def test_vectors_are_the_same(models: tuple[Any, Any]) -> None:
    plain, keeping = models
    texts = ["wing flow", "heat of a shock", "wing flow"]
    for _ in range(2):
        assert np.array_equal(plain.encode(texts), keeping.encode(texts))
