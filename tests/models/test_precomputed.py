"""Precomputed vectors: read in the collection's order, or refused with file, row and a fix."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from negatives.arrays import Floats
from negatives.errors import DataError
from negatives.models.checks import check_vectors
from negatives.models.precomputed import read_vectors
from tests.each import for_each

IDS = pl.Series(["a", "b", "c", "d"])
ROWS = pl.Series([2, 0, 3, 1], dtype=pl.UInt32)
IN_FILE: Floats = np.arange(12, dtype=np.float32).reshape(4, 3) + 1
IN_ORDER: Floats = IN_FILE[[2, 0, 3, 1]]


def parquet(path: Path, ids: list[str | None], vectors: object, **more: object) -> Path:
    pl.DataFrame({"doc_id": ids, "vector": vectors, **more}).write_parquet(path)
    return path


def npy(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def tensors(path: Path, **named: np.ndarray) -> Path:
    save_file(named, path)
    return path


def refusal(path: Path, ids: pl.Series = IDS, rows: pl.Series = ROWS) -> str:
    with pytest.raises(DataError) as caught:
        read_vectors(path, ids, rows, "corpus")
    message = str(caught.value)
    assert str(path) in message
    assert caught.value.fix
    return message


KINDS = {
    "<f2": pl.Float16, "<f4": pl.Float32, "<f8": pl.Float64, "|i1": pl.Int8, "|u1": pl.UInt8,
    "<i2": pl.Int16, "<u2": pl.UInt16,
}  # fmt: skip


@for_each("kind", KINDS)
@for_each("ending", ["npy", "safetensors", "list.parquet", "array.parquet"])
def test_vectors_come_in_the_order_of_the_collection(
    tmp_path: Path, ending: str, kind: str
) -> None:
    path, stored = tmp_path / f"vectors.{ending}", IN_FILE.astype(kind)
    if ending == "npy":
        npy(path, stored)
    elif ending == "safetensors":
        tensors(path, vectors=stored)
    elif ending.startswith("array"):
        parquet(path, ["b", "d", "a", "c"], stored)
    else:
        listed = pl.Series(stored.tolist(), dtype=pl.List(KINDS[kind]))
        parquet(path, ["b", "d", "a", "c"], listed)
    reader = read_vectors(path, IDS, ROWS, "corpus")
    assert reader.dim == 3
    assert reader.block(0, 4).dtype == (np.float64 if kind == "<f8" else np.float32)
    np.testing.assert_array_equal(reader.block(0, 4), IN_ORDER)
    np.testing.assert_array_equal(reader.block(1, 3), IN_ORDER[1:3])
    assert reader.block(2, 2).shape == (0, 3)


def test_other_byte_orders_layouts_and_bfloat16_give_the_same_numbers(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    made = {"big": vectors.astype(">f4"), "fortran": np.asfortranarray(vectors)}
    for name, stored in made.items():
        reader = read_vectors(npy(tmp_path / f"{name}.npy", stored), IDS, ROWS, "corpus")
        block = reader.block(0, 4)
        np.testing.assert_array_equal(block, vectors[[2, 0, 3, 1]])
        assert block.dtype.isnative
        assert block.flags.c_contiguous  # sums must not depend on the layout
    upper = vectors.view(np.uint32) & 0xFFFF0000
    path = tmp_path / "v.safetensors"
    head = b'{"v": {"dtype": "BF16", "shape": [4, 3], "data_offsets": [0, 24]}}'
    halves = (upper >> 16).astype("<u2").tobytes()
    path.write_bytes(len(head).to_bytes(8, "little") + head + halves)
    block = read_vectors(path, IDS, ROWS, "corpus").block(0, 4)
    np.testing.assert_array_equal(block, upper.view(np.float32)[[2, 0, 3, 1]])


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(9)), st.integers(0, 9), st.integers(0, 9))
def test_any_order_and_any_block(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], one: int, two: int
) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    vectors = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    ids = pl.Series([f"d{row}" for row in range(9)])
    rows = pl.Series(order, dtype=pl.UInt32)
    in_file = np.empty_like(vectors)
    in_file[order] = vectors
    by_row = read_vectors(npy(folder / "v.npy", in_file), ids, rows, "corpus")
    named = parquet(folder / "v.parquet", [f"d{row}" for row in order], vectors[order])
    by_id = read_vectors(named, ids, rows, "corpus")
    start, stop = min(one, two), max(one, two)
    for reader in (by_row, by_id):
        np.testing.assert_array_equal(reader.block(start, stop), vectors[start:stop])


def test_a_parquet_file_larger_than_a_slice_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("negatives.models.parquet_vectors.SLICE", 7)
    path = parquet(tmp_path / "v.parquet", ["b", "d", "a", "c"], IN_FILE)
    reader = read_vectors(path, IDS, ROWS, "corpus", scratch=tmp_path / "scratch")
    np.testing.assert_array_equal(reader.block(0, 4), IN_ORDER)
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to ask")
@pytest.mark.parametrize("ending", ["npy", "parquet"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_of_what_is_read_nothing_stays_mapped(tmp_path: Path, ending: str, shuffled: bool) -> None:
    count, width = 8_000, 1024
    vectors = np.ones((count, width), np.float32)
    rows = np.random.default_rng(0).permutation(count) if shuffled else np.arange(count)
    ids = pl.Series([f"d{row}" for row in rows])
    path = tmp_path / f"v.{ending}"
    if ending == "npy":
        np.save(path, vectors)
    else:
        pl.DataFrame({"doc_id": ids.sort(), "vector": vectors}).write_parquet(path)
    reader = read_vectors(path, ids, pl.Series(rows, dtype=pl.UInt32), "corpus", scratch=tmp_path)
    before = mapped()
    for start in range(0, count, 1000):
        reader.block(start, start + 1000)
    assert mapped() - before < vectors.nbytes / 4


def mapped() -> int:
    """Bytes of files that count as memory of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssFile:")[2].split()[0]) * 1024


def test_vectors_of_other_texts_in_a_parquet_file_are_left_alone(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "v.parquet", ["x", "b", "d", "a", "c"], np.vstack([[9, 9, 9], IN_FILE])
    )
    np.testing.assert_array_equal(read_vectors(path, IDS, ROWS, "corpus").block(0, 4), IN_ORDER)


def test_the_columns_are_found_among_others(tmp_path: Path) -> None:
    path = parquet(tmp_path / "v.parquet", ["b", "d", "a", "c"], IN_FILE, text=["t"] * 4, n=[1] * 4)
    assert read_vectors(path, IDS, ROWS, "corpus").dim == 3


def test_the_fingerprint_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    one = read_vectors(npy(path, IN_FILE), IDS, ROWS, "corpus").fingerprint
    assert read_vectors(path, IDS, ROWS, "corpus").fingerprint == one
    assert read_vectors(npy(path, IN_FILE * 2), IDS, ROWS, "corpus").fingerprint != one


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "there are no vectors of the corpus" in refusal(tmp_path / "v.npy")


def test_an_unknown_ending_says_which_are_read(tmp_path: Path) -> None:
    (tmp_path / "v.pkl").write_bytes(b"")
    assert ".npy or .safetensors" in refusal(tmp_path / "v.pkl")


def test_too_few_vectors_name_the_first_row_without_one(tmp_path: Path) -> None:
    message = refusal(npy(tmp_path / "v.npy", IN_FILE[:3]))
    assert "3 vectors" in message
    assert "first row without a vector: 3" in message


def test_too_many_vectors_are_refused_too(tmp_path: Path) -> None:
    message = refusal(npy(tmp_path / "v.npy", np.vstack([IN_FILE, IN_FILE])))
    assert "8 vectors for 4 texts of the corpus" in message


def test_rows_set_aside_when_reading_leave_vectors_over(tmp_path: Path) -> None:
    rows = pl.Series([0, 2, 3], dtype=pl.UInt32)
    reader = read_vectors(npy(tmp_path / "v.npy", IN_FILE), IDS[:3], rows, "corpus")
    np.testing.assert_array_equal(reader.block(0, 3), IN_FILE[[0, 2, 3]])


def test_whole_numbers_that_may_be_ids_are_no_vectors(tmp_path: Path) -> None:
    assert "type int64" in refusal(npy(tmp_path / "v.npy", np.ones((4, 3), np.int64)))
    assert "type I32" in refusal(tensors(tmp_path / "v.safetensors", v=np.ones((4, 3), np.int32)))
    assert "type Int64" in refusal(parquet(tmp_path / "v.parquet", [*"abcd"], [[1, 2]] * 4))
    assert "type String" in refusal(parquet(tmp_path / "w.parquet", [*"abcd"], [["x"]] * 4))


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    npy(tmp_path / "v.npy", np.array([{"a": 1}, None], dtype=object))
    assert "pickled objects are never read" in refusal(tmp_path / "v.npy")
    (tmp_path / "w.npy").write_bytes(pickle.dumps([1.0]))
    assert "no array can be read" in refusal(tmp_path / "w.npy")


@for_each("ending", ["npy", "safetensors", "parquet"])
@for_each("kept", [0, 4, 20, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, ending: str, kept: int) -> None:
    path = tmp_path / f"v.{ending}"
    {
        "npy": lambda: npy(path, IN_FILE),
        "safetensors": lambda: tensors(path, v=IN_FILE),
        "parquet": lambda: parquet(path, [*"abcd"], IN_FILE),
    }[ending]()
    path.write_bytes(path.read_bytes()[:kept])
    refusal(path)


def test_a_truncated_safetensors_file_names_the_first_row_that_is_not_whole(tmp_path: Path) -> None:
    path = tensors(tmp_path / "v.safetensors", v=IN_FILE)
    path.write_bytes(path.read_bytes()[:-13])
    assert "first row that is not whole: 2" in refusal(path)


def test_an_array_that_is_no_table_is_refused(tmp_path: Path) -> None:
    assert "shape [12]" in refusal(npy(tmp_path / "v.npy", IN_FILE.ravel()))
    assert "0 two-dimensional" in refusal(tensors(tmp_path / "v.safetensors", v=IN_FILE.ravel()))
    assert "2 two-dimensional" in refusal(tensors(tmp_path / "w.safetensors", v=IN_FILE, w=IN_FILE))


def test_ids_without_a_vector_are_listed(tmp_path: Path) -> None:
    message = refusal(parquet(tmp_path / "v.parquet", ["a", "x", "c", "y"], IN_FILE))
    assert "2 of 4 texts of the corpus have no vector: b, d" in message


def test_an_id_twice_or_none_at_all_is_refused_with_its_row(tmp_path: Path) -> None:
    message = refusal(parquet(tmp_path / "v.parquet", ["a", "b", "b", "c"], IN_FILE))
    assert "1 ids have more than one vector: b" in message
    assert "row 1" in message
    message = refusal(parquet(tmp_path / "w.parquet", ["a", None, "b", "c"], IN_FILE))
    assert "1 vectors have no id" in message
    assert "rows [1]" in message


def test_mixed_widths_name_their_rows(tmp_path: Path) -> None:
    vectors = [[1.0, 2.0], [1.0, 2.0], [1.0], [1.0, 2.0]]
    message = refusal(parquet(tmp_path / "v.parquet", [*"abcd"], vectors))
    assert "1 vectors have widths other than 2 numbers" in message
    assert "rows [2]" in message
    assert "widths [1]" in message


@pytest.mark.parametrize("gap", [None, [1.0, None]])
def test_gaps_name_their_rows(tmp_path: Path, gap: list[float | None] | None) -> None:
    vectors = [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], gap]
    assert "rows [3]" in refusal(parquet(tmp_path / "v.parquet", [*"abcd"], vectors))


def test_a_parquet_file_without_vectors_or_with_two_candidates_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"doc_id": [*"abcd"]}).write_parquet(tmp_path / "v.parquet")
    assert "no single column can be the vectors" in refusal(tmp_path / "v.parquet")
    both = pl.DataFrame({"doc_id": [*"abcd"], "one": IN_FILE, "two": IN_FILE})
    both.write_parquet(tmp_path / "w.parquet")
    assert "no single column can be the vectors" in refusal(tmp_path / "w.parquet")


def test_the_check_lists_the_first_five_ids_with_nan() -> None:
    vectors = np.ones((8, 2), np.float32)
    vectors[1:7, 0] = np.nan
    vectors[7, 1] = np.inf
    with pytest.raises(DataError) as caught:
        check_vectors(vectors, pl.Series([*"abcdefgh"]), "queries", "v.npy")
    assert "7 vectors of the queries contain NaN or infinity: b, c, d, e, f" in str(caught.value)
    assert "v.npy" in str(caught.value)


def test_the_check_refuses_zeros_but_those_of_empty_texts() -> None:
    vectors = np.zeros((3, 2), np.float32)
    vectors[0] = 1
    empty = np.array([False, True, False])
    with pytest.raises(DataError, match="1 vectors of the corpus are all zero: c"):
        check_vectors(vectors, pl.Series([*"abc"]), "corpus", "static", allowed_zero=empty)
    check_vectors(vectors[:2], pl.Series([*"ab"]), "corpus", "static", allowed_zero=empty[:2])


def test_ids_of_a_table_may_be_whole_numbers_as_they_may_be_in_a_corpus(tmp_path: Path) -> None:
    path = tmp_path / "vectors.parquet"
    for kind in (pl.Int64, pl.UInt8, pl.String, pl.Categorical):
        ids = pl.Series([3, 1, 2]) if kind.is_integer() else pl.Series(["3", "1", "2"])
        pl.DataFrame(
            {"doc_id": ids.cast(kind), "title": ["c", "a", "b"], "vector": [[3.0], [1.0], [2.0]]}
        ).write_parquet(path)
        reader = read_vectors(path, pl.Series(["1", "2", "3"]), ROWS, "corpus")
        np.testing.assert_array_equal(reader.block(0, 3), [[1], [2], [3]])
