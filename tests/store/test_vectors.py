"""Vectors on disk: what goes in comes out, in half precision, without being loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from negatives.errors import DataError
from negatives.schema import Floats
from negatives.store.vectors import normalised, open_vectors, read_block, write_vectors

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


def test_a_component_that_half_precision_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        write_vectors(tmp_path / "v.npy", 1, 2, [np.array([[1.0, -70_000.0]], np.float32)])
    assert str(caught.value) == (
        "a vector has a component of 70000, beyond half precision\n"
        f"  where: {tmp_path / 'v.npy'}\n"
        '  mend:  use similarity = "cosine", or scale the vectors down'
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("start", "stop"), [(0, 4), (3, 7), (8, 99), (0, 10)])
def test_a_block_is_the_same_read_from_a_file_mapped_or_in_memory(
    start: int, stop: int, tmp_path: Path
) -> None:
    write_vectors(tmp_path / "v.npy", 10, 4, [VECTORS])
    mapped = open_vectors(tmp_path / "v.npy")
    expected = VECTORS.astype(np.float16)[start:stop].astype(np.float32)
    for vectors in (mapped, np.array(mapped)):
        np.testing.assert_array_equal(read_block(vectors, start, stop), expected)
    np.testing.assert_array_equal(read_block(mapped[2:], 0, 3), mapped[2:5].astype(np.float32))


def test_normalised_rows_have_length_1_and_zero_stays_zero() -> None:
    rows = np.array([[3, 4], [0, 0], [-2, 0]], np.float32)
    expected = np.array([[0.6, 0.8], [0, 0], [-1, 0]], np.float32)
    np.testing.assert_array_equal(normalised(rows), expected)


def test_half_precision_moves_a_cosine_by_less_than_a_thousandth() -> None:
    many = normalised(np.random.default_rng(1).normal(size=(200, 384)).astype(np.float32))
    halved = many.astype(np.float16).astype(np.float32)
    assert np.abs(halved @ halved.T - many @ many.T).max() < 1e-3
