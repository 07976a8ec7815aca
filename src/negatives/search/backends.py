"""Which backend multiplies fastest here: a GPU, a processor with bfloat16, bytes, or numpy's BLAS.

Nothing is timed and nothing large is imported but where it will serve, so that the choice costs no
second and is the same every time. Results do not depend on it.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from negatives.errors import InputError
from negatives.faults import raise_spent
from negatives.optional import require
from negatives.search.backend import Backend
from negatives.search.blas import Blas
from negatives.search.int8_product import Int8

_WORTHWHILE = 2e12
"""Multiplications and additions (several seconds of a processor) that pay for importing torch."""
_WORTH_BYTES = 2e11
"""The same for onnxruntime."""
_FEW = 1 / 2000
"""Share of the documents a query may want: of more, too many come through the sieve of bytes."""
_ABOUT = Path("/proc/cpuinfo")
"""What Linux says of the processor."""


def choose_backend(device: str, operations: float, wanted: float, threads: int) -> Backend:
    """The backend for a search of `operations` (2 x queries x docs x width).

    `wanted`: the share of the documents that each query asks for, k / docs. `device`: `auto`,
    `cpu`, or a torch device, which is then used whatever the search's size.
    Raises `InputError` for a device that is not there.
    """
    if device not in ("auto", "cpu"):
        return _on(device, threads)
    if operations >= _WORTHWHILE and find_spec("torch"):
        if device == "auto" and has_gpu():
            return _on("cuda", threads)
        if multiplies_bfloat16():
            return _in_bfloat16(threads)
    if operations >= _WORTH_BYTES and wanted <= _FEW and has_int8():
        return Int8(workers=threads)
    return Blas(workers=threads)


def _in_bfloat16(threads: int) -> Backend:
    from negatives.search.bfloat16_product import Bfloat16

    require("torch", extra="train").set_num_threads(threads)
    return Bfloat16()


def _on(device: str, threads: int) -> Backend:
    from negatives.search.on_device import OnDevice

    torch = require("torch", extra="train")
    try:
        torch.zeros(1, device=device)
    except Exception as error:  # torch has one for each way a device may be missing
        raise_spent(error)
        first = str(error).splitlines()[0]
        raise InputError(
            f"no device {device!r}: {first}", where="device", fix="give auto or cpu"
        ) from None
    return OnDevice(device, workers=threads)


def has_int8() -> bool:
    """Whether what `Int8` needs is installed."""
    return bool(find_spec("onnx") and find_spec("onnxruntime"))


def has_gpu() -> bool:
    """Whether a driver of CUDA devices is loaded, and torch can use it."""
    if sys.platform == "linux" and not Path("/proc/driver/nvidia").exists():
        return False
    return bool(require("torch", extra="train").cuda.is_available())


@cache
def multiplies_bfloat16() -> bool:
    """Whether the processor says that it multiplies tiles of bfloat16 (AMX).

    Vectors of them (AVX-512 BF16) do not serve: on such a processor torch multiplied them slower
    than floats, and bytes more than twice as fast (benchmark `search`).
    """
    told = _ABOUT.read_text("utf-8") if _ABOUT.exists() else ""
    return "amx_bf16" in told.partition("flags")[2].partition("\n")[0].split()
