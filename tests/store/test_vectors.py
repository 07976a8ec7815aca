"""Vectors on disk: what goes in comes out, in half precision, without being loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from negatives.schema import Floats
from negatives.store.vectors import normalised, open_vectors, write_vectors

VECTORS = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)


def test_blocks_become_one_table_in_half_precision(tmp_path: Path) -> None:
    path = tmp_path / "docs.npy"
    write_vectors(path, 10, 4, (VECTORS[start : start + 3] for start in range(0, 10, 3)))
    read = open_vectors(path)
    assert isinstance(read, np.memmap)
    np.testing.assert_array_equal(read, VECTORS.astype(np.float16))
    np.testing.assert_array_equal(np.load(path), read)  # an ordinary .npy file


def test_vectors_read_cannot_be_changed(tmp_path: Path) -> None:
    write_vectors(tmp_path / "v.npy", 10, 4, [VECTORS])
    with pytest.raises(ValueError, match="read-only"):
        open_vectors(tmp_path / "v.npy")[0] = 0


def test_a_failure_while_encoding_leaves_no_file(tmp_path: Path) -> None:
    def blocks() -> Iterator[Floats]:
        yield VECTORS[:3]
        raise InterruptedError

    with pytest.raises(InterruptedError):
        write_vectors(tmp_path / "v.npy", 10, 4, blocks())
    assert list(tmp_path.iterdir()) == []


def test_normalised_rows_have_length_1_and_zero_stays_zero() -> None:
    rows = np.array([[3, 4], [0, 0], [-2, 0]], np.float32)
    expected = np.array([[0.6, 0.8], [0, 0], [-1, 0]], np.float32)
    np.testing.assert_array_equal(normalised(rows), expected)


def test_half_precision_moves_a_cosine_by_less_than_a_thousandth() -> None:
    many = normalised(np.random.default_rng(1).normal(size=(200, 384)).astype(np.float32))
    halved = many.astype(np.float16).astype(np.float32)
    assert np.abs(halved @ halved.T - many @ many.T).max() < 1e-3
