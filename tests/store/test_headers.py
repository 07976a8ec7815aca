"""Headers that lie: of vectors that users give, and of the library's own arrays."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save

from negatives.arrays import Floats
from negatives.errors import DataError, RunError
from negatives.models.precomputed import read_vectors
from negatives.store.vectors import open_vectors

ROWS = pl.Series([0, 1, 2], dtype=pl.UInt32)
IDS = pl.Series(["a", "b", "c"])
VECTORS: Floats = np.arange(12, dtype=np.float32).reshape(3, 4) + 1
DATA = VECTORS.tobytes()


def said_of(path: Path) -> str:
    """The refusal of a file of vectors, which names it and says how to fix it."""
    with pytest.raises(DataError) as caught:
        read_vectors(path, IDS, ROWS, "corpus").block(0, 3)
    assert str(path) in caught.value.where
    assert caught.value.fix
    return caught.value.what


def safetensors(header: Any, data: bytes = DATA, length: int | None = None) -> bytes:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(head) if length is None else length).to_bytes(8, "little") + head + data


def matrix(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48], **changes}


def test_a_safetensors_header_that_lies_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    other = {"dtype": "F32", "shape": [2], "data_offsets": [40, 48]}
    for bytes_, said in (
        (b"", "not a safetensors file, or a truncated one"),
        (b"\0" * 7, "not a safetensors file, or a truncated one"),
        (b"\0" * 8, "not a safetensors file"),
        (safetensors({}, length=2**63), "not a safetensors file, or a truncated one"),
        (safetensors({}, length=10**9), "not a safetensors file, or a truncated one"),
        (safetensors(b"[" * 200_000), "not a safetensors file"),
        (safetensors(b"[]"), "no table of tensors"),
        (safetensors({"v": 1}), "does not say where the tensor 'v' lies"),
        (safetensors({"v": matrix(data_offsets=[-48, 0])}), "does not say where"),
        (safetensors({"v": matrix(data_offsets=[48, 0])}), "takes 48 bytes, and the header"),
        (safetensors({"v": matrix(data_offsets=["0", "48"])}), "does not say where"),
        (safetensors({"v": matrix(data_offsets=[0.0, 48.0])}), "does not say where"),
        (safetensors({"v": matrix(data_offsets=[0])}), "does not say where"),
        (safetensors({"v": matrix(shape=[-3, -4])}), "does not say where"),
        (safetensors({"v": matrix(shape=[True, 12])}), "does not say where"),
        (safetensors({"v": matrix(shape=[2**40, 2**40])}), "takes 4,835,703,278,458"),
        (safetensors({"v": matrix(shape=[3, 5])}), "takes 60 bytes, and the header gives it 48"),
        (safetensors({"v": matrix(dtype=4)}), "does not say where"),
        (safetensors({"v": matrix(dtype="C64")}), "of type C64"),
        (safetensors({"v": matrix(), "w": other}), "'w' overlaps another"),
        (safetensors({"v": matrix(data_offsets=[8, 56])}, b"12345678" + DATA), "leaves a gap"),
        (safetensors({"v": matrix()}, DATA + b"1"), "1 bytes follow the tensors"),
        (safetensors({"v": matrix()}, DATA[:-1]), "truncated: the header promises 3 vectors"),
        (safetensors({"v": matrix(shape=[10**6, 4], data_offsets=[0, 16 * 10**6])}), "truncated"),
        (safetensors({"v": matrix(shape=[0, 4], data_offsets=[0, 0])}, b""), "0 vectors, and the"),
        (safetensors({"v": matrix(shape=[3, 0], data_offsets=[0, 0])}, b""), "shape [3, 0]"),
        (safetensors({}, b""), "0 two-dimensional tensors"),
    ):
        path.write_bytes(bytes_)
        assert said in said_of(path)


def npy(
    header: str, data: bytes = DATA, version: bytes = b"\1\0", length: int | None = None
) -> bytes:
    head = header.encode() + b"\n"
    width = 2 if version[0] == 1 else 4
    size = (len(head) if length is None else length).to_bytes(width, "little")
    return b"\x93NUMPY" + version + size + head + data


def described(descr: str = "'<f4'", order: str = "False", shape: str = "(3, 4)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def test_a_npy_header_that_lies_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    for bytes_, said in (
        (b"", "no header of a .npy file"),
        (b"PK\3\4" + DATA, "no header of a .npy file"),
        (b"\x93NUMPY", "no header of a .npy file"),
        (npy(described(), version=b"\7\7"), "no header of a .npy file"),
        (npy(described(), length=60_000), "no header of a .npy file: a header of 60,000 bytes"),
        (npy(described(), version=b"\2\0", length=2**31), "a header of 2,147,483,648 bytes"),
        (npy("{'descr': __import__('os')}"), "no header of a .npy file"),
        (npy("(" * 5_000), "no header of a .npy file"),
        (npy(described("'|O'")), "pickled objects are never read"),
        (npy(described("[('a', '|O')]")), "pickled objects are never read"),
        (npy(described("'<U1'")), "the vectors are of type <U1"),
        (npy(described(shape="(-3, 4)")), "promises an array of shape [-3, 4]"),
        (npy(described(shape="(-3, -4)")), "promises an array of shape [-3, -4]"),
        (npy(described(shape="(4611686018427387904, 4)")), "truncated: the header promises"),
        (npy(described(shape="(3.0, 4)")), "no header of a .npy file"),
        (npy(described(shape="(4, 4)")), "truncated: the header promises 4 vectors"),
        (npy(described(shape="(2, 4)")), "16 bytes follow the array"),
        (npy(described(shape="(0, 4)"), b""), "0 vectors"),
        (npy(described(shape="(3, 0)"), b""), "shape [3, 0]"),
        (npy(described(shape="()"), b"1234"), "shape []"),
        (npy(described(shape="(12,)")), "shape [12]"),
        (npy(described(order="3")), "no header of a .npy file"),
    ):
        path.write_bytes(bytes_)
        assert said in said_of(path)


def test_vectors_stored_column_by_column_are_read_as_what_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.asfortranarray(VECTORS))
    held = read_vectors(tmp_path / "v.npy", IDS, ROWS, "corpus").block(0, 3)
    np.testing.assert_array_equal(held, VECTORS)


def test_a_damaged_byte_is_refused_or_changes_no_more_than_itself(tmp_path: Path) -> None:
    chance = random.Random(0)
    np.save(tmp_path / "v.npy", VECTORS)
    whole = {".npy": (tmp_path / "v.npy").read_bytes(), ".safetensors": save({"v": VECTORS})}
    for ending, sound in whole.items():
        path = tmp_path / f"damaged{ending}"
        for _ in range(400):
            made = bytearray(sound[: chance.choice([len(sound), chance.randrange(len(sound))])])
            for _ in range(chance.randint(1, 3)):
                if made:
                    made[chance.randrange(len(made))] = chance.randrange(256)
            path.write_bytes(made)
            with contextlib.suppress(DataError), np.errstate(all="ignore"):
                assert len(read_vectors(path, IDS, ROWS, "corpus").block(0, 3)) == 3


def test_a_damaged_array_of_a_run_is_told_and_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "queries-1.npy"
    np.save(path, VECTORS)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(RunError, match="a file of this run's work is damaged: truncated") as caught:
        open_vectors(path)
    assert "remove it, and run the same command again" in caught.value.fix
