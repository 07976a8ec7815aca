"""What may be used of the machine: processors, memory, a device. Checked before any work."""

from __future__ import annotations

import ctypes
import os
import re
from dataclasses import dataclass, replace
from typing import Final

from negatives.errors import InputError, nearest
from negatives.faults import raise_spent
from negatives.optional import require

UNITS: Final = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_LEAST: Final = 16 * 2**20
_MANY: Final = 64
"""Threads that may be asked for on the smallest machine: more is a mistake there."""
_DEVICES: Final = ("auto", "cpu", "cuda", "mps", "xpu")
_MEANT: Final = {"gpu": "cuda", "nvidia": "cuda"}


@dataclass(frozen=True, slots=True)
class Machine:
    """`threads` processors, `memory` bytes beyond the collection itself, and torch's `device`.

    None of them changes a result, only the time it takes.
    """

    threads: int = 1
    memory: int = 512 * 2**20
    device: str = "auto"

    @classmethod
    def checked(cls, threads: int | None, memory: str | int, device: str) -> Machine:
        """What is asked for, all processors where no number is; `InputError` for nonsense."""
        return cls(checked_threads(threads), parse_memory(memory), checked_device(device))

    def shared(self, workers: int) -> Machine:
        """What each of so many workers may use at the same time."""
        return replace(
            self,
            threads=max(1, self.threads // workers),
            memory=max(_LEAST, self.memory // workers),
        )


MODEST: Final = Machine()
"""What is used where nobody says what may be."""


def available_threads() -> int:
    """Processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def checked_threads(threads: int | None) -> int:
    """The number of threads asked for, all processors where none is; `InputError` for nonsense."""
    there = available_threads()
    if threads is None:
        return there
    most = max(_MANY, 4 * there)
    if not 1 <= threads <= most:
        raise InputError(
            f"{threads} is no number of threads",
            where="--threads",
            fix=f"give 1 to {most}; there are {there} processors here",
        )
    return threads


def parse_bytes(text: str) -> int | None:
    """Bytes of a text such as `512MB` or `2GB` (powers of 1024); None where it is none such."""
    match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([KMGT]?)i?B?\s*", text, re.IGNORECASE)
    return int(float(match[1]) * UNITS[match[2].upper()]) if match else None


def parse_memory(memory: str | int) -> int:
    """Bytes from a number or a text; `InputError` where they are too few, or none."""
    found = parse_bytes(memory) if isinstance(memory, str) else memory
    if found is None:
        raise InputError(
            f"not an amount of memory: {memory!r}", where="--memory", fix="such as 512MB or 2GB"
        )
    if found < _LEAST:
        raise InputError(
            f"too little memory: {memory!r}", where="--memory", fix="give at least 16MB"
        )
    return found


_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # numbers of mallopt's parameters in glibc's malloc.h
_ARENAS: Final = 2
_LITTLE: Final = 128 * 2**20
_LARGE: Final = 2**18


def give_back_freed(memory: int) -> None:
    """Have the C library keep little of what is freed for later; for a process of our own alone.

    With an arena for each thread it keeps the most that each of them has ever held. In little
    memory, large arrays are given back at once, which costs some processor time. Only glibc can be
    told; elsewhere nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_ARENA_MAX, _ARENAS)
    if memory <= _LITTLE:
        mallopt(_MMAP_THRESHOLD, _LARGE)


def checked_device(device: str) -> str:
    """The device asked for; `InputError` where torch has none of this name here."""
    kind, colon, number = device.partition(":")
    if kind not in _DEVICES or (colon and not (number.isascii() and number.isdecimal())):
        raise InputError(
            f"there is no device {device!r}",
            where="--device",
            fix=nearest(_MEANT.get(kind.lower(), device), _DEVICES),
        )
    if device not in ("auto", "cpu"):
        torch = require("torch", extra="train")
        try:
            torch.zeros(1, device=device)
        except Exception as error:  # torch has one for each way a device may be missing
            raise_spent(error)
            first = " ".join(str(error).split("\n")[:1])
            raise InputError(
                f"no device {device!r} here: {first}", where="--device", fix="give auto or cpu"
            ) from None
    return device
