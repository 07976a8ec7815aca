"""Documents compared by their words."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.models import word_vectors
from negatives.models.word_vectors import WordVectors

TEXTS = pl.Series(
    ["the cat sat", "the cat sat", "The CAT, sat!", "a dog ran", "", "cat dog", "the the"]
)


def likeness(folder: Path, left: int, right: int) -> float:
    vectors = WordVectors.open(folder, TEXTS)
    return float(vectors.likeness(np.array([left], np.uint32), np.array([right], np.uint32))[0])


def test_likeness_is_a_cosine_of_normalised_words(tmp_path: Path) -> None:
    assert np.isclose(likeness(tmp_path, 0, 1), 1)
    assert np.isclose(likeness(tmp_path, 0, 2), 1)
    assert likeness(tmp_path, 0, 3) == 0
    assert 0 < likeness(tmp_path, 0, 5) < 1
    assert np.isclose(likeness(tmp_path, 0, 5), likeness(tmp_path, 5, 0))


def test_an_empty_document_is_like_nothing(tmp_path: Path) -> None:
    assert likeness(tmp_path, 4, 4) == 0
    assert likeness(tmp_path, 4, 0) == 0


def test_a_rare_word_counts_for_more_than_a_frequent_one(tmp_path: Path) -> None:
    texts = pl.Series([*["common word"] * 30, "common rare", "rare word", "common thing"])
    vectors = WordVectors.open(tmp_path, texts)
    left, right = np.array([30, 30], np.uint32), np.array([31, 32], np.uint32)
    rare, common = vectors.likeness(left, right)
    assert rare > common


def test_it_is_made_once_and_mapped_again(tmp_path: Path) -> None:
    first = likeness(tmp_path, 0, 5)
    made = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert likeness(tmp_path, 0, 5) == first
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == made


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=40))
def test_the_compiled_likeness_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    with TemporaryDirectory() as folder:
        vectors = WordVectors.open(Path(folder), TEXTS)
        left, right = (np.array(side, np.uint32) for side in zip(*pairs, strict=True))
        compiled = vectors.likeness(left, right, "numba").tobytes()
        for cells in (0, 8):  # pair by pair, and all with all
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(word_vectors, "_CELLS", cells)
                assert vectors.likeness(left, right, "numpy").tobytes() == compiled
