"""Shard files of the embedding store: vectors of many texts in one file that never changes.

A shard is a safetensors file of three tensors: keys (uint64[n, 2], the texts' 128-bit hashes),
vectors (float32[n, dim], as the encoder gave them) and truncated (uint8[n], 1 where only the
beginning of the text was read). Its name is NUMBER-ROWS-HASH, HASH being that of its bytes: so a
shard says itself whether it is sound, and two writers cannot be in each other's way. Of two shards
that hold the same key, the one with the lower number, then hash, is believed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from negatives.arrays import Bools, Floats, Keys
from negatives.errors import WorkError
from negatives.faults import raise_spent
from negatives.store.atomic import file_hash, writing

_NAME: Final = re.compile(r"(\d{6,})-(\d+)-([0-9a-f]{32})\.safetensors")
_KEY: Final = 16
"""Bytes of a key."""


def text_keys(texts: Iterable[str]) -> Keys:
    """uint64[n, 2]: the blake2b-128 hash of each text's UTF-8 bytes."""
    hashes = (hashlib.blake2b(text.encode(), digest_size=_KEY).digest() for text in texts)
    return np.frombuffer(b"".join(hashes), "<u8").reshape(-1, 2)


def damaged(path: Path, how: str) -> WorkError:
    """The error about a file of the store that cannot be believed."""
    return WorkError(
        f"a file of the embedding store is damaged: {how}",
        where=str(path),
        fix="negatives cache verify --repair; the next run encodes its texts again",
    )


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard file; what its name says of it."""

    path: Path
    number: int
    rows: int
    hash: str

    def keys(self) -> Keys:
        """The keys, checked against a hash of their own: reading them alone is cheap."""
        try:
            with safe_open(self.path, framework="numpy") as file:
                keys: Keys = file.get_tensor("keys")
                promised = file.metadata()["keys"]
        except Exception as error:  # safetensors has an exception of its own, and a flipped byte
            raise_spent(error)
            raise damaged(self.path, str(error)) from None  # can lead it into any other
        if keys.shape != (self.rows, 2) or promised != _digest(keys):
            raise damaged(self.path, "its keys are not the ones that were written")
        return keys

    @property
    def sound(self) -> bool:
        """Whether every byte is the one that was written."""
        return file_hash(self.path) == self.hash

    def take(self, rows: NDArray[np.int64], dim: int) -> tuple[Floats, Bools]:
        """float32[n, dim] and bool[n] of the given rows; the shard must be `sound`."""
        with self.path.open("rb") as file:
            start = 8 + int.from_bytes(file.read(8), "little") + _KEY * self.rows
        shape = (self.rows, dim)
        vectors = np.memmap(self.path, "<f4", "r", offset=start, shape=shape)
        flags = np.memmap(self.path, "u1", "r", offset=start + vectors.nbytes, shape=self.rows)
        return np.asarray(vectors[rows]), np.asarray(flags[rows]) != 0


def list_shards(folder: Path) -> list[Shard]:
    """The shards of a folder, the first to be believed first."""
    found = []
    for path in folder.iterdir():
        if match := _NAME.fullmatch(path.name):
            found.append(Shard(path, int(match[1]), int(match[2]), match[3]))
    return sorted(found, key=lambda shard: (shard.number, shard.hash))


def write_shard(folder: Path, number: int, keys: Keys, vectors: Floats, truncated: Bools) -> Shard:
    """Write a shard atomically; `keys` are distinct."""
    tensors = {
        "keys": np.ascontiguousarray(keys),
        "vectors": np.ascontiguousarray(vectors, np.float32),
        "truncated": np.ascontiguousarray(truncated, np.uint8),
    }
    data: bytes = save(tensors, metadata={"keys": _digest(keys)})
    content = hashlib.blake2b(data, digest_size=16).hexdigest()
    path = folder / f"{number:06d}-{len(keys)}-{content}.safetensors"
    with writing(path) as temporary:
        temporary.write_bytes(data)
    return Shard(path, number, len(keys), content)


def _digest(keys: NDArray[Any]) -> str:
    return hashlib.blake2b(keys.tobytes(), digest_size=16).hexdigest()
