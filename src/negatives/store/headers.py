"""Headers of .npy and .safetensors files, checked before anything is mapped by what they say.

A header says where in the file which numbers lie. One that is wrong, by damage or on purpose, would
have its own bytes, or nothing, read as numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from negatives.errors import DataError

LONGEST_NPY: Final = 10_000
LONGEST_SAFETENSORS: Final = 100_000_000
"""Bytes of a header, at most: numpy's own limit, and the other format's."""

_METADATA: Final = "__metadata__"
SIZES: Final = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64"), 8),
}
"""Bytes a number, by what a safetensors header calls its type."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a file: its bytes are `begin` to `end` of the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def check_npy(path: Path) -> None:
    """Raise `DataError` unless the file is one whole array of numbers, as its header says."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            if version not in ((1, 0), (2, 0)):  # the third is for names of columns
                raise ValueError(f"version {version[0]}.{version[1]} of the format")
            width = 2 if version == (1, 0) else 4
            length = int.from_bytes(file.read(width), "little")
            if length > min(LONGEST_NPY, size):
                raise ValueError(f"a header of {length:,} bytes")
            file.seek(-width, 1)
            read = np.lib.format.read_array_header_1_0
            read = read if width == 2 else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
        except Exception as error:  # numpy parses it as Python, which fails in its own ways
            raise _bad(path, f"no header of a .npy file: {_first_line(error)}") from None
        start = file.tell()
    if dtype.hasobject:
        raise DataError(
            "the array holds Python objects, and pickled objects are never read",
            where=str(path),
            fix='save numbers of one length a row: numpy.save(path, vectors.astype("float32"))',
        )
    if any(length < 0 for length in shape):
        raise _bad(path, f"the header promises an array of shape {list(shape)}")
    ends = start + math.prod(shape) * dtype.itemsize
    if ends > size:
        raise _truncated(path, Tensor(str(dtype), shape, start, ends))
    if ends < size:
        raise _bad(path, f"{size - ends:,} bytes follow the array that the header promises")


def read_tensors(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a safetensors file, by name.

    `DataError` unless they are as `promised_tensors` demands, and end where the file does.
    """
    size = path.stat().st_size
    made, promised = promised_tensors(path)
    for tensor in made.values():
        if tensor.end > size:
            raise _truncated(path, tensor)
    if promised < size:
        raise _bad(path, f"{size - promised:,} bytes follow the tensors that the header promises")
    return made


def promised_tensors(path: Path) -> tuple[Mapping[str, Tensor], int]:
    """The tensors that the header of a safetensors file promises, by name, and the file's bytes.

    `DataError` unless they lie one after another, without gaps, from the header's end on, each as
    long as its shape says. Whether the file is so long is not looked at.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8 or length > LONGEST_SAFETENSORS:
            raise _bad(path, "not a safetensors file, or a truncated one")
        head = file.read(length)
    try:
        held = json.loads(head)
    except (ValueError, RecursionError):
        raise _bad(path, "not a safetensors file, or a truncated one") from None
    if not isinstance(held, dict):
        raise _bad(path, "the header is no table of tensors")
    at = 8 + length
    made = [
        (name, _tensor(name, said, at, path)) for name, said in held.items() if name != _METADATA
    ]
    made.sort(key=lambda item: (item[1].begin, item[1].end))
    for name, tensor in made:
        if tensor.begin != at:
            how = "overlaps another" if tensor.begin < at else "leaves a gap before it"
            raise _bad(path, f"the tensor {name!r} {how}")
        at = tensor.end
    return dict(made), at


def _tensor(name: str, said: Any, start: int, path: Path) -> Tensor:
    """What the header says of one tensor, if it can be so."""
    said = said if isinstance(said, dict) else {}
    dtype, shape, offsets = said.get("dtype"), said.get("shape"), said.get("data_offsets")
    if not (isinstance(dtype, str) and _counts(shape) and _counts(offsets) and len(offsets) == 2):
        raise _bad(path, f"the header does not say where the tensor {name!r} lies")
    begin, end = offsets
    promised = math.prod(shape) * SIZES[dtype] if dtype in SIZES else end - begin
    if end - begin != promised:
        raise _bad(
            path,
            f"the tensor {name!r} of shape {shape} and type {dtype} takes {promised:,} bytes, and "
            f"the header gives it {end - begin:,}",
        )
    return Tensor(dtype, tuple(shape), start + begin, start + end)


def _counts(value: Any) -> bool:
    """Whether a value is a list of whole numbers, none below 0."""
    return isinstance(value, list) and all(type(one) is int and one >= 0 for one in value)


def _truncated(path: Path, tensor: Tensor) -> DataError:
    """The error of a file that ends within a tensor, with the first row that is not whole."""
    rows = tensor.shape[0] if tensor.shape else 1
    row_bytes = (tensor.end - tensor.begin) // max(1, rows)
    row = max(0, path.stat().st_size - tensor.begin) // max(1, row_bytes)
    return DataError(
        f"truncated: the header promises {rows} vectors",
        where=f"{path}, first row that is not whole: {row}",
        fix="copy or save the file again",
    )


def _bad(path: Path, what: str) -> DataError:
    return DataError(
        f"no array can be read: {what}", where=str(path), fix="copy or save the file again"
    )


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
