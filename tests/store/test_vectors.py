"""Vectors on disk: what goes in comes out, to the last bit, without being loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from negatives.arrays import Floats
from negatives.stats.lengths import lengths, normalised
from negatives.store.vectors import open_vectors, read_block, read_rows, write_vectors

VECTORS = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)


def test_blocks_become_one_table(tmp_path: Path) -> None:
    path = tmp_path / "docs.npy"
    write_vectors(path, 10, 4, (VECTORS[start : start + 3] for start in range(0, 10, 3)))
    read = open_vectors(path)
    assert isinstance(read, np.memmap)
    np.testing.assert_array_equal(read, VECTORS)
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


@pytest.mark.parametrize(("start", "stop"), [(0, 4), (3, 7), (8, 99), (0, 10)])
def test_a_block_is_the_same_read_from_a_file_mapped_or_in_memory(
    start: int, stop: int, tmp_path: Path
) -> None:
    write_vectors(tmp_path / "v.npy", 10, 4, [VECTORS])
    mapped = open_vectors(tmp_path / "v.npy")
    expected = VECTORS[start:stop]
    for vectors in (mapped, np.array(mapped)):
        np.testing.assert_array_equal(read_block(vectors, start, stop), expected)
    np.testing.assert_array_equal(read_block(mapped[2:], 0, 3), mapped[2:5])


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_and_rows_of_any_type_and_layout_come_as_they_are(
    tmp_path: Path, kind: type[np.floating], order: Any
) -> None:
    stored = np.asarray(VECTORS.astype(kind), order=order)
    np.save(tmp_path / "v.npy", stored)
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    np.testing.assert_array_equal(read_block(mapped, 2, 7), stored[2:7])
    rows = np.array([9, 0, 3, 3])
    assert read_rows(mapped, rows).dtype == kind
    np.testing.assert_array_equal(read_rows(mapped, rows), stored[rows])
    np.testing.assert_array_equal(mapped, stored)  # what was let go of is still there


def test_normalised_rows_have_length_1_and_zero_stays_zero() -> None:
    rows = np.array([[3, 4], [0, 0], [-2, 0]], np.float32)
    expected = np.array([[0.6, 0.8], [0, 0], [-1, 0]], np.float32)
    np.testing.assert_array_equal(normalised(rows), expected)


@pytest.mark.parametrize("scale", [1e-300, 1e-40, 1e-20, 1e20, 1e30, 1e300])
def test_a_direction_does_not_depend_on_the_scale(scale: float) -> None:
    rows = np.random.default_rng(1).normal(size=(600, 8))
    expected = normalised(rows)
    np.testing.assert_allclose(normalised(rows * scale), expected, atol=1e-7)
    if 1e-38 < scale < 1e38:
        single = (rows * scale).astype(np.float32)
        np.testing.assert_allclose(normalised(single), expected, atol=2e-7)
        np.testing.assert_allclose(lengths(single), np.linalg.norm(rows, axis=1) * scale, rtol=1e-6)


def test_a_length_that_float32_cannot_hold_is_infinite_and_that_of_zeros_is_zero() -> None:
    rows = np.array([[3e38, 3e38], [0, 0], [3, 4]], np.float32)
    assert lengths(rows).tolist() == [np.inf, 0, 5]


@settings(max_examples=100, deadline=None)
@given(arrays(np.float32, (5, 7), elements=st.integers(-10_000, 10_000)))
def test_normalising_by_parts_gives_the_bits_of_one_division(vectors: Floats) -> None:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    np.testing.assert_array_equal(normalised(vectors).view(np.uint32), expected.view(np.uint32))
