"""Vectors on disk: what goes in comes out, in half precision, without being loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from negatives.errors import DataError
from negatives.schema import Floats
from negatives.store.vectors import (
    all_finite,
    narrowed,
    normalised,
    open_vectors,
    read_block,
    read_rows,
    write_vectors,
)

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


any_float = st.integers(0, 2**32 - 1).map(lambda bits: np.uint32(bits).view(np.float32))
edges = st.sampled_from([0.0, 2**-14, 2**-24, 2**-25, 1.0, 2048.5, 65504, 65519.996, 65520])
near_an_edge = st.builds(
    lambda edge, sign, steps: (np.float32(edge * sign).view(np.uint32) + np.uint32(steps)).view(
        np.float32
    ),
    edges, st.sampled_from([-1, 1]), st.integers(0, 3),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(1, 9)),
              elements=any_float | near_an_edge, fill=st.nothing()))  # fmt: skip
def test_narrowing_gives_the_bits_that_a_cast_gives(vectors: Floats) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        expected = vectors.astype(np.float16)
        np.testing.assert_array_equal(narrowed(vectors).view(np.uint16), expected.view(np.uint16))
    assert all_finite(expected) == np.isfinite(expected).all()


def test_narrowing_breaks_every_tie_between_two_halves_as_a_cast_does() -> None:
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    ties = np.append((halves[1:] + halves[:-1]) / 2, np.float32(65520)).view(np.uint32)
    for step in (-1, 0, 1):
        numbers = (ties + np.uint32(step % 2**32)).view(np.float32).reshape(-1, 64)
        for sign in (1, -1):
            with np.errstate(over="ignore"):
                expected = (numbers * np.float32(sign)).astype(np.float16)
            np.testing.assert_array_equal(narrowed(numbers * np.float32(sign)), expected)


def test_normalised_rows_have_length_1_and_zero_stays_zero() -> None:
    rows = np.array([[3, 4], [0, 0], [-2, 0]], np.float32)
    expected = np.array([[0.6, 0.8], [0, 0], [-1, 0]], np.float32)
    np.testing.assert_array_equal(normalised(rows), expected)


def test_half_precision_moves_a_cosine_by_less_than_a_thousandth() -> None:
    many = normalised(np.random.default_rng(1).normal(size=(200, 384)).astype(np.float32))
    halved = many.astype(np.float16).astype(np.float32)
    assert np.abs(halved @ halved.T - many @ many.T).max() < 1e-3


@settings(max_examples=100, deadline=None)
@given(arrays(np.float32, (5, 7), elements=st.floats(-1e4, 1e4, width=32)))
def test_normalising_by_parts_gives_the_bits_of_one_division(vectors: Floats) -> None:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    np.testing.assert_array_equal(normalised(vectors).view(np.uint32), expected.view(np.uint32))
