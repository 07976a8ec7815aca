"""The embedding store: a text's vector is computed once and shared by runs and collections.

It lies in the folder `embeddings` of $NEGATIVES_CACHE, else of the user's cache folder for
`negatives`. NEGATIVES_CACHE=off goes without sharing: each run then keeps its vectors in its own
scratch folder.

A *space* is a folder of vectors that may be compared: of one encoder (the fingerprint of its
weights, not its name), one prompt, one width. space.json says which; the rest are shards (see
`embedding_shards`). Nothing in a space is ever changed, only added, and removed by `negatives
cache`; a run shares a lock on the spaces it uses, and they are not pruned under it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Bools, Floats, Keys, Places
from negatives.cache_folder import cache_folder
from negatives.errors import RunError, WorkError
from negatives.faults import raise_spent
from negatives.store.atomic import writing
from negatives.store.embedding_shards import Shard, damaged, list_shards, write_shard
from negatives.store.lock import locked, shared

ABOUT: Final = "space.json"
SCHEMA_VERSION: Final = 1

_SPACE: Final = re.compile(r"[0-9a-f]{20}(-\d+)?")

LARGEST: Final = 32 * 2**20
"""Bytes of vectors in a shard, about."""
LONGEST: Final = 10.0
"""Seconds that vectors wait for others to share a shard with."""
SMALL: Final = 2**20
MANY: Final = 32
"""More than this many shards smaller than `SMALL` bytes are made one."""
SAME_MODEL: Final = 0.999
"""Cosine of a served model's probes from which on it counts as unchanged."""


def store_folder() -> Path | None:
    """Where the shared store is; None where NEGATIVES_CACHE is `off`, see `cache_folder`."""
    cache = cache_folder()
    return None if cache is None else cache / "embeddings"


def writable(folder: Path) -> bool:
    """Whether a store can be kept in a folder, which is made where it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What the vectors of a space are of. `encoder` is the name a user gave it first.

    `probe`: for a served model, whose weights cannot be hashed, its vector of a fixed text.
    """

    schema_version: int = SCHEMA_VERSION
    fingerprint: str
    encoder: str
    prompt: str
    dim: int
    dtype: str = "float32"
    probe: tuple[float, ...] = ()

    @property
    def id(self) -> str:
        """Names the space's folder: a hash of all that makes vectors comparable."""
        parts = (self.schema_version, self.fingerprint, self.prompt, self.dim, self.dtype)
        return hashlib.blake2b(msgspec.json.encode(parts), digest_size=10).hexdigest()


class Stored(NamedTuple):
    """float32[n, dim] vectors; bool[n]: whether only the beginning of the text was read."""

    vectors: Floats
    truncated: Bools


@dataclass(frozen=True, slots=True)
class EmbeddingStore:
    """A folder of spaces. `memory`: bytes, of which a space holds an eighth before it writes."""

    folder: Path
    memory: int = 512 * 2**20

    @contextmanager
    def space(self, about: About) -> Iterator[Space]:
        """The space of `about`, made where there is none, safe from pruning while it is used.

        Where `about` has a probe, a space whose own probe differs is left alone and another
        generation is used: the model behind the endpoint was changed.
        """
        folder = self.folder / (self._generation(about) if about.probe else about.id)
        with _there(folder):
            with shared(folder):
                if not (folder / ABOUT).exists():
                    if shards := list_shards(folder):
                        raise damaged(
                            folder / ABOUT, f"it is gone, and {len(shards)} shards are not"
                        )
                    with writing(folder / ABOUT) as temporary:
                        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(about)))
                held = read_about(folder)
                os.utime(folder / ABOUT)
                space = Space(folder, held.dim, largest=max(1, min(LARGEST, self.memory // 8)))
                try:
                    yield space
                finally:
                    space.flush()
            _merge_small(folder, held.dim)

    def _generation(self, about: About) -> str:
        """The newest generation of a space with the same probe, else the next."""
        numbers = [
            int(folder.name.partition("-")[2] or 1)
            for folder in space_folders(self.folder)
            if folder.name.startswith(about.id) and (folder / ABOUT).is_file()
        ]
        for number in sorted(numbers, reverse=True):
            name = _named(about.id, number)
            if _alike(read_about(self.folder / name).probe, about.probe):
                return name
        return _named(about.id, max(numbers, default=0) + 1)


@contextmanager
def _there(folder: Path) -> Iterator[None]:
    """Tell of a space that somebody removes while it is used, as one does who empties a cache."""
    try:
        yield
    except FileNotFoundError as error:
        if not Path(str(error.filename)).is_relative_to(folder):
            raise
        raise WorkError(
            "stored vectors were removed while they were used",
            where=str(folder),
            fix="run the same command again: it encodes these texts once more",
        ) from None


def space_folders(folder: Path) -> list[Path]:
    """The folders of spaces in a store; whatever else lies there is not the store's."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _SPACE.fullmatch(path.name))


def _named(name: str, generation: int) -> str:
    return f"{name}-{generation}" if generation > 1 else name


def _alike(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    if len(one) != len(other):
        return False
    left, right = np.array(one), np.array(other)
    lengths = np.linalg.norm(left) * np.linalg.norm(right)
    return bool(left @ right >= SAME_MODEL * lengths > 0)


def read_about(folder: Path) -> About:
    """What a space says of itself; `WorkError` where that is damaged or not of this folder."""
    path = folder / ABOUT
    try:
        about = msgspec.json.decode(path.read_bytes(), type=About)
    except (OSError, msgspec.DecodeError) as error:
        raise_spent(error)
        raise damaged(path, str(error)) from None
    if about.id != folder.name.partition("-")[0]:
        raise damaged(path, "it is of another space")
    return about


class Space:
    """Vectors of one encoder with one prompt; opened by `EmbeddingStore.space`.

    `largest`: bytes of vectors that are held before they are written.
    """

    def __init__(self, folder: Path, dim: int, *, largest: int = LARGEST) -> None:
        self.folder = folder
        self.dim = dim
        self._largest = largest
        self._numbers: dict[Shard, int] = {}
        self._sound: set[Shard] = set()
        self._waiting: list[tuple[Keys, Floats, Bools]] = []
        self._written = time.monotonic()

    @property
    def shards(self) -> list[Shard]:
        """The shards that `locate` has seen; a place is shard * 2**32 + row."""
        return list(self._numbers)

    def locate(self, keys: Keys) -> Places:
        """int64[n]: the place of each of the distinct `keys`, -1 where it has none."""
        self.flush()
        places = np.full(len(keys), -1, np.int64)
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        high, low = np.ascontiguousarray(keys[order].T)
        for shard in list_shards(self.folder):
            number = self._numbers.setdefault(shard, len(self._numbers))
            at, rows = _matches(high, low, shard.keys())
            new = places[order[at]] < 0
            places[order[at[new]]] = (number << 32) | rows[new]
        return places

    def read(self, places: Places) -> Stored:
        """What is at `places`, each of which was located; a shard is checked when first read."""
        vectors = np.empty((len(places), self.dim), np.float32)
        truncated = np.empty(len(places), bool)
        numbers = places >> 32
        shards = self.shards
        for number in np.unique(numbers).tolist():
            if number < 0:
                raise WorkError(
                    "a text has no place in the embedding store", where=str(self.folder)
                )
            shard = shards[number]
            if shard not in self._sound:
                self._check(shard)
            at = np.flatnonzero(numbers == number)
            vectors[at], truncated[at] = shard.take(places[at] & 0xFFFFFFFF, self.dim)
        return Stored(vectors, truncated)

    def append(self, keys: Keys, vectors: Floats, truncated: Bools) -> None:
        """Add vectors of distinct texts. Those of one call come to lie in one shard, or in none."""
        self._waiting.append((keys, vectors, truncated))
        size = sum(vectors.nbytes for _, vectors, _ in self._waiting)
        if size >= self._largest or time.monotonic() - self._written > LONGEST:
            self.flush()

    def flush(self) -> None:
        """Write what `append` holds back."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            number = max((shard.number for shard in list_shards(self.folder)), default=0) + 1
            keys, vectors, truncated = (
                np.concatenate(parts) for parts in zip(*waiting, strict=True)
            )
            self._sound.add(write_shard(self.folder, number, keys, vectors, truncated))
        self._written = time.monotonic()

    def _check(self, shard: Shard) -> None:
        if not shard.sound:
            raise damaged(shard.path, "its bytes are not the ones that were written")
        os.utime(shard.path)  # what is read is kept longest by `prune`
        self._sound.add(shard)


def _matches(high: Keys, low: Keys, held: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of the sorted wanted keys (`high`, `low`) are `held`, and at which rows."""
    rows = np.arange(len(held))
    at = np.searchsorted(high, held[:, 0])
    found, found_rows = [at[:0]], [rows[:0]]
    while True:  # once, unless wanted keys have a half in common
        alike = at < len(high)
        alike[alike] = high[at[alike]] == held[rows[alike], 0]
        at, rows = at[alike], rows[alike]
        equal = low[at] == held[rows, 1]
        found.append(at[equal])
        found_rows.append(rows[equal])
        if equal.all():
            return np.concatenate(found), np.concatenate(found_rows)
        at, rows = at[~equal] + 1, rows[~equal]


def _merge_small(folder: Path, dim: int) -> None:
    """Make many small shards one, if nobody uses the space; every key keeps its vector.

    The merged shard has the lowest number of its parts, and keys that a shard outside is believed
    for are left out: so it is believed for exactly the keys that its parts were believed for.
    """
    small = [shard for shard in list_shards(folder) if shard.path.stat().st_size < SMALL]
    if len(small) <= MANY:
        return
    # A damaged shard or a full disk is for those who need the space, not for one who tidies up.
    with suppress(RunError, WorkError), locked(folder):
        space = Space(folder, dim)
        keys = np.unique(np.concatenate([shard.keys() for shard in small]), axis=0)
        places = space.locate(keys)
        within = np.array([shard in small for shard in space.shards])[places >> 32]
        keys, places = keys[within], places[within]
        stored = space.read(places)
        number = min(shard.number for shard in small)
        merged = write_shard(folder, number, keys, stored.vectors, stored.truncated)
        for shard in small:
            if shard != merged:
                shard.path.unlink(missing_ok=True)
